// What the tabs of a group say to each other. All hear all of it, the speaker too.
//
// It does not know how it is carried, nor what is done about it.

import type { Message, Plain, Status } from "../types.js";
import type { Log } from "./log.js";

/** Streams that share one connection. */
export interface Group {
  /** Names its channel, and its lock: who holds that leads. */
  name: string;
  url: string;
  options: Plain;
}

/**
 * When a leader began. Reigns begin one after the other, under one lock, so the clock orders them. What a
 * leader says counts for nothing once the call of a later one was heard.
 */
export type Reign = number;

/** How far somebody has come: to which message, and in which reign, 0: in none. */
export interface Position {
  placed: Reign;
  end: number;
}

/** A member says where it stands: to join, to answer a call, and when it wants other types of events. */
export interface Hello extends Position {
  kind: "hello";
  from: string;
  /** The last call it has heard, 0: none yet. Only answers to its own call tell a leader anything. */
  heard: Reign;
  types: string[];
  /** What the server knows the connection as. */
  tab: string;
  /** Where it has come further than the caller. */
  log: Log | undefined;
}

/** A leader says how things stand: when it begins, and when somebody joins. */
export interface State {
  kind: "state";
  reign: Reign;
  tab: string;
  status: Status;
  /** The last such event. */
  connected: Message | undefined;
  log: Log;
}

/** What a member says that was asked for a token. */
export interface Answer {
  kind: "answer";
  token?: string;
  error?: string;
}

export type Packet =
  | Hello
  /** A member wants this of the connection. `look`: an attempt is due, and timers may be late. */
  | { kind: "order"; order: "look" | "reconnect" }
  | Answer
  /** What follows is a leader's. It calls all members, and says how far its own has come. */
  | ({ kind: "call"; reign: Reign } & Position)
  | State
  | { kind: "message"; reign: Reign; message: Message }
  | { kind: "status"; reign: Reign; status: Status }
  /** It asks one of them for a token. */
  | { kind: "ask"; reign: Reign; to: string; refused: boolean };

/** Whether one has come further than the other. */
export function isFurther(one: Position, other: Position): boolean {
  return (one.placed - other.placed || one.end - other.end) > 0;
}
