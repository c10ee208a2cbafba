// Decides where the events of a stream come from.
//
// It does not know what listens to them.

import { Connection } from "./connection.js";
import type { Options, Plain, Sink, Source } from "./types.js";

export function source(url: string, settings: Plain, _options: Options, sink: Sink): Source {
  return new Connection(url, settings, sink);
}
