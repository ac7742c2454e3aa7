// What the kernel says, kept once a model; and the sentences for it.

const asBuffer = (view) => view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength); // aligned

/** Make an element: make("button", {class: "x", type: "button"}, "text", child). */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  // JupyterLab's shortcuts must not see the keys: D, D on a button would delete the cell.
  if (["button", "input", "select"].includes(tag)) element.setAttribute("data-lm-suppress-shortcuts", "true");
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
const short = (number) => String(+(number ?? 0).toFixed(2));

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
  return `${state.board.board || "A board"} \u00b7 ${state.sensor.name}${rate ? ` at ${short(rate)} ${unit}` : ""}`;
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
