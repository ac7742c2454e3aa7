// The recorder: what the kernel says is kept once a model, in `initialize`; each view draws it, and sends orders.

const SILENT_AFTER_MS = 4000;
const UNHEARD_AFTER_MS = 1500;
let views = 0;

const asBuffer = (view) => view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength); // aligned

/** Make an element: make("button", {class: "x", type: "button"}, "text", child). */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

/** Set a text only if it is another: a screen reader would read it again. */
function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

const plural = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;
const short = (seconds) => String(+(seconds ?? 0).toFixed(2));

/** Everything the views show: the kernel's state, the live plot, the last status. */
class Store {
  constructor(model) {
    this.model = model;
    this.listeners = new Set();
    this.status = null;
    this.gone = false;
    this.heardAt = performance.now();
    this.live = new Live(this.state);
    model.on("change:state", () => {
      this.heard();
      if (this.state.stream !== this.stream) this.begin();
      this.emit("state");
    });
    model.on("change:outline", () => this.emit("state"));
    model.on("msg:custom", (content, buffers) => this.takeLive(content, buffers));
    model.on("comm_live_update", () => {
      this.gone = true; // if it comes back, the next message says so
      this.emit("state");
    });
    this.begin();
  }

  get state() {
    return this.model.get("state");
  }

  begin() {
    this.stream = this.state.stream;
    this.live = new Live(this.state);
    this.status = null;
  }

  heard() {
    this.heardAt = performance.now();
    if (this.gone) {
      this.gone = false;
      this.emit("state");
    }
  }

  takeLive(content, buffers) {
    if (content.kind !== "live") return;
    this.heard();
    const now = performance.now();
    let next = 0;
    if (content.columns) this.live.takeColumns(new Float32Array(asBuffer(buffers[next++])), now);
    if (content.image) this.live.takeImage(new Uint8Array(asBuffer(buffers[next++])), content.image);
    if (content.status) {
      this.status = content.status;
      this.live.noteRecording(content.status);
    }
    this.emit(content.status ? "status" : "live");
  }

