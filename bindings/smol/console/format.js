// Numbers, times and sizes as people read them, and texts as a shell takes them.
// It does not know where they stand.

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const clock = new Intl.DateTimeFormat("en-GB", {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  fractionalSecondDigits: 3,
});
const day = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium" });

export const count = (value) => whole.format(value);
export const plural = (value, one, many = `${one}s`) => `${count(value)} ${value === 1 ? one : many}`;

/** A rate or another number that need not be exact. */
export function rough(value) {
  if (value >= 10_000) return short.format(value);
  return value >= 100 || Number.isInteger(value) ? whole.format(value) : value.toFixed(1);
}

export function bytes(value) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let place = 0;
  for (; value >= 1_024 && place < units.length - 1; place++) value /= 1_024;
  return `${place && value < 100 ? value.toFixed(1) : whole.format(value)} ${units[place]}`;
}

/** Milliseconds, be they less than one. */
export function latency(ms) {
  if (ms >= 1_000) return `${(ms / 1_000).toFixed(1)} s`;
  return ms >= 10 ? `${Math.round(ms)} ms` : `${Number(ms.toFixed(2))} ms`;
}

/** A length of time, in its two largest units. */
export function duration(ms) {
  let seconds = Math.max(0, Math.floor(ms / 1_000));
  const parts = [];
  for (const [unit, size] of [
    ["d", 86_400],
    ["h", 3_600],
    ["min", 60],
    ["s", 1],
  ]) {
    const value = Math.floor(seconds / size);
    seconds -= value * size;
    if (value || (unit === "s" && !parts.length)) parts.push(`${value} ${unit}`);
  }
  return parts.slice(0, 2).join(" ");
}

export const time = (ms) => clock.format(ms);
export const date = (ms) => day.format(ms);

/** The words of a text. */
export const words = (text) => text.split(/\s+/).filter(Boolean);

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

/** A command for a shell. A token is never in it, only the name of a variable that has it. */
export function curl(url, { hasToken = false, json, options = [] } = {}) {
  const parts = ["curl", ...options, quoted(url)];
  if (hasToken) parts.push('-H "Authorization: Bearer $TIDINGS_TOKEN"');
  if (json !== undefined) parts.push("-H 'content-type: application/json'", `-d ${quoted(json)}`);
  return parts.join(" ");
}
