// What the server's own events mean: `connected`, `reauth`, `bye`; a `gap` is for the application alone.
//
// It does not know what is done about them.

import type { End } from "./transport.js";
import type { Message } from "./types.js";

export interface Control {
  /** The name of this connection. */
  connection?: string;
  /** The server ends it. */
  bye?: End;
}

export function control({ type, data, id }: Message): Control {
  if (type !== "connected" && type !== "bye") return {};
  const { connection, reason = type, message = `the server ended the stream: ${reason}`, retry_ms } = read(data);
  if (type === "connected") return { connection };
  return { bye: { code: reason, message, explained: true, final: !isPlace(id), retryMs: retry_ms ?? undefined } };
}

/** Whether an id says where to go on; those of who is to stay away do not. */
export function isPlace(id: string): boolean {
  return !id.endsWith("!");
}

function read(data: string) {
  try {
    return Object(JSON.parse(data));
  } catch {
    return {};
  }
}
