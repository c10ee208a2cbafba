// Events by long polling: one request after another, each answered when there is something to say.
//
// It does not know why streams would not do.

import { Timer } from "../timer.js";
import { address, type Attempt, type Ears, type Live } from "../transport.js";
import { exchange } from "./exchange.js";

/** Requests that bring nothing follow each other no sooner. */
const PAUSE_MS = 1_000;

export function overPoll(attempt: Attempt, ears: Ears): Live {
  const stop = new AbortController();
  const timer = new Timer();
  // The first is answered at once, so that it is known soon whether polling works.
  const next = async (wait?: string): Promise<void> => {
    let pause = wait ? 0 : Date.now() + PAUSE_MS;
    const message: Ears["message"] = (message) => {
      // Each answer begins with it; what it says is said once.
      if (!wait && message.type === "connected") return;
      pause = 0;
      ears.message(message);
    };
    const end = await exchange(address(attempt, wait && "wait", wait), attempt, { ...ears, open() {}, message }, stop.signal);
    if (stop.signal.aborted) return;
    if (end) return ears.end(end);
    ears.open();
    timer.set(Math.max(0, pause - Date.now()), next);
  };
  next("0");
  return {
    close() {
      stop.abort();
      timer.clear();
    },
  };
}
