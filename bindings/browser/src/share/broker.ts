// Owns the connection of a group, while its tab or worker leads.
//
// It does not know how it came to lead, nor whether that is in a tab or a worker.
//
// A reign begins with a call. Each member answers how far it has come, and takes nothing from an earlier
// leader from then on. Who has come furthest sends its log: each takes what it lacks from that, and the
// connection is opened where it ends. So each has each message once, whatever was under way when the last
// leader was lost. Nothing is kept for single members: what is on its way to a tab whose script runs waits in
// the browser, as all that is posted to it does.

import { newName } from "../name.js";
import { Timer } from "../timer.js";
import type { Sink, Source } from "../types.js";
import { cursor } from "./log.js";
import type { Member } from "./member.js";
import { type Answer, type Group, type Hello, isFurther, type Packet, type Position, type Reign, type State } from "./packet.js";
import { members, type World } from "./world.js";

/** How long a call waits for members whose tabs do not answer, since a script of theirs runs. */
const CALL_MS = 1_000;
/** How long a tab is waited for that is asked for a token, before another is asked as well. */
const TOKEN_MS = 10_000;

export interface Broker {
  hear(packet: Packet): void;
  end(): void;
}

/** `say` reaches all members, its own as well. */
export function newBroker(reign: Reign, { name, url, options }: Group, world: World, own: Member, say: (packet: Packet) => void): Broker {
  const timer = new Timer();
  const answered = new Set<string>();
  const types = new Set<string>();
  /** Who has come furthest. */
  let best: Position & Pick<State, "log" | "tab">;
  /** Who has to answer the call. */
  let called: string[] | undefined;
  let source: Source | undefined;
  let hasEnded = false;
  /** When the next attempt is. */
  let due = 0;
  let hearAnswer: ((answer: Partial<Answer>) => void) | undefined;

  /** How things stand for one who joins now. */
  const now = (): State => {
    const state = own.state();
    const { retryInMs, ...status } = state.status;
    return { ...state, status: retryInMs === undefined ? status : { ...status, retryInMs: Math.max(0, due - Date.now()) } };
  };

  const call = (): void => {
    // Its own member, too, takes nothing more from the leader before.
    best ??= { ...own.state(), ...own.at() };
    say({ kind: "call", reign, ...own.at() });
  };

  const open = (): void => {
    timer.clear();
    const { log, tab } = best;
    const state = { ...own.state(), reign, log, tab: tab || newName() };
    const lastEventId = cursor(log);
    const settings = { ...options, tab: state.tab, types: [...types], ...(lastEventId && { lastEventId }) };
    source = world.connect(url, settings, sink);
    say(state);
    if (!hasEnded) source.open();
  };

  const hello = (packet: Hello): void => {
    const { from, heard, log, placed } = packet;
    if (heard !== reign) return call();
    answered.add(from);
    for (const type of packet.types) {
      types.add(type);
      source?.listen(type);
    }
    if (source) {
      if (placed !== reign) say(now());
      return;
    }
    if (log && isFurther(packet, best)) best = { ...packet, log };
    // Nobody else is waited for.
    if (called?.every((id) => answered.has(id))) open();
  };

  const sink: Sink = {
    message: (message) => say({ kind: "message", reign, message }),
    status(status) {
      due = Date.now() + (status.retryInMs ?? 0);
      // For those who saw another leader's connection it is no first one.
      const isFirst = own.state().status.state === "connecting";
      const state = status.state === "connecting" && !isFirst ? "reconnecting" : status.state;
      say({ kind: "status", reign, status: { ...status, state, shared: true } });
    },
    /** Asks one member after another: a tab may be busy, or signed out. */
    async token(refused = false) {
      let failure = "no tab gave a token";
      for (const to of await members(world, name)) {
        say({ kind: "ask", reign, to, refused });
        const { token, error } = await new Promise<Partial<Answer>>((resolve) => {
          hearAnswer = resolve;
          setTimeout(resolve, TOKEN_MS, {});
        });
        if (token !== undefined) return token;
        failure = error ?? failure;
      }
      throw new Error(failure);
    },
  };

  void members(world, name).then((ids) => {
    if (hasEnded) return;
    called = ids;
    timer.set(CALL_MS, open);
    call();
  });

  return {
    hear(packet) {
      if (packet.kind === "hello") hello(packet);
      else if (packet.kind === "order") source?.[packet.order]?.();
      else if (packet.kind === "answer") hearAnswer?.(packet);
    },
    end() {
      hasEnded = true;
      timer.clear();
      source?.close();
    },
  };
}
