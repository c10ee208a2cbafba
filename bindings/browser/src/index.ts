// The public face of `@tidings/browser`.
//
// It does not know how anything works.

import { Stream } from "./stream.js";
import type { Options } from "./types.js";

export type { Stream } from "./stream.js";
export type { Failure, Message, Options, State, Status, StreamEvent, Way } from "./types.js";

/**
 * Opens a stream, and keeps it open: it comes back by itself, goes on where it was, and says how it is.
 * Throws a `TypeError` for options that cannot be.
 */
export function connect(url: string | URL, options?: Options): Stream {
  return new Stream(url, options);
}
