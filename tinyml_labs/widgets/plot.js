// Drawing: waves with axes on a canvas. recorder.py joins plot.js, scope.js, store.js and recorder.js into one module.

// Okabe and Ito's colours, which colour-blind people tell apart; on dark ground the lighter ones.
const LIGHT_COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"];
const DARK_COLOURS = ["#56b4e9", "#e69f00", "#2fc49c", "#e59bc6", "#f0e442", "#ff8a5c"];
// What a quiet sensor is not blown up beyond, by unit.
const LEAST_SPAN = { g: 0.2, "deg/s": 10, "m/s^2": 2, counts: 16, "full scale": 0.02 };
const SHRINK_AFTER_MS = 1500;

/** The colours of the theme that JupyterLab has now. */
function readTheme(element) {
  const style = getComputedStyle(element);
  const get = (name, otherwise) => style.getPropertyValue(name).trim() || otherwise;
  const pen = document.createElement("canvas").getContext("2d");
  pen.fillStyle = get("--jp-layout-color0", "#ffffff"); // whatever it is written as, it comes back as #rrggbb
  const [red, green, blue] = [1, 3, 5].map((at) => parseInt(pen.fillStyle.slice(at, at + 2), 16));
  const dark = 0.299 * red + 0.587 * green + 0.114 * blue < 128;
  return {
    dark,
    series: dark ? DARK_COLOURS : LIGHT_COLOURS,
    text: get("--jp-ui-font-color1", dark ? "#fff" : "#222"),
    faint: get("--jp-ui-font-color2", dark ? "#bbb" : "#666"),
    line: get("--jp-border-color2", dark ? "#444" : "#ddd"),
    ground: get("--jp-layout-color0", dark ? "#111" : "#fff"),
    bad: dark ? "#ff6b6b" : "#c62828",
    font: "11px " + get("--jp-ui-font-family", "system-ui, sans-serif"),
    bold: "600 11px " + get("--jp-ui-font-family", "system-ui, sans-serif"),
  };
}

/** Round numbers between low and high, about `count` of them. */
function ticksBetween(low, high, count) {
  const rough = (high - low) / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough * 0.999);
  const ticks = [];
  for (let at = Math.ceil(low / step - 1e-9); at * step <= high + step * 1e-9; at++) ticks.push(at * step);
  return { ticks, decimals: Math.max(0, -Math.floor(Math.log10(step) + 1e-9)) };
}

const written = (number, decimals) => number.toFixed(decimals).replace(/^-(0(\.0*)?)$/, "$1").replace("-", "\u2212");

/** Lows and highs of channels, a column at a time; the oldest make room for the newest. */
class Columns {
  constructor(channels, capacity) {
    this.channels = channels;
    this.capacity = Math.max(2, Math.ceil(capacity));
    this.values = new Float32Array(this.capacity * channels * 2);
    this.pushed = 0; // since the beginning
  }

  /** Columns that are there. */
  get count() {
    return Math.min(this.pushed, this.capacity);
  }

  push(values) {
    const width = this.channels * 2;
    for (let at = 0; at + width <= values.length; at += width) {
      this.values.set(values.subarray(at, at + width), (this.pushed % this.capacity) * width);
      this.pushed++;
    }
  }

  /** Where the values of a column begin; 0 is the oldest one there is. */
  offset(column) {
    return ((this.pushed - this.count + column) % this.capacity) * this.channels * 2;
  }

  /** The lowest and highest of some channels over the last `newest` columns. */
  extremes(channels, newest = this.count) {
    let low = Infinity;
    let high = -Infinity;
    for (let column = Math.max(0, this.count - newest); column < this.count; column++) {
      const at = this.offset(column);
      for (const channel of channels) {
        if (this.values[at + 2 * channel] < low) low = this.values[at + 2 * channel];
        if (this.values[at + 2 * channel + 1] > high) high = this.values[at + 2 * channel + 1];
      }
    }
    return [low, high];
  }
}

/** The range of an axis: grows at once, shrinks when it has been too large for a while. */
class AxisRange {
  constructor(least, symmetric) {
    Object.assign(this, { least, symmetric, low: NaN, high: NaN, largeSince: 0 });
  }

  fit([low, high], now) {
    if (!(high >= low)) return;
    if (this.symmetric) high = Math.max(Math.abs(low), Math.abs(high));
    if (this.symmetric) low = -high;
    const span = Math.max(high - low, this.least, 1e-6 * Math.abs(high), 1e-9);
    const middle = (high + low) / 2;
    low = Math.min(low, middle - span / 2) - 0.06 * span;
    high = Math.max(high, middle + span / 2) + 0.06 * span;
    const inside = low >= this.low && high <= this.high;
    const large = inside && high - low < 0.7 * (this.high - this.low);
    if (!large) this.largeSince = now;
    if (!inside || now - this.largeSince > SHRINK_AFTER_MS) {
      const keep = inside || Number.isNaN(this.low);
      this.low = keep ? low : Math.min(low, this.low);
      this.high = keep ? high : Math.max(high, this.high);
      this.largeSince = now;
    }
  }
}

/** Channels that share a unit share a panel: [{unit, channels: [0, 1, 2], names}]. */
function groupByUnit(sensor) {
  const groups = [];
  sensor.channel_names.forEach((name, channel) => {
    const unit = sensor.units[channel] ?? "";
    let group = groups.find((each) => each.unit === unit);
    if (!group) groups.push((group = { unit, channels: [], names: [] }));
    group.channels.push(channel);
    group.names.push(name);
  });
  return groups;
}

