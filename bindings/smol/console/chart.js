// One chart over time: uPlot with this page's colours, a legend that says the values, and a name for those
// who cannot see it.
// It does not know where the values come from.

import { el, say } from "./dom.js";

const HEIGHT = 168;
const time = uPlot.fmtDate("{HH}:{mm}:{ss}");

export class Chart {
  #series;
  #format;
  #least;
  #steps;
  #marks;
  #plot;
  #box;
  #values;
  #data;
  #marked = [];
  #range = [0, 1];

  /**
   * `series` are `{ name, column, color }`, of which `color` is a variable of the style; `least` is the least top
   * of the scale, `steps` are those of its marks, where they are not decimal; `marks`, like a series, is of what is
   * counted, and marked by a line down.
   */
  constructor(place, { title, series, format, least = 1, steps, marks }) {
    this.#series = series;
    this.#format = format;
    this.#least = least;
    this.#steps = steps;
    this.#marks = marks;
    const named = [...series, ...(marks ? [marks] : [])];
    this.#values = named.map(() => el("b", { textContent: "–" }));
    const legend = named.map(({ name, color }, at) =>
      el("span", { className: `key ${color}` }, `${name} `, this.#values[at]),
    );
    this.#box = el("div", { className: "plot", role: "img", "aria-label": title });
    place.append(
      el(
        "figure",
        { className: "card chart" },
        el("figcaption", {}, el("h3", { textContent: title }), el("div", { className: "legend" }, ...legend)),
        this.#box,
      ),
    );
    this.#data = [[], ...series.map(() => [])];
    this.title = title;
    this.paint();
    new ResizeObserver(() => this.#fit()).observe(this.#box);
  }

  /** Draws it anew, in the colours of now. */
  paint() {
    this.#plot?.destroy();
    const axis = {
      stroke: color("soft"),
      font: "11px system-ui, sans-serif",
      grid: { stroke: color("line"), width: 1 },
      ticks: { show: false },
    };
    this.#plot = new uPlot(
      {
        width: Math.max(this.#box.clientWidth, 100),
        height: HEIGHT,
        padding: [8, 20, 0, 0],
        legend: { show: false },
        cursor: {
          sync: { key: "console" },
          y: false,
          drag: { setScale: false, x: false, y: false },
          points: { size: 7 },
        },
        scales: {
          x: { time: true, range: () => this.#range },
          y: { range: (_, __, most) => [0, Math.max(this.#least, (most ?? 0) * 1.15)] },
        },
        axes: [
          { ...axis, size: 26, space: 70, values: (_, splits) => splits.map((at) => time(new Date(at * 1_000))) },
          {
            ...axis,
            size: 58,
            space: 30,
            ...(this.#steps && { incrs: this.#steps }),
            values: (_, splits) => splits.map((value) => this.#format(value)),
          },
        ],
        series: [
          {},
          ...this.#series.map(({ name, color: variable }) => {
            const stroke = color(variable);
            return {
              label: name,
              stroke,
              width: 2,
              fill: fainter(stroke),
              spanGaps: false,
              points: { show: true, size: 4, fill: stroke, filter: alone },
            };
          }),
        ],
        hooks: { setCursor: [() => this.#say()], draw: [(plot) => this.#mark(plot)] },
      },
      this.#data,
      this.#box,
    );
  }

  /** Shows these values: `columns` by name, from one time to another in seconds. */
  show(columns, from, to) {
    this.#range = [from, to];
    this.#marked = this.#marks ? columns[this.#marks.column] : [];
    this.#data = [columns.time, ...this.#series.map(({ column }) => columns[column])];
    if (!this.#box.offsetParent) return;
    this.#plot.setData(this.#data);
    this.#say();
  }

  /** Draws a line down where something happened, which no scale would show. */
  #mark({ ctx, bbox, data, valToPos }) {
    if (!this.#marked.some((times) => times > 0)) return;
    ctx.save();
    ctx.fillStyle = color(this.#marks.color);
    this.#marked.forEach((times, place) => {
      const at = Math.round(valToPos(data[0][place], "x", true));
      if (times > 0 && at >= bbox.left) ctx.fillRect(at - 1, bbox.top, 2 * devicePixelRatio, bbox.height);
    });
    ctx.restore();
  }

  #fit() {
    const width = this.#box.clientWidth;
    if (width && width !== this.#plot.width) this.#plot.setSize({ width, height: HEIGHT });
  }

  /** Says the values where the cursor is, or the last. */
  #say() {
    const at = this.#plot?.cursor.idx;
    const said = this.#series.map(({ name }, place) => {
      const column = this.#data[place + 1];
      const value = at === null || at === undefined ? column.at(-1) : column[at];
      const text = value === null || value === undefined ? "–" : this.#format(value);
      say(this.#values[place], text);
      return `${name} ${text}`;
    });
    if (this.#marks) {
      const all = this.#marked.reduce(
        (sum, times, place) => sum + (this.#data[0][place] >= this.#range[0] ? times : 0),
        0,
      );
      const text = String(this.#marked[at] ?? all);
      say(this.#values.at(-1), text);
      said.push(`${this.#marks.name} ${text}`);
    }
    this.#box.setAttribute("aria-label", `${this.title}: ${said.join(", ")}`);
  }
}

/** A colour of the style as a canvas takes it: `rgb(…)`, of now. */
function color(variable) {
  const probe = el("i", { hidden: true });
  probe.style.color = `var(--${variable})`;
  document.body.append(probe);
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
}

const fainter = (color) => color.replace("rgb(", "rgba(").replace(")", ", 0.12)");

/** Values without a neighbour, of which no line would show anything. */
function alone(plot, series) {
  const values = plot.data[series];
  const found = [];
  for (let at = 0; at < values.length; at++) {
    if (values[at] !== null && (values[at - 1] ?? null) === null && (values[at + 1] ?? null) === null) found.push(at);
  }
  return found;
}
