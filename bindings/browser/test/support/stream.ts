// A stream with all that it says.
//
// It does not know what is expected.

import { connect, type Options, type Status, type Stream } from "../../src/index.js";

export interface Heard {
  stream: Stream;
  statuses: Status[];
  /** Each as `type:data`. */
  events: string[];
  states(): string[];
}

/** Of a stream that is not shared and listens to some types. */
export function listen(url: string, options: Options = {}, types = ["message", "news", "gap", "bye"]): Heard {
  const stream = connect(url, { share: false, ...options });
  const heard: Heard = { stream, statuses: [], events: [], states: () => heard.statuses.map(({ state }) => state) };
  for (const type of types) stream.on(type, (event) => heard.events.push(`${event.type}:${event.data}`));
  stream.watch((status) => heard.statuses.push(status));
  return heard;
}
