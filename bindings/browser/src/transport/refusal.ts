// What an HTTP response says that is no event stream.
//
// It does not know what is done about it.

import type { End } from "../transport.js";

/** An error is a line of JSON; the page of some proxy is not read. */
const LONGEST_ERROR = 10_000;
/** Errors of requests that may go well another time. */
const PASSING = [408, 425, 429];

/** Nothing, if the response is an event stream. */
export async function refusal(response: Response): Promise<End | undefined> {
  const { status, headers } = response;
  const type = headers.get("content-type");
  if (status === 200 && /^text\/event-stream *(;|$)/i.test(type!)) return;
  const isShort = +(headers.get("content-length") ?? LONGEST_ERROR) < LONGEST_ERROR;
  return {
    code: `http_${status}`,
    message: `the server answered ${status}, ${type}`,
    ...(isShort && (await response.json().catch(() => {}))?.error),
    status,
    explained: true,
    final: status === 204 || (status >= 400 && status < 500 && !PASSING.includes(status)),
    retryMs: +headers.get("retry-after")! * 1_000 || undefined,
  };
}
