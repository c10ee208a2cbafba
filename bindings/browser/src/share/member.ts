// Owns what one stream has had of a shared connection, and says so to whoever leads.
//
// It does not know whether the leader is in this tab, in another, or in a worker.

import { Timer } from "../timer.js";
import type { Message, Sink, Status } from "../types.js";
import { cursor, end, find, newLog, push } from "./log.js";
import { isFurther, type Packet, type Position, type State } from "./packet.js";

/** How long a new connection may take to replay what a member has had already. */
const REPLAY_MS = 5_000;

export type Member = ReturnType<typeof newMember>;

/** `before`: where it was when it belonged to a group before. `types` may become more. */
export function newMember(id: string, before: string, types: string[], status: Status, sink: Sink, say: (packet: Packet) => void) {
  /** What it was told last, with all messages since: it can lead from there. */
  let state: State = { kind: "state", reign: 0, tab: "", status, connected: undefined, log: newLog(before) };
  let heard = 0;
  /** How far the leader had come when it called. */
  let caller: Position = { placed: 0, end: 0 };
  /** The cursor at which it goes on, where it has yet to come by. */
  let awaited: string | undefined;
  const missed = new Timer();
  const due = new Timer();

  const at = (): Position => ({ placed: state.reign, end: end(state.log) });

  const hello = (): void => {
    const { tab, log } = state;
    say({ kind: "hello", from: id, heard, ...at(), types, tab, log: isFurther(at(), caller) ? log : undefined });
  };

  /** Takes what it has not had from a new leader's log. A newcomer begins at its end. */
  const stand = (next: State): void => {
    const last = cursor(state.log);
    const isNew = !state.reign && !last;
    const { log, connected } = next;
    const from = isNew ? end(log) : find(log, end(state.log), last);
    state = next;
    tell(next.status);
    if (isNew && connected) sink.message(connected);
    if (from !== undefined) log.messages.slice(from - log.start).forEach(take);
    else if (awaited === undefined) {
      // It was ahead of all who answered that leader's call, or away for long.
      awaited = last;
      missed.set(REPLAY_MS, miss);
    }
  };

  const take = (message: Message): void => {
    if (message.type === "connected") state.connected = message;
    if (awaited === undefined) return sink.message(message);
    if (message.id !== awaited) return;
    awaited = undefined;
    missed.clear();
  };

  /** How many were missed is not known: what is numbered are messages of all types, the server's own too. */
  const miss = (): void => {
    const data = JSON.stringify({ missed: null, from: awaited, reason: "unknown_cursor" });
    awaited = undefined;
    sink.message({ type: "gap", data, id: cursor(state.log) });
  };

  /** A browser fires the timers of hidden pages late, of the leader's maybe. One that is seen reminds it. */
  const tell = (status: Status): void => {
    due.clear();
    state.status = status;
    const { retryInMs } = status;
    if (retryInMs !== undefined) due.set(retryInMs, () => say({ kind: "order", order: "look" }));
    sink.status(status);
  };

  const answer = (refused: boolean): void => {
    sink.token(refused).then(
      (token) => say({ kind: "answer", token }),
      (error) => say({ kind: "answer", error: String(error) }),
    );
  };

  const hear = (packet: Packet): void => {
    // What a leader had said before it was lost may come after the call of the next. That one resumes
    // after what this member said it had: taking more from the old would be taking it twice.
    if (!("reign" in packet) || packet.reign < heard) return;
    const { kind, reign } = packet;
    const isPlaced = reign === state.reign;
    if (kind === "call" && reign > heard) {
      heard = reign;
      caller = packet;
      hello();
    } else if (kind === "state" && !isPlaced) {
      heard = reign;
      stand(packet);
    } else if (kind === "message" && isPlaced) {
      push(state.log, packet.message);
      take(packet.message);
    } else if (kind === "status") tell(packet.status);
    else if (kind === "ask" && packet.to === id) answer(packet.refused);
  };

  /** Hears no more. Returns where it was. */
  const leave = (): string => {
    missed.clear();
    due.clear();
    heard = Infinity;
    return awaited ?? cursor(state.log);
  };

  return { at, state: () => state, heard: () => heard, hello, hear, leave };
}
