// The recorder's panel: draws what the store knows, and sends orders to the kernel.

const SILENT_AFTER_MS = 4000;
const UNHEARD_AFTER_MS = 1500;
let views = 0;

/** A field with its label. */
function field(name, label, attributes, tag = "input") {
  const id = `tinyml-recorder-${views}-${name}`;
  const input = make(tag, { id, "data-field": name, ...attributes });
  return [make("div", { class: `tinyml-field tinyml-${name}` }, make("label", { for: id }, label), input), input];
}

function render({ store, el }) {
  views++;
  const send = (order) => store.model.send(order);
  const ids = { labels: `tinyml-labels-${views}`, ports: `tinyml-ports-${views}` };
  const button = (action, text, onclick, more = {}) =>
    make("button", { type: "button", class: "tinyml-button", "data-action": action, onclick, ...more }, text);

  // -- connection
  const dot = make("span", { class: "tinyml-dot", "aria-hidden": "true" });
  const headline = make("span", { class: "tinyml-headline", role: "status" });
  const [portBox, port] = field("port", "Port", { list: ids.ports, spellcheck: "false", autocomplete: "off" });
  const [sensorBox, sensor] = field("sensor", "Sensor", {}, "select");
  const portList = make("datalist", { id: ids.ports });
  const connect = button("connect", "Connect", () => {
    if (store.state.link === "live") send({ do: "disconnect" });
    else send({ do: "connect", port: port.value.trim() });
    waitForKernel();
  });
  port.addEventListener("keydown", (event) => event.key === "Enter" && store.state.link !== "live" && connect.click());
  sensor.addEventListener("change", () => send({ do: "select", sensor: sensor.value }));

  // -- live
  const canvas = make("canvas", { class: "tinyml-live", role: "img", "data-draws": "0" });
  const badge = make("div", { class: "tinyml-badge", hidden: true });
  const overlay = make("div", { class: "tinyml-overlay", hidden: true });
  const facts = make("div", { class: "tinyml-facts", role: "group", "aria-label": "quality of the stream" });

  // -- form
  const [labelBox, label] = field("label", "Label", { list: ids.labels, autocomplete: "off", placeholder: "what it shows" });
  const [subjectBox, subject] = field("subject", "Subject", { autocomplete: "off", placeholder: "who" });
  const [sessionBox, session] = field("session", "Session", { autocomplete: "off", placeholder: "which sitting" });
  const [secondsBox, seconds] = field("seconds", "Seconds (0: till stop)", { type: "number", min: 0, max: 86400, step: "any" });
  const [countdownBox, countdown] = field("countdown_s", "Countdown, s", { type: "number", min: 0, max: 60, step: 1 });
  const labelList = make("datalist", { id: ids.labels });
  const inputs = { port, label, subject, session, seconds, countdown_s: countdown };
  const numbers = new Set(["seconds", "countdown_s"]);
  const entered = () =>
    Object.fromEntries(
      Object.entries(inputs)
        .filter(([name]) => name !== "port")
        .map(([name, input]) => [name, numbers.has(name) ? input.valueAsNumber || 0 : input.value.trim()]),
    );
  const unheard = new Map(); // what was written here, and the kernel has not repeated yet: it knows an older value
  function tellForm(order) {
    const form = { ...entered(), ...order };
    for (const name in inputs) if (name in form) unheard.set(name, form[name]);
    send({ do: "form", ...form });
  }
  for (const name in inputs) if (name !== "port") inputs[name].addEventListener("change", () => tellForm({}));
  const start = button("start", "\u25cf Start", (event) => begin({}, event), { class: "tinyml-button tinyml-start" });
  const stop = button("stop", "\u25a0 Stop", () => {
    send({ do: "stop" });
    waitForKernel();
  });
  const progress = make("progress", { max: 1, value: 0, "aria-label": "progress of the take" });
  const progressText = make("span", { class: "tinyml-progress-text" });
  const chips = make("div", { class: "tinyml-chips", role: "group", "aria-label": "record a take with this label" });
  const total = make("div", { class: "tinyml-total" });
  label.addEventListener("keydown", (event) => event.key === "Enter" && !start.disabled && begin({}));

  // -- news and the last take
  const news = make("div", { class: "tinyml-news", role: "log", "aria-live": "polite", "aria-label": "news" });
  const takeTitle = make("h4");
  const takeFacts = make("div", { class: "tinyml-take-facts" });
  const takeProblems = make("ul", { class: "tinyml-problems" });
  const takeCanvas = make("canvas", { class: "tinyml-take-wave", role: "img", "aria-label": "the whole of the last take" });
  const keep = button("keep", "Keep", () => send({ do: "keep", path: store.state.take.path }));
  const discard = button("discard", "Discard\u2026", () => ask(true));
  const really = button("really-discard", "Delete it", () => {
    send({ do: "discard", path: store.state.take.path });
    ask(false);
  }, { class: "tinyml-button tinyml-danger" });
  const cancel = button("cancel", "Cancel", () => ask(false));
  const question = make("span", { class: "tinyml-question", role: "alertdialog", hidden: true }, "Delete it from the disk? ", really, " ", cancel);
  const fate = make("span", { class: "tinyml-fate", role: "status" });
  const takeBox = make(
    "section",
    { class: "tinyml-take", "aria-label": "last take", hidden: true },
    make("div", { class: "tinyml-take-head" }, takeTitle, fate, make("div", { class: "tinyml-take-buttons" }, keep, discard, question)),
    takeFacts, takeProblems, takeCanvas,
  );

  const root = make(
    "div",
    { class: "tinyml-recorder", role: "region", "aria-label": "recorder" },
    make("div", { class: "tinyml-bar" }, dot, headline, portBox, portList, sensorBox, connect),
    make(
      "div",
      { class: "tinyml-main" },
      make("div", { class: "tinyml-scope" }, make("div", { class: "tinyml-screen" }, canvas, badge, overlay), facts),
      make(
        "div",
        { class: "tinyml-form" },
        labelBox, labelList,
        make("div", { class: "tinyml-row" }, subjectBox, sessionBox),
        make("div", { class: "tinyml-row" }, secondsBox, countdownBox),
        make("div", { class: "tinyml-row tinyml-go" }, start, stop),
        make("div", { class: "tinyml-progress" }, progress, progressText),
        chips, total,
      ),
    ),
    news, takeBox,
  );
  el.append(root);

  // -- orders

  let orderedAt = null; // an order was given, and the kernel has not answered
  function waitForKernel() {
    orderedAt = performance.now();
  }
  const newest = () => store.state.news.at(-1)?.number ?? 0;
  let startedAt = null; // a take was ordered, when this was the newest line of news
  let follow = false; // it was with the keyboard, whose focus a disabled button loses: it goes to Stop, and back
  function begin(fields, event) {
    follow = event?.detail === 0;
    startedAt = newest();
    tellForm({ do: "start", ...fields });
    showState();
    waitForKernel();
  }
  function followFocus() {
    const active = root.getRootNode().activeElement;
    if (active && ![document.body, start, stop].includes(active)) follow = false;
    if (!follow) return;
    if (!stop.disabled) stop.focus();
    else if (!start.disabled) {
      start.focus();
      follow = false;
    }
  }
  function ask(asking) {
    question.hidden = !asking;
    keep.hidden = discard.hidden = asking;
    if (asking) cancel.focus();
    else showTake();
  }

  // -- what is shown

  let theme = readTheme(root);
  const focused = (input) => input.getRootNode().activeElement === input;

  function showState() {
    const state = store.state;
    if (state.phase !== "idle" || newest() !== startedAt || store.gone) startedAt = null;
    const busy = state.phase !== "idle" || startedAt !== null;
    const live = state.link === "live" && !store.gone;
    dot.dataset.link = store.gone ? "gone" : state.link;
    write(headline, sayLink(state, store.gone));
    write(connect, state.link === "live" ? "Disconnect" : state.link === "connecting" ? "Connecting\u2026" : "Connect");
    connect.disabled = state.link === "connecting" || store.gone;
    connect.classList.toggle("tinyml-start", state.link === "closed" && !store.gone);
    port.disabled = state.link !== "closed" || store.gone;
    for (const [name, input] of Object.entries(inputs)) {
      if (unheard.get(name) === state.form[name]) unheard.delete(name);
      if (focused(input) || unheard.has(name)) continue;
      if (String(input.value) !== String(state.form[name])) input.value = state.form[name];
    }
    fill(portList, state.ports, (each) => make("option", { value: each.port }, each.text));
    fill(labelList, state.labels, (text) => make("option", { value: text }));
    const sensors = state.sensors.length ? state.sensors : state.form.sensor ? [state.form.sensor] : [];
    fill(sensor, sensors.length ? sensors : ["\u2013"], (text) => make("option", { value: text }, text));
    if (sensors.includes(state.form.sensor)) sensor.value = state.form.sensor;
    sensor.disabled = !live || busy || sensors.length < 2;
    start.disabled = !live || busy;
    stop.disabled = !live || !["countdown", "starting", "recording"].includes(state.phase);
    followFocus();
    fill(chips, chipsOf(state), (chip) =>
      make(
        "button",
        { type: "button", class: "tinyml-chip", "data-label": chip.label, title: `Record a take labelled \u201c${chip.label}\u201d`,
          onclick: (event) => { label.value = chip.label; begin({ label: chip.label }, event); } },
        make("span", { class: "tinyml-chip-label" }, chip.label),
        make("span", { class: "tinyml-chip-count" }, chip.takes ? `${plural(chip.takes, "take")} \u00b7 ${short(chip.seconds)} s` : "no take yet"),
      ));
    for (const chip of chips.children) chip.disabled = !live || busy;
    const takes = state.table.reduce((sum, row) => sum + row.takes, 0);
    write(total, takes ? `${plural(takes, "take")} in ${state.folder}` : `Takes go to ${state.folder}`);
    fill(news, state.news, (line) => make("div", { class: `tinyml-line tinyml-${line.level}` }, line.text));
    canvas.setAttribute("aria-label", sayCanvas(state));
    canvas.style.height = `${store.live.height}px`;
    showOverlay();
    showStatus();
    showTake();
  }

  function showOverlay() {
    const state = store.state;
    const silent = performance.now() - store.heardAt > SILENT_AFTER_MS && state.link === "live";
    let text = "";
    overlay.classList.toggle("tinyml-count", state.phase === "countdown" && !store.gone);
    if (store.gone) text = "The kernel is gone. What was recorded is on disk; run the cell again to go on.";
    else if (state.phase === "countdown") text = String(state.countdown);
    else if (state.link === "connecting") text = `Opening ${state.board.port}\u2026`;
    else if (state.link === "closed") text = "Not connected";
    else if (silent) text = "No news from the kernel. It may be busy, or was restarted: then run the cell again.";
    write(overlay, text);
    overlay.hidden = !text;
    const waiting = orderedAt !== null && performance.now() - orderedAt > UNHEARD_AFTER_MS;
    if (waiting) write(headline, "The kernel is busy: it will heed the button when the cell is done.");
  }

  function showStatus() {
    const { state, status } = store;
    const recording = state.phase === "recording" || state.phase === "saving";
    const rate = status?.rate_hz || status?.facts?.measured_rate_hz;
    const done = recording && status?.recording && rate ? status.span / rate : 0;
    const whole = state.under_way.seconds;
    progress.value = state.phase === "saving" ? 1 : whole ? Math.min(1, done / whole) : 0;
    if (recording && !whole && state.phase !== "saving") progress.removeAttribute("value"); // until stopped
    write(progressText, recording ? `${done.toFixed(1)}${whole ? ` of ${short(whole)}` : ""} s` : "");
    badge.hidden = state.phase !== "recording" || store.gone;
    write(badge, `\u25cf REC ${state.under_way.label ?? ""} ${done ? done.toFixed(1) + " s" : ""}`);
    fill(facts, factsOf(state, status, store.live), ({ name, text, level, id }) =>
      make("div", { class: `tinyml-fact ${level ?? ""}`, "data-fact": id }, make("span", { class: "tinyml-fact-name" }, name), make("span", { class: "tinyml-fact-text" }, text)));
  }

  function showTake() {
    const take = store.state.take;
    takeBox.hidden = !take;
    if (!take) return;
    const deleted = take.fate === "discarded";
    if (take.path !== takeBox.dataset.path) {
      takeBox.dataset.path = take.path;
      question.hidden = true;
      keep.hidden = discard.hidden = false;
    }
    const [what, unit] = take.sensor.kind === "image" ? ["image", "images/s"] : ["sample", "Hz"];
    write(takeTitle, `Last take: ${take.label || "no label"}`);
    write(takeFacts, `${plural(take.samples, what)} of ${take.sensor.name}, ${short(take.seconds)} s` +
      `${take.rate_hz ? ` at ${short(take.rate_hz)} ${unit}` : ""}, ${take.missing} missing \u00b7 ${take.path}`);
    write(fate, { new: "safe on disk", kept: "\u2713 kept", discarded: "discarded" }[take.fate]);
    fate.dataset.fate = take.fate;
    fill(takeProblems, deleted ? [] : take.problems, (text) => make("li", {}, text));
    keep.disabled = take.fate !== "new" || store.gone;
    discard.disabled = deleted || store.gone;
    if (deleted) question.hidden = true;
    takeCanvas.hidden = deleted;
    if (!deleted) drawLastTake(take);
  }

  let takeDrawn = "";
  function drawLastTake(take) {
    const groups = take.sensor.kind === "image" ? 0 : groupByUnit(take.sensor).length;
    takeCanvas.style.height = groups ? `${groups * 100 + 18}px` : "100px";
    const outline = store.model.get("outline");
    const key = [take.path, takeCanvas.clientWidth, theme.dark, outline?.byteLength].join();
    const expected = take.drawing.shape.reduce((a, b) => a * b, groups ? 4 : 1);
    if (key === takeDrawn || outline?.byteLength !== expected) return;
    takeDrawn = key;
    drawTake(takeCanvas, take, asBuffer(outline), theme);
    takeCanvas.dataset.drawn = take.path;
  }

  // -- drawing, at most once a frame, and only what can be seen

  let asked = 0;
  let draws = 0;
  function draw() {
    asked = 0;
    if (!canvas.isConnected) return;
    store.live.draw(canvas, theme, performance.now());
    canvas.dataset.draws = ++draws;
  }
  function redraw() {
    asked ||= requestAnimationFrame(draw);
  }
  function listen(what) {
    orderedAt = what === "state" ? null : orderedAt;
    if (what === "state") showState();
    else if (what === "status") {
      showStatus();
      if (!overlay.hidden) showOverlay();
    }
    redraw();
  }
  store.listeners.add(listen);
  const resized = new ResizeObserver(() => {
    redraw();
    showTake();
  });
  resized.observe(root);
  const clock = setInterval(() => {
    const now = readTheme(root);
    const other = now.dark !== theme.dark || now.text !== theme.text;
    theme = now;
    if (other) showTake();
    if (other) redraw();
    showOverlay();
  }, 500);
  showState();
  redraw();
  return () => {
    store.listeners.delete(listen);
    resized.disconnect();
    clearInterval(clock);
    cancelAnimationFrame(asked);
  };
}

export default () => {
  let store;
  return {
    initialize({ model }) {
      store = new Store(model);
    },
    render({ el }) {
      return render({ store, el });
    },
  };
};
