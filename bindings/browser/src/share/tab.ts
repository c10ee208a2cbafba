// Owns a tab's part in a group, for one stream: it joins, stands to lead, and leaves when the page goes.
//
// It does not know what is shared, nor where the leader is.

import { newName } from "../name.js";
import { watchPage } from "../page.js";
import { Timer } from "../timer.js";
import type { Sink, Source, Status } from "../types.js";
import { beginning, type Candidate, newCandidate } from "./candidate.js";
import type { Group } from "./packet.js";
import { hold, memberLock, type World } from "./world.js";

/** How long a worker may take to begin. Then a tab leads, and the worker when all those are gone. */
const WORKER_MS = 3_000;

/** Starts the worker that is to lead, and calls `failed` if it cannot be had. */
export type StartWorker = (group: Group, failed: () => void) => void;

export function newTab(group: Group, sink: Sink, world: World, startWorker?: StartWorker): Source {
  const { name, url, options } = group;
  const types = [...options.types];
  let before = "";
  let unwatch: (() => void) | undefined;
  /** What it is while it belongs to the group. */
  let part: Candidate | undefined;
  let leave: (() => void) | undefined;
  /** A connection of its own, where the browser lets this page share nothing. */
  let alone: Source | undefined;

  const join = (): void => {
    if (leave || alone) return;
    // Made anew each time: a duplicated tab, which has a copy of all that a page keeps, is another member.
    const id = newName();
    const status = (status: Status) => sink.status({ ...status, leader: mine.leads() });
    const mine: Candidate = newCandidate(group, world, id, before, types, { ...sink, status });
    const timer = new Timer();
    const stand = () => {
      timer.clear();
      mine.stand();
    };
    const joined = () => {
      mine.hello();
      if (!startWorker) return stand();
      timer.set(WORKER_MS, stand);
      startWorker(group, stand);
    };
    // Whoever holds this lock is there, as all can see.
    const release = hold(world, memberLock(name, id), joined, goAlone);
    part = mine;
    leave = () => {
      leave = part = undefined;
      timer.clear();
      before = mine.leave();
      release();
    };
    status(beginning(group));
  };

  const goAlone = (): void => {
    leave?.();
    alone = world.connect(url, { ...options, types, tab: newName() }, sink);
    alone.open();
  };

  return {
    open() {
      // A page in the back/forward cache does not run. It comes back as a new member, with its cursor.
      unwatch ??= watchPage({ pagehide: () => leave?.(), pageshow: join });
      join();
    },
    close() {
      unwatch?.();
      leave?.();
      alone?.close();
      unwatch = alone = undefined;
      before = "";
      sink.status({ ...beginning(group), state: "idle" });
    },
    reconnect() {
      alone?.reconnect();
      part?.say({ kind: "order", order: "reconnect" });
    },
    listen(type) {
      if (types.includes(type)) return;
      types.push(type);
      alone?.listen(type);
      part?.hello();
    },
  };
}
