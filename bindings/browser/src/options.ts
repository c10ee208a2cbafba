// Makes the options of an application whole, and refuses those that cannot be.
//
// It does not know how they are met.

import type { Options, Plain } from "./types.js";

const DELAYS = [1_000, 2_000, 4_000, 8_000, 16_000, 30_000];

/** Throws a `TypeError` that says what is wrong. */
export function settings(url: string, options: Options): Plain {
  const { user, share, worker, token, poll, delays = DELAYS, attempts = Infinity, idleMs = 75_000, plain = false, ...rest } = options;
  const { transport, headers, body } = rest;
  const method = rest.method ?? (body === undefined ? undefined : "POST");
  const isOwn = method || plain;
  if (transport === "eventsource" && (isOwn || headers || token)) refuse("`eventsource` takes no headers, method, body, token or `plain`");
  if (!delays.length || !delays.every((ms) => ms >= 0)) refuse("`delays` are milliseconds");
  const polled = poll ?? (!isOwn && beside(url));
  if (transport === "poll" && !polled) refuse("polling needs a URL, `poll`");
  return { ...rest, ...(method && { method }), delays, attempts, idleMs, plain, poll: polled && absolute(polled), hasToken: !!token, types: [] };
}

export function refuse(why: string): never {
  throw new TypeError(why);
}

/** The URL as the page means it. */
export function absolute(url: string): string {
  return new URL(url, globalThis.document?.baseURI).href;
}

/** Where a server that has `/events` is polled. */
function beside(url: string): string | false {
  const made = url.replace(/^([^?#]*\/)events(?![^?#])/, "$1poll");
  return made !== url && made;
}
