// What is live: the last seconds of a signal or sound, or the camera's image; and the drawing of a whole take.

const LIVE_S = 6;
const FULL_SCALE = "full scale";
const QUIETEST_DB = -60;
const CLIP_SHOWN_MS = 2000;

/** How a sensor is drawn: groups of channels, a range for each, and what its values are multiplied with. */
function layOut(sensor) {
  const audio = sensor.kind === "audio";
  const limit = { int16: 32768, int8: 128 }[sensor.dtype] ?? 1;
  const scale = audio ? 1 / Math.max(Math.abs(sensor.low ?? limit), sensor.high ?? limit) : 1;
  const groups = groupByUnit(sensor);
  if (audio) groups.forEach((group) => (group.unit = FULL_SCALE));
  return { groups, scale, ranges: groups.map((group) => new AxisRange(LEAST_SPAN[group.unit] ?? 0, audio)) };
}

/** What the live plot of a stream knows; it outlives the views that draw it. */
class Live {
  constructor(state) {
    this.sensor = state.sensor;
    this.rate = state.columns_a_second || 100;
    this.image = null;
    this.images = 0;
    this.peak = 0;
    this.held = 0;
    this.heldAt = this.clippedAt = -1e9;
    this.recordedFrom = this.recordedTo = null; // columns, since the beginning of the stream
    if (!this.sensor || this.sensor.kind === "image") return;
    this.audio = this.sensor.kind === "audio";
    this.columns = new Columns(this.sensor.channel_names.length, LIVE_S * this.rate + 1);
    Object.assign(this, layOut(this.sensor));
  }

  /** Take columns of float32. */
  takeColumns(values, now) {
    if (!this.columns) return;
    this.columns.push(values);
    if (!this.audio) return;
    const [low, high] = this.columns.extremes(this.groups[0].channels, Math.ceil(this.rate * 0.05));
    this.peak = Math.max(-low, high, 0) * this.scale;
    if (this.peak >= this.held || now - this.heldAt > 1500) [this.held, this.heldAt] = [this.peak, now];
    const newest = this.columns.extremes(this.groups[0].channels, values.length / (2 * this.columns.channels));
    const { low: least, high: most } = this.sensor;
    if (newest[0] <= (least ?? -1 / this.scale) || newest[1] >= (most ?? 1 / this.scale - 1)) this.clippedAt = now;
  }

  takeImage(pixels, [rows, width]) {
    this.image = { pixels, rows, width };
    this.images++;
  }

  /** Note which of the columns are being recorded. */
  noteRecording(status) {
    if (!this.columns) return;
    const samples = status.rate_hz / this.rate; // in a column
    if (status.recording && samples) {
      if (this.recordedTo !== null || this.recordedFrom === null) {
        this.recordedFrom = this.columns.pushed - status.span / samples;
        this.recordedTo = null;
      }
    } else if (this.recordedFrom !== null && this.recordedTo === null) {
      this.recordedTo = this.columns.pushed;
    }
  }

  get decibels() {
    return toDecibels(this.peak);
  }

  clipping(now) {
    return now - this.clippedAt < CLIP_SHOWN_MS;
  }

  /** The height, in pixels, that it wants. */
  get height() {
    if (!this.sensor) return 240;
    if (this.sensor.kind === "image") return 320;
    return Math.max(250, this.groups.length * 165 + 18);
  }

  draw(canvas, theme, now) {
    const width = canvas.clientWidth;
    const height = canvas.clientHeight;
    if (!width || !height) return;
    const pen = preparePen(canvas, width, height);
    if (this.columns) this.drawWave(pen, width, height, theme, now);
    else this.drawImage(pen, width, height, theme);
  }

  drawWave(pen, width, height, theme, now) {
    const meter = this.audio ? 64 : 0;
    const inner = width - meter - 60;
    const dx = inner / (LIVE_S * this.rate);
    this.groups.forEach((group, index) => {
      const [low, high] = this.columns.extremes(group.channels);
      this.ranges[index].fit([low * this.scale, high * this.scale], now);
    });
    const fraction = (column) => Math.min(1, Math.max(0, 1 - ((this.columns.pushed - column) * dx) / inner));
    const region = this.recordedFrom === null ? null : [fraction(this.recordedFrom), fraction(this.recordedTo ?? this.columns.pushed)];
    const times = [];
    for (let s = 0; s <= LIVE_S; s += inner < 330 ? 2 : 1) times.push([1 - s / LIVE_S, s ? `\u2212${s} s` : "now"]);
    drawPanels(pen, width - meter, height, {
      ...{ columns: this.columns, groups: this.groups, ranges: this.ranges, scale: this.scale, theme, times, dx },
      x0: inner - this.columns.count * dx,
      region: region && region[1] > region[0] ? region : null,
    });
    if (meter) drawMeter(pen, width - meter, meter, height, this, theme, now);
  }

