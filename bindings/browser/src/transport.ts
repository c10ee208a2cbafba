// What the ways of getting events have in common: what they are given, and what they tell.
//
// It does not know any of them.

import type { Failure, Message, Plain } from "./types.js";

/** What one attempt is made with. */
export interface Attempt {
  url: string;
  settings: Plain;
  /** What is listened to; `*` is all. */
  types: Iterable<string>;
  token: string | undefined;
  /** Where to go on, as it is when it is asked. */
  cursor(): string | undefined;
}

/** What an attempt tells: nothing after its end, nor after it was closed. */
export interface Ears {
  /** The server has answered well. */
  open(): void;
  message(message: Message): void;
  /** Something came, with what is now the last event id, where that is known. */
  heard(lastEventId?: string): void;
  retry(ms: number): void;
  end(end: End): void;
}

/** How an attempt has ended. */
export interface End extends Omit<Failure, "status"> {
  status?: number | undefined;
  /** The server has said why. */
  explained?: boolean;
  /** Nobody is to try again. */
  final?: boolean;
  /** When to come back, to be kept exactly. */
  retryMs?: number | undefined;
  /** This way does not tell enough: another could. */
  blind?: boolean;
}

/** An attempt under way. */
export interface Live {
  close(): void;
  listen?(type: string): void;
}

/** The URL with where to go on and another parameter; servers that are not Tidings get it as it is. */
export function address({ url, settings, cursor }: Attempt, name?: string, value = ""): string {
  const made = new URL(url);
  if (!settings.plain) {
    const last = cursor();
    if (last) made.searchParams.set("last_event_id", last);
    // A page may have a name of its own for it.
    if (settings.tab && !made.searchParams.has("tab")) made.searchParams.set("tab", settings.tab);
    if (name) made.searchParams.set(name, value);
  }
  return made.href;
}
