// Events over the browser's own EventSource.
//
// It does not know about reconnects: an EventSource gives up for good when it is refused, so that each
// attempt has one of its own. What it is refused for it cannot see, so it asks to be refused in the stream.

import { address, type Attempt, type Ears, type Live } from "../transport.js";

/** Those of the server; without them nothing would be known of the connection. */
const CONTROL = ["connected", "heartbeat", "gap", "reauth", "bye"];

export function overEventSource(attempt: Attempt, ears: Ears): Live {
  const withCredentials = attempt.settings.credentials === "include";
  const source = new EventSource(address(attempt, "soft", "1"), { withCredentials });
  const listened = new Set<string>();
  const listen = (type: string) => {
    listened.add(type);
    // Twice is once.
    source.addEventListener(type, hear);
  };
  // What the server calls `error` has data, a failure has none.
  const hear = (event: Event) => {
    const { type, data, lastEventId } = event as MessageEvent<string>;
    if (data !== undefined) {
      ears.heard();
      if (listened.has(type)) ears.message({ type, data, id: lastEventId });
    } else if (type === "error") {
      const blind = source.readyState === EventSource.CLOSED;
      source.close();
      ears.end({ code: "connection_lost", message: "the connection was lost, or refused", blind });
    }
  };
  source.addEventListener("error", hear);
  for (const type of [...CONTROL, ...attempt.types]) listen(type);
  return { listen, close: () => source.close() };
}
