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
  #plot;
  #box;
  #values;
  #data;
  #range = [0, 1];

  /** `series` are `{ name, column, color }`, of which `color` is a variable of the style; `least` is the least top of the scale, `steps` are those of its marks, where they are not decimal. */
  constructor(place, { title, series, format, least = 1, steps }) {
    this.#series = series;
    this.#format = format;
    this.#least = least;
    this.#steps = steps;
    this.#values = series.map(() => el("b", { textContent: "–" }));
    const legend = series.map(({ name, color }, at) => el("span", { className: `key ${color}` }, `${name} `, this.#values[at]));
    this.#box = el("div", { className: "plot", role: "img", "aria-label": title });
    place.append(el("figure", { className: "card chart" }, el("figcaption", {}, el("h3", { textContent: title }), el("div", { className: "legend" }, ...legend)), this.#box));
    this.#data = [[], ...series.map(() => [])];
    this.title = title;
    this.paint();
    new ResizeObserver(() => this.#fit()).observe(this.#box);
  }

  /** Draws it anew, in the colours of now. */
  paint() {
    this.#plot?.destroy();
    const axis = { stroke: color("soft"), font: "11px system-ui, sans-serif", grid: { stroke: color("line"), width: 1 }, ticks: { show: false } };
    this.#plot = new uPlot(
      {
        width: Math.max(this.#box.clientWidth, 100),
        height: HEIGHT,
        padding: [8, 20, 0, 0],
        legend: { show: false },
        cursor: { sync: { key: "console" }, y: false, drag: { setScale: false, x: false, y: false }, points: { size: 7 } },
        scales: { x: { time: true, range: () => this.#range }, y: { range: (_, __, most) => [0, Math.max(this.#least, (most ?? 0) * 1.15)] } },
        axes: [
          { ...axis, size: 26, space: 70, values: (_, splits) => splits.map((at) => time(new Date(at * 1_000))) },
          { ...axis, size: 58, space: 30, ...(this.#steps && { incrs: this.#steps }), values: (_, splits) => splits.map((value) => this.#format(value)) },
        ],
        series: [
          {},
          ...this.#series.map(({ name, color: variable }) => {
            const stroke = color(variable);
            return { label: name, stroke, width: 2, fill: fainter(stroke), spanGaps: false, points: { show: true, size: 4, fill: stroke, filter: alone } };
          }),
        ],
        hooks: { setCursor: [() => this.#say()] },
      },
      this.#data,
      this.#box,
    );
  }

  /** Shows these values: `columns` by name, from one time to another in seconds. */
  show(columns, from, to) {
    this.#range = [from, to];
    this.#data = [columns.time, ...this.#series.map(({ column }) => columns[column])];
    if (!this.#box.offsetParent) return;
    this.#plot.setData(this.#data);
    this.#say();
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
