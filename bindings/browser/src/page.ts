// Tells what becomes of the page and of the network.
//
// It does not know what follows from it. In a worker there is less to tell, on a server nothing.

/** Events of the window, and what is done at each. */
export type Signals = Partial<Record<"online" | "offline" | "visibilitychange" | "pagehide" | "pageshow", () => void>>;

/** Tells until the function it returns is called. */
export function watchPage(signals: Signals): () => void {
  const stop = new AbortController();
  for (const [type, tell] of Object.entries(signals)) globalThis.addEventListener?.(type, tell, { signal: stop.signal });
  return () => stop.abort();
}

/** Whether the browser is sure that nothing can be reached. */
export function isOffline(): boolean {
  return globalThis.navigator?.onLine === false;
}

export function isVisible(): boolean {
  return globalThis.document?.visibilityState === "visible";
}
