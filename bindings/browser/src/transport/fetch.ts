// Events over fetch, whose stream it reads: for headers, tokens and bodies, and for all types of events.
//
// It does not know about reconnects.

import { address, type Attempt, type Ears, type Live } from "../transport.js";
import { exchange } from "./exchange.js";

export function overFetch(attempt: Attempt, ears: Ears): Live {
  const stop = new AbortController();
  exchange(address(attempt), attempt, ears, stop.signal).then((end) => {
    if (!stop.signal.aborted) ears.end(end ?? { code: "ended", message: "the server ended the stream" });
  });
  return { close: () => stop.abort() };
}
