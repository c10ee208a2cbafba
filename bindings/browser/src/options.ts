// Makes the options of an application whole, and refuses those that cannot be.
//
// It does not know how they are met.

import type { Options, Plain } from "./types.js";

const DELAYS = [1_000, 2_000, 4_000, 8_000, 16_000, 30_000];

/** Throws a `TypeError` that says what is wrong. */
export function settings(url: string, options: Options): Plain {
  const { user, share, worker, token, poll, ...rest } = options;
  const made = { delays: DELAYS, attempts: Infinity, idleMs: 75_000, plain: false, ...rest, hasToken: !!token, types: [] };
  const { delays, plain, transport, headers, method, body } = made;
  if (transport === "eventsource" && (token || headers || method || body || plain)) {
    throw new TypeError("an EventSource takes no token, headers, method, body or `plain`: leave out `transport`");
  }
  if (!delays.length || !delays.every((ms) => ms >= 0)) throw new TypeError("`delays` has to list milliseconds");
  const polled = pollUrl(url, poll ?? (plain || method || body ? false : undefined));
  if (transport === "poll" && !polled) throw new TypeError("polling needs a URL: `poll`");
  return { ...made, poll: polled };
}

/** The URL as the page means it. */
export function absolute(url: string): string {
  return new URL(url, globalThis.document?.baseURI).href;
}

/** With the query of the stream, where it has none of its own. */
function pollUrl(url: string, poll: Options["poll"]): string | false {
  const beside = url.replace(/^([^?#]*\/)events(?![^?#])/, "$1poll");
  if (poll === undefined) return beside !== url && beside;
  if (poll === false) return false;
  const made = new URL(absolute(poll));
  made.search ||= new URL(url).search;
  return made.href;
}
