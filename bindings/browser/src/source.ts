// Decides where the events of a stream come from: a connection of its own, or a share in one.
//
// It does not know what listens to them.

import { connect } from "./connection.js";
import { newName } from "./name.js";
import type { Options, Plain, Sink, Source } from "./types.js";

export function source(url: string, settings: Plain, options: Options, sink: Sink): Source {
  const alone = () => connect(url, { ...settings, tab: newName() }, sink);
  if (!isShareable(settings, options)) return alone();
  // Where it cannot be loaded nothing is shared.
  return later(import("./share.js").then(({ share }) => share(url, settings, options, sink, connect), alone));
}

/**
 * Whether a stream may be shared: where the browser can, and where nobody but its user would get it. What is
 * asked with a token or headers is shared among tabs that name the same `user`; without, tabs have the same
 * cookies. A stream that begins at a place of its own has what others do not want.
 */
export function isShareable({ headers, hasToken, lastEventId }: Plain, { share, user }: Options): boolean {
  if (share === false || lastEventId !== undefined) return false;
  const isSafe = user !== undefined || !(headers || hasToken);
  return isSafe && !!globalThis.navigator?.locks && !!globalThis.BroadcastChannel;
}

/** One that is not there yet, and does then what it was told. */
function later(source: Promise<Source>): Source {
  const then = (act: (source: Source) => void): void => void source.then(act);
  return {
    open: () => then((source) => source.open()),
    close: () => then((source) => source.close()),
    reconnect: () => then((source) => source.reconnect()),
    listen: (type) => then((source) => source.listen(type)),
  };
}
