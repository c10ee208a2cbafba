// Owns what a worker does for tabs: it stands for their groups, and no longer than one of their members is there.
//
// It does not know the tabs: they find it as they find any leader, and it them by their locks.

import { newName } from "../name.js";
import type { Sink } from "../types.js";
import { newCandidate } from "./candidate.js";
import type { Group } from "./packet.js";
import { memberLock, members, type World } from "./world.js";

/** It hears events for others alone. */
const deaf: Sink = { message() {}, status() {}, token: () => Promise.reject(new Error("a worker has no token")) };

export class Host {
  #groups = new Set<string>();

  constructor(private readonly world: World) {}

  async stand(group: Group): Promise<void> {
    const { name } = group;
    if (this.#groups.has(name)) return;
    this.#groups.add(name);
    const candidate = newCandidate(group, this.world, newName(), "", [], deaf);
    candidate.stand();
    const never = new AbortController().signal;
    for (let one; ([one] = await members(this.world, name)), one; ) {
      // This is granted when that member is gone.
      await this.world.locks.request(memberLock(name, one), { signal: never }, async () => {});
    }
    candidate.leave();
    this.#groups.delete(name);
  }
}