  drawImage(pen, width, height, theme) {
    pen.fillStyle = theme.ground;
    pen.fillRect(0, 0, width, height);
    if (!this.image) return;
    const { pixels, rows, width: columns } = this.image;
    const fitting = Math.min((width - 8) / columns, (height - 8) / rows);
    const factor = fitting > 1 ? Math.floor(fitting) : fitting; // whole: every pixel is as large as the others
    pen.imageSmoothingEnabled = false;
    const [x, y] = [(width - columns * factor) / 2, (height - rows * factor) / 2];
    pen.drawImage(greyCanvas(pixels, rows, columns), Math.round(x), Math.round(y), columns * factor, rows * factor);
  }
}

const toDecibels = (level) => (level > 0 ? 20 * Math.log10(level) : -Infinity);

function greyCanvas(pixels, rows, columns) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [columns, rows];
  const data = new ImageData(columns, rows);
  const words = new Uint32Array(data.data.buffer);
  for (let at = 0; at < words.length; at++) words[at] = 0xff000000 | (pixels[at] * 0x010101);
  canvas.getContext("2d").putImageData(data, 0, 0);
  return canvas;
}

/** A level meter in dBFS: green, amber from -12, red from -3; a line holds the peak, a lamp says that it clips. */
function drawMeter(pen, x, width, height, live, theme, now) {
  const box = { x: x + 12, y: 26, w: 14, h: height - 44 };
  const toY = (decibels) => box.y + (box.h * Math.max(QUIETEST_DB, Math.min(0, decibels))) / QUIETEST_DB;
  pen.fillStyle = theme.ground;
  pen.fillRect(x, 0, width, height);
  pen.fillStyle = theme.line;
  pen.fillRect(box.x, box.y, box.w, box.h);
  const level = toDecibels(live.peak);
  for (const [from, to, colour] of [[QUIETEST_DB, -12, "#009e73"], [-12, -3, "#e69f00"], [-3, 0, theme.bad]]) {
    if (level <= from) continue;
    const y = toY(Math.min(level, to));
    pen.fillStyle = colour;
    pen.fillRect(box.x, y, box.w, toY(from) - y);
  }
  pen.fillStyle = theme.text;
  pen.fillRect(box.x, Math.round(toY(toDecibels(live.held))), box.w, 2);
  pen.font = theme.font;
  pen.fillStyle = theme.faint;
  pen.textAlign = "left";
  pen.textBaseline = "middle";
  for (let decibels = 0; decibels >= QUIETEST_DB; decibels -= 12) pen.fillText(written(decibels, 0), box.x + box.w + 5, toY(decibels));
  pen.fillText("dBFS", box.x - 4, height - 8);
  const clipping = live.clipping(now);
  pen.fillStyle = clipping ? theme.bad : theme.line;
  pen.fillRect(box.x - 4, 2, 36, 13);
  pen.font = theme.bold;
  pen.fillStyle = clipping ? theme.ground : theme.faint;
  pen.textAlign = "center";
  pen.fillText("CLIP", box.x + 14, 9);
}

/** Draw a whole take, or some of its images. */
function drawTake(canvas, take, outline, theme) {
  const width = canvas.clientWidth;
  const height = canvas.clientHeight;
  if (!width || !height) return;
  const pen = preparePen(canvas, width, height);
  pen.fillStyle = theme.ground;
  pen.fillRect(0, 0, width, height);
  const { kind, shape } = take.drawing;
  if (!shape[0]) return;
  if (kind === "images") {
    const pixels = new Uint8Array(outline);
    const [count, rows, columns] = shape;
    const each = width / Math.max(1, count);
    const factor = Math.min((each - 4) / columns, height / rows);
    pen.imageSmoothingEnabled = false;
    for (let n = 0; n < count; n++) {
      const part = pixels.subarray(n * rows * columns, (n + 1) * rows * columns);
      pen.drawImage(greyCanvas(part, rows, columns), n * each, 0, columns * factor, rows * factor);
    }
    return;
  }
  const columns = new Columns(shape[1], shape[0]);
  columns.push(new Float32Array(outline));
  const { groups, scale, ranges } = layOut(take.sensor);
  groups.forEach((group, index) => {
    const [low, high] = columns.extremes(group.channels);
    ranges[index].fit([low * scale, high * scale], 0);
  });
  const inner = width - 60;
  const seconds = take.drawing.column_s ? shape[0] * take.drawing.column_s : take.seconds;
  const { ticks, decimals } = ticksBetween(0, seconds || 1, Math.max(2, inner / 90));
  const times = ticks.map((tick) => [tick / (seconds || 1), `${written(tick, decimals)} s`]);
  drawPanels(pen, width, height, { columns, groups, ranges, scale, theme, times, x0: 0, dx: inner / shape[0], region: null });
}
