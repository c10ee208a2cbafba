// How the server is, now and over the last minutes: numbers and charts from `/stats`.
// It does not know anything that the server does not count.

import { Chart } from "./chart.js";
import { $, facts, say } from "./dom.js";
import { bytes, count, date, duration, latency, plural, rough } from "./format.js";
import { Poller } from "./poller.js";
import { Samples } from "./samples.js";

const EVERY_MS = 1_000;
/** While the server does not answer, it is asked less often. */
const AWAY_MS = 3_000;
/** A quarter of an hour. */
const SAMPLES = 900;

/** Steps of a scale of bytes. */
const POWERS = Array.from({ length: 40 }, (_, power) => 2 ** power);

const perSecond = (format) => (value) => `${format(value)}/s`;

export class Overview {
  #session;
  #samples = new Samples(SAMPLES);
  #charts = [];
  #range = 60;
  #poller = new Poller(EVERY_MS, () => this.#sample());

  constructor(session) {
    this.#session = session;
    const place = $("charts");
    const chart = (title, series, format, more) =>
      this.#charts.push(new Chart(place, { title, series, format, ...more }));
    const gaps = { name: "gaps", column: "gaps", color: "rose" };
    chart(
      "Events",
      [
        { name: "delivered", column: "delivered", color: "blue" },
        { name: "published", column: "published", color: "amber" },
      ],
      perSecond(rough),
      { least: 5, marks: gaps },
    );
    chart("Connections", [{ name: "open", column: "connections", color: "teal" }], rough, { least: 5 });
    chart("Data", [{ name: "delivered", column: "bytes", color: "violet" }], perSecond(bytes), {
      least: 1_024,
      steps: POWERS,
    });
    chart(
      "Latency, from publish to write",
      [
        { name: "p99", column: "p99", color: "rose" },
        { name: "median", column: "p50", color: "teal" },
      ],
      latency,
    );
    $("range").addEventListener("change", (event) => {
      this.#range = Number(event.target.value);
      this.draw();
    });
    addEventListener("theme", () => this.#charts.forEach((chart) => chart.paint()));
  }

  start() {
    this.#poller.start();
  }

  stop() {
    this.#poller.stop();
  }

  /** The server may answer again. */
  look() {
    this.#poller.now();
  }

  async #sample() {
    let stats;
    try {
      stats = await this.#session.ask("stats");
      this.#samples.add(Date.now(), stats);
    } catch {
      this.#samples.miss(Date.now());
    }
    if (stats) this.#say(stats);
    this.draw();
    return stats ? EVERY_MS : AWAY_MS;
  }

  draw() {
    const now = Date.now() / 1_000;
    for (const chart of this.#charts) chart.show(this.#samples, now - this.#range, now);
  }

  #say(stats) {
    const last = (column) => this.#samples[column].at(-1);
    const rate = (column, format) => (last(column) === null ? "–" : `${format(last(column))}/s`);
    const [p99, median] = [0.99, 0.5].map((share) => this.#samples.latency(share));
    const tiles = {
      connections: [count(stats.connections), plural(stats.users, "user")],
      published: [rate("published", rough), `${count(stats.published)} in all`],
      delivered: [rate("delivered", rough), `${count(stats.delivered)} in all`],
      bytes: [rate("bytes", bytes), `${bytes(stats.delivered_bytes)} in all`],
      latency: p99 === null ? ["–", "p99; nothing for a minute"] : [latency(p99), `p99; median ${latency(median)}`],
      gaps: [count(stats.gaps), missed(stats)],
    };
    for (const [name, [now, more]] of Object.entries(tiles)) {
      say($(`now-${name}`), now);
      say($(`more-${name}`), more);
    }
    $("now-gaps").classList.toggle("bad", stats.gaps > 0);
    say($("server"), `${stats.version} · up ${duration(Date.now() - stats.started_ms)}`);
    facts($("hub"), [
      ["Topics", count(stats.topics)],
      ["Events kept", `${count(stats.log_events)}, ${bytes(stats.log_bytes)}`],
      ["Cursor", stats.cursor],
      ["Connections opened", count(stats.opened)],
      ["Duplicates", count(stats.duplicates)],
      ["Values replaced", count(stats.replaced)],
      ["Undelivered", count(stats.undelivered)],
      ["Started", date(stats.started_ms)],
    ]);
    const closed = Object.entries(stats.closed)
      .filter(([, times]) => times > 0)
      .sort(([, a], [, b]) => b - a);
    facts(
      $("closed"),
      closed.map(([reason, times]) => [reason.replaceAll("_", " "), count(times)]),
    );
    $("closed-none").hidden = closed.length > 0;
  }
}

function missed({ gaps, missed }) {
  if (!gaps) return "nothing missed";
  return missed ? `${plural(missed, "event")} missed` : "not known how many";
}
