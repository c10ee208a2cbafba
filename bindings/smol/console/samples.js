// What the server said of itself each second, and what follows from it: rates and latencies.
// It does not know how it is drawn. What is not known is null: while the server was away, or nobody looked.

/** Samples further apart say nothing about the time between. */
const APART_MS = 5_000;
/** Samples closer together say little: one write would be a great rate. */
const CLOSE_MS = 500;

export const COLUMNS = ["connections", "published", "delivered", "bytes", "gaps", "p50", "p99"];

export class Samples {
  #length;
  #last = null;
  /** Of the last minute, for latencies that are rare. */
  #recent = [];
  /** Unix time in seconds. */
  time = [];
  connections = [];
  published = [];
  delivered = [];
  bytes = [];
  /** How many since the sample before. */
  gaps = [];
  p50 = [];
  p99 = [];

  /** Keeps so many samples. */
  constructor(length) {
    this.#length = length;
  }

  /** Takes what `/stats` said at a time, in milliseconds. */
  add(atMs, stats) {
    const last = this.#last;
    const isSame = last?.stats.started_ms === stats.started_ms;
    if (isSame && Math.abs(atMs - last.atMs) < CLOSE_MS) return;
    const follows = isSame && atMs > last.atMs && atMs - last.atMs <= APART_MS;
    // Nothing leads from one server to the next, nor over a time when nobody looked.
    if (!follows) {
      if (last) this.#push(last.atMs + 1, {});
      this.#recent = [];
    }
    const rate = (name) => (follows ? ((stats[name] - last.stats[name]) * 1_000) / (atMs - last.atMs) : null);
    const waits = follows ? difference(stats.delivery_latency, last.stats.delivery_latency) : null;
    this.#push(atMs, {
      connections: stats.connections,
      published: rate("published"),
      delivered: rate("delivered"),
      bytes: rate("delivered_bytes"),
      gaps: follows ? stats.gaps - last.stats.gaps : null,
      p50: waits && quantile(waits, 0.5),
      p99: waits && quantile(waits, 0.99),
    });
    this.#last = { atMs, stats };
    this.#recent.push({ atMs, latency: stats.delivery_latency });
    while (this.#recent[0].atMs < atMs - 60_000) this.#recent.shift();
  }

  /** The server did not answer. */
  miss(atMs) {
    this.#push(atMs, {});
    this.#last = null;
    this.#recent = [];
  }

  /** A quantile of the latency in the last minute, in milliseconds; null where nothing was delivered. */
  latency(share) {
    if (this.#recent.length < 2) return null;
    return quantile(difference(this.#recent.at(-1).latency, this.#recent[0].latency), share);
  }

  #push(atMs, values) {
    this.time.push(atMs / 1_000);
    for (const column of COLUMNS) this[column].push(values[column] ?? null);
    if (this.time.length <= this.#length) return;
    this.time.shift();
    for (const column of COLUMNS) this[column].shift();
  }
}

/** What a histogram counted since it was like another. */
export function difference({ bounds_us, counts }, before) {
  return { bounds_us, counts: counts.map((count, place) => count - before.counts[place]) };
}

/** A quantile of a histogram, in milliseconds, as if all in a bucket lay evenly; null of nothing. */
export function quantile({ bounds_us, counts }, share) {
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total <= 0) return null;
  let rest = share * total;
  for (let place = 0; place < counts.length; place++) {
    if (counts[place] >= rest && counts[place] > 0) {
      const from = place ? bounds_us[place - 1] : 0;
      const to = bounds_us[place] ?? from;
      return (from + ((to - from) * rest) / counts[place]) / 1_000;
    }
    rest -= counts[place];
  }
  return bounds_us.at(-1) / 1_000;
}