/** One line across all columns of a channel, down to the lows and up to the highs; a gap breaks it. */
function traceChannel(pen, columns, channel, x0, dx, toY) {
  let drawing = false;
  pen.beginPath();
  for (let column = 0; column < columns.count; column++) {
    const at = columns.offset(column) + 2 * channel;
    const low = columns.values[at];
    const high = columns.values[at + 1];
    if (Number.isNaN(low)) {
      drawing = false;
      continue;
    }
    const x = x0 + column * dx;
    if (drawing) pen.lineTo(x, toY(high));
    else pen.moveTo(x, toY(high));
    if (low !== high || !drawing) pen.lineTo(x, toY(low) + (low === high ? 0.01 : 0));
    drawing = true;
  }
  pen.stroke();
}

/** Stretches of columns that hold nothing, [from, to). */
function findGaps(columns) {
  const gaps = [];
  for (let column = 0; column < columns.count; column++) {
    if (!Number.isNaN(columns.values[columns.offset(column)])) continue;
    const last = gaps.at(-1);
    if (last && last[1] === column) last[1] = column + 1;
    else gaps.push([column, column + 1]);
  }
  return gaps;
}

/**
 * Draw panels above each other: one for each group of channels, with legend, axes and wave.
 *
 * plot: {columns, groups, ranges, theme, x0 (of the oldest column, from the left of the wave), dx (pixels a column),
 * times: [[fraction, text]...], region: [from, to] (fractions of the width that are recorded) or null,
 * scale: what values are multiplied with}
 */
function drawPanels(pen, width, height, plot) {
  const { columns, groups, ranges, theme } = plot;
  const scale = plot.scale ?? 1;
  const [left, right, top, bottom] = [52, 8, 20, 18];
  const each = (height - bottom) / groups.length;
  pen.clearRect(0, 0, width, height);
  pen.fillStyle = theme.ground;
  pen.fillRect(0, 0, width, height);
  const inner = width - left - right;
  const gaps = findGaps(columns);
  groups.forEach((group, index) => {
    const box = { x: left, y: index * each + top, w: inner, h: each - top - (index < groups.length - 1 ? 6 : 0) };
    const range = ranges[index];
    const known = range.high > range.low;
    const toY = (value) => box.y + box.h * (1 - (value - range.low) / (range.high - range.low));
    if (plot.region) {
      pen.fillStyle = theme.bad;
      pen.globalAlpha = 0.1;
      pen.fillRect(box.x + plot.region[0] * inner, box.y, (plot.region[1] - plot.region[0]) * inner, box.h);
      pen.globalAlpha = 1;
    }
    pen.lineWidth = 1;
    pen.font = theme.font;
    pen.textBaseline = "middle";
    if (known) {
      const { ticks, decimals } = ticksBetween(range.low, range.high, Math.max(3, box.h / 34));
      pen.strokeStyle = theme.line;
      pen.fillStyle = theme.faint;
      pen.textAlign = "right";
      for (const tick of ticks) {
        const y = Math.round(toY(tick)) + 0.5;
        pen.beginPath();
        pen.moveTo(box.x, y);
        pen.lineTo(box.x + box.w, y);
        pen.stroke();
        pen.fillText(written(tick, decimals), box.x - 6, y);
      }
    }
    pen.save();
    pen.beginPath();
    pen.rect(box.x, box.y, box.w, box.h);
    pen.clip();
    pen.fillStyle = theme.bad;
    pen.globalAlpha = 0.25;
    for (const [from, to] of gaps) pen.fillRect(box.x + plot.x0 + (from - 0.5) * plot.dx, box.y, (to - from) * plot.dx, box.h);
    pen.globalAlpha = 1;
    if (known) {
      pen.lineWidth = 1.5;
      pen.lineJoin = "round";
      for (const channel of group.channels) {
        pen.strokeStyle = theme.series[channel % theme.series.length];
        pen.setLineDash(channel < theme.series.length ? [] : [5, 3]);
        traceChannel(pen, columns, channel, box.x + plot.x0, plot.dx, (value) => toY(value * scale));
      }
    }
    pen.restore();
    drawLegend(pen, group, box, theme);
  });
  pen.font = theme.font;
  pen.fillStyle = theme.faint;
  pen.textBaseline = "alphabetic";
  plot.times.forEach(([fraction, text]) => {
    pen.textAlign = fraction <= 0.02 ? "left" : fraction >= 0.98 ? "right" : "center";
    pen.fillText(text, left + fraction * inner, height - 5);
  });
}

function drawLegend(pen, group, box, theme) {
  const y = box.y - 10;
  let x = box.x;
  pen.textAlign = "left";
  pen.textBaseline = "middle";
  group.names.forEach((name, index) => {
    if (box.x + box.w - x < 70) return; // no room
    pen.fillStyle = theme.series[group.channels[index] % theme.series.length];
    pen.fillRect(x, y - 2, 14, 4);
    pen.font = theme.bold;
    pen.fillStyle = theme.text;
    pen.fillText(name, x + 19, y);
    x += 19 + pen.measureText(name).width + 14;
  });
  pen.font = theme.font;
  pen.fillStyle = theme.faint;
  if (group.unit) pen.fillText(`in ${group.unit}`, x - 4, y);
}

/** Make a canvas as sharp as the screen; give its pen, which counts in CSS pixels. */
function preparePen(canvas, width, height) {
  const ratio = window.devicePixelRatio || 1;
  if (canvas.width !== Math.round(width * ratio)) canvas.width = Math.round(width * ratio);
  if (canvas.height !== Math.round(height * ratio)) canvas.height = Math.round(height * ratio);
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  return pen;
}
