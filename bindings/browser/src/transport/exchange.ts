// One request, and what is streamed in answer.
//
// It does not know whether another follows.

import { Decoder } from "../decode.js";
import type { Attempt, Ears, End } from "../transport.js";
import type { Settings } from "../types.js";
import { refusal } from "./refusal.js";

/** Ends well when the answer does, or else with what went wrong. */
export async function exchange(url: string, attempt: Attempt, ears: Ears, signal: AbortSignal): Promise<End | undefined> {
  const { settings, token, cursor } = attempt;
  try {
    const init = request(settings, token, signal);
    init.headers.set("accept", "text/event-stream");
    const last = cursor();
    // Tidings gets it with the URL, for which no browser asks another origin first.
    if (settings.plain && last) init.headers.set("last-event-id", last);
    const response = await fetch(url, init);
    const refused = await refusal(response);
    if (refused) return refused;
    ears.open();
    const decoder = new Decoder({ ...ears, message: (message) => signal.aborted || ears.message(message) }, last);
    const reader = response.body!.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      decoder.push(value);
      if (signal.aborted) return;
      ears.heard(decoder.lastEventId);
    }
  } catch (error) {
    return { code: error instanceof RangeError ? "event_too_large" : "connection_lost", message: String(error) };
  }
}

/** What is sent with each request. */
export function request(settings: Settings, token: string | undefined, signal: AbortSignal) {
  const headers = new Headers(settings.headers);
  if (token !== undefined) headers.set("authorization", `Bearer ${token}`);
  // Of the settings, fetch takes those that are for it.
  return { ...settings, headers, signal, cache: "no-store" as const };
}