  emit(what) {
    for (const listener of this.listeners) listener(what);
  }
}

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
  for (const [name, input] of Object.entries(inputs)) {
    if (name !== "port") input.addEventListener("change", () => send({ do: "form", ...entered() }));
  }
  const start = button("start", "\u25cf Start", () => begin({}), { class: "tinyml-button tinyml-start" });
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
    // JupyterLab's shortcuts must not see the keys: D, D would delete the cell.
    { class: "tinyml-recorder", "data-lm-suppress-shortcuts": "true", role: "region", "aria-label": "recorder" },
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
  function begin(fields) {
    send({ do: "start", ...entered(), ...fields });
    start.disabled = true;
    waitForKernel();
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
    const busy = state.phase !== "idle";
    const live = state.link === "live" && !store.gone;
    dot.dataset.link = store.gone ? "gone" : state.link;
    write(headline, sayLink(state, store.gone));
    write(connect, state.link === "live" ? "Disconnect" : state.link === "connecting" ? "Connecting\u2026" : "Connect");
    connect.disabled = state.link === "connecting" || store.gone;
    connect.classList.toggle("tinyml-start", state.link === "closed" && !store.gone);
    port.disabled = state.link !== "closed" || store.gone;
    for (const [name, input] of Object.entries(inputs)) {
      if (!focused(input) && String(input.value) !== String(state.form[name])) input.value = state.form[name];
    }
    fill(portList, state.ports, (each) => make("option", { value: each.port }, each.text));
    fill(labelList, state.labels, (text) => make("option", { value: text }));
    const sensors = state.sensors.length ? state.sensors : state.form.sensor ? [state.form.sensor] : [];
    fill(sensor, sensors.length ? sensors : ["\u2013"], (text) => make("option", { value: text }, text));
    if (sensors.includes(state.form.sensor)) sensor.value = state.form.sensor;
    sensor.disabled = !live || busy || sensors.length < 2;
    start.disabled = !live || busy;
    stop.disabled = !live || !["countdown", "starting", "recording"].includes(state.phase);
    fill(chips, chipsOf(state), (chip) =>
      make(
        "button",
        { type: "button", class: "tinyml-chip", "data-label": chip.label, title: `Record a take labelled \u201c${chip.label}\u201d`,
          onclick: () => { label.value = chip.label; begin({ label: chip.label }); } },
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
    if (store.gone) text = "The kernel is gone. Complete takes are on disk; run the cell again to go on.";
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
    const rate = status?.rate_hz;
    const done = recording && status?.recording && rate ? status.span / rate : 0;
    const whole = status?.recording && status.limit && rate ? status.limit / rate : null;
    progress.value = state.phase === "saving" ? 1 : whole ? Math.min(1, done / whole) : 0;
    if (recording && !whole && state.phase !== "saving") progress.removeAttribute("value"); // until stopped
    write(progressText, recording ? (whole ? `${done.toFixed(1)} of ${short(whole)} s` : done ? `${done.toFixed(1)} s` : "") : "");
    badge.hidden = state.phase !== "recording";
    write(badge, `\u25cf REC ${state.form.label} ${done ? done.toFixed(1) + " s" : ""}`);
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
    const what = take.sensor.kind === "image" ? "image" : "sample";
    write(takeTitle, `Last take: ${take.label || "no label"}`);
    write(takeFacts, `${plural(take.samples, what)} of ${take.sensor.name}, ${short(take.seconds)} s` +
      `${take.rate_hz ? ` at ${take.rate_hz.toPrecision(4)} Hz` : ""}, ${take.missing} missing \u00b7 ${take.path}`);
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

/** Replace an element's children if what they show is new. */
function fill(element, items, build) {
  const key = JSON.stringify(items);
  if (element.filledWith === key) return;
  element.filledWith = key;
  element.replaceChildren(...items.map(build));
}

function sayLink(state, gone) {
  if (gone) return "The kernel is gone: run the cell again";
  if (state.link === "connecting") return `Opening ${state.board.port}\u2026`;
  if (state.link === "closed") return "Not connected";
  const rate = state.sensor.nominal_rate_hz;
  const unit = state.sensor.kind === "image" ? "images/s" : "Hz";
  return `${state.board.board || "A board"} \u00b7 ${state.sensor.name}${rate ? ` at ${+rate.toPrecision(5)} ${unit}` : ""}`;
}

function sayCanvas(state) {
  if (!state.sensor) return "live plot, not connected";
  if (state.sensor.kind === "image") return `live image of ${state.sensor.name}`;
  const names = state.sensor.channel_names.map((name, n) => `${name} in ${state.sensor.units[n] || "numbers"}`);
  return `live plot of ${state.sensor.name}, the last ${LIVE_S} seconds: ${names.join(", ")}`;
}

function chipsOf(state) {
  const counted = Object.fromEntries(state.table.map((row) => [row.label, row]));
  return state.labels.map((label) => ({ takes: 0, seconds: 0, ...counted[label], label }));
}

/** The figures under the plot; what is wrong is red, what is doubtful is amber. */
function factsOf(state, status, live) {
  if (!status || state.link !== "live") return [];
  const facts = status.facts ?? {};
  const image = state.sensor.kind === "image";
  const unit = image ? "images/s" : "Hz";
  const measured = facts.measured_rate_hz;
  const nominal = status.rate_hz;
  const heard = (status.recording ? status.span : status.received) / (nominal || 1);
  const off = measured && nominal && heard > 1 ? measured / nominal - 1 : 0;
  let rate = measured ? `${measured.toFixed(measured < 1000 ? 2 : 1)} ${unit}` : "measuring\u2026";
  if (Math.abs(off) > 0.01) rate += `: ${off > 0 ? "+" : "\u2212"}${Math.abs(off * 100).toFixed(1)} % off`;
  const count = (id, name, value) =>
    value == null ? [] : [{ id, name, text: String(value), level: value > 0 ? "tinyml-bad" : "" }];
  const made = [
    { id: "rate", name: "Rate", text: rate, level: Math.abs(off) > 0.01 ? "tinyml-doubtful" : "" },
    ...count("missing", "Missing", status.missing),
    ...count("overruns", "Overruns", status.overruns ?? facts.overruns),
    ...count("crc_errors", "CRC errors", facts.crc_errors),
    ...count("lost_frames", "Lost frames", facts.lost_frames),
    ...count("bad_lines", "Bad lines", facts.bad_lines?.count),
    ...count("restarts", "Restarts", facts.restarts),
  ];
  if (live.audio) {
    const clips = live.clipping(performance.now());
    const level = Number.isFinite(live.decibels) ? `${written(live.decibels, 0)} dBFS` : "silence";
    made.splice(1, 0, { id: "peak", name: "Peak", text: clips ? `${level}, clips` : level, level: clips ? "tinyml-bad" : "" });
  }
  return made;
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
