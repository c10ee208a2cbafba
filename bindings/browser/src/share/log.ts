// Owns the latest messages of a shared connection under one numbering, and finds places in them.
//
// It does not know who reads it, nor where the messages come from.

import { isPlace } from "../control.js";
import type { Message } from "../types.js";

/** Enough for what is under way when a leader is lost, and for a page that comes back soon. */
const MOST_MESSAGES = 1000;
/** In UTF-16 units of data, so about 2 MB at most; the last message is kept whatever its length. */
const MOST_DATA = 1_000_000;

/** Plain data, so that it can be sent to another tab. */
export interface Log {
  /** The number of the message before the first. */
  start: number;
  /** The last event id up to there. */
  before: string;
  messages: Message[];
  /** The length of their data. */
  size: number;
}

export function newLog(before: string): Log {
  // Who has been somewhere is further than who has been nowhere.
  return { start: before ? 1 : 0, before, messages: [], size: 0 };
}

/** The number of the last message. */
export function end(log: Log): number {
  return log.start + log.messages.length;
}

/** The id to resume with after the message of this number. */
export function cursor(log: Log, number = end(log)): string {
  for (let at = number - log.start; at--; ) {
    const { id } = log.messages[at]!;
    if (id && isPlace(id)) return id;
  }
  return log.before;
}

export function push(log: Log, message: Message): void {
  log.messages.push(message);
  log.size += message.data.length;
  while (log.messages.length > MOST_MESSAGES || (log.size > MOST_DATA && log.messages[1])) {
    log.before = cursor(log, log.start + 1);
    log.start++;
    log.size -= log.messages.shift()!.data.length;
  }
}

/**
 * The number under which a reader stands here who counts itself at `number`, with this cursor. The
 * numbers of one who missed a change of leaders may mean other messages by now, so the cursor decides.
 */
export function find(log: Log, number: number, id: string): number | undefined {
  const isHere = (at: number) => at >= log.start && at <= end(log) && cursor(log, at) === id;
  if (isHere(number)) return number;
  for (let at = end(log); id && at >= log.start; at--) if (isHere(at)) return at;
  return undefined;
}
