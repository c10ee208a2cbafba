// Tells what becomes of the page and of the network.
//
// It does not know what follows from it. In a worker there is less to tell, on a server nothing.

export interface Signals {
  online(): void;
  offline(): void;
  /** The page is seen again. */
  visible(): void;
  /** The page goes, maybe to the back/forward cache, which takes none with open connections. */
  hide(): void;
  /** The page is back. */
  show(): void;
}

/** Tells until the function it returns is called. */
export function watchPage(signals: Signals): () => void {
  const stop = new AbortController();
  const on = (target: Partial<EventTarget> | undefined, type: string, tell: () => void) =>
    target?.addEventListener?.(type, tell, { signal: stop.signal });
  on(globalThis, "online", signals.online);
  on(globalThis, "offline", signals.offline);
  on(globalThis, "pagehide", signals.hide);
  on(globalThis, "pageshow", signals.show);
  on(globalThis.document, "visibilitychange", () => document.visibilityState === "visible" && signals.visible());
  return () => stop.abort();
}

/** Whether the browser is sure that nothing can be reached. */
export function isOffline(): boolean {
  return globalThis.navigator?.onLine === false;
}
