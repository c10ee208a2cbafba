// What a browser lends to those who share: locks, channels, connections.
//
// It does not know what they are used for. Tests hand in worlds of their own.

import type { Plain, Sink, Source } from "../types.js";

export interface World {
  locks: Pick<LockManager, "query"> & {
    request(name: string, options: { signal: AbortSignal }, got: () => Promise<void>): Promise<void>;
  };
  /** Reaches all who have it open but the speaker; what one says is heard in order. */
  channel(name: string): Pick<BroadcastChannel, "postMessage" | "onmessage" | "close">;
  connect(url: string, options: Plain, sink: Sink): Source;
}

/** The world of this tab or worker. */
export function browser(connect: World["connect"]): World {
  return { locks: navigator.locks, channel: (name) => new BroadcastChannel(name), connect };
}

/**
 * Waits for a lock, and holds it until what is returned is called, or its tab or worker is gone: closed,
 * crashed, or killed, the browser then passes it on. `failed` where this page may have no locks.
 */
export function hold({ locks }: World, name: string, got: () => void, failed = () => {}): () => void {
  const waiting = new AbortController();
  let release: () => void;
  const released = new Promise<void>((resolve) => (release = resolve));
  const hold = () => {
    if (!waiting.signal.aborted) got();
    return released;
  };
  locks.request(name, { signal: waiting.signal }, hold).catch(() => waiting.signal.aborted || failed());
  return () => {
    waiting.abort();
    release();
  };
}

/** The lock that a member of a group holds while it is there. */
export function memberLock(group: string, id: string): string {
  return `${group}/${id}`;
}

/** The members of a group that are there. */
export async function members({ locks }: World, group: string): Promise<string[]> {
  const prefix = memberLock(group, "");
  const { held } = await locks.query();
  return held!.flatMap(({ name }) => (name!.startsWith(prefix) ? name!.slice(prefix.length) : []));
}
