// Owns a place in the queue for a group's lock, and the group's broker once the lock is there.
//
// It does not know why it stands: a tab does for itself, a worker for its tabs.
//
// Who leads is a matter of the lock alone. A tab that is closed or crashes gives it up, and so does one that
// goes into the back-forward cache, since it leaves. A tab that hangs in a script keeps it, and all wait: were
// it to be taken from it, that tab would go on as leader beside the next as soon as its script ends. Tabs in the
// background do lead: Chromium freezes no page that holds a lock, other browsers none that uses them, and
// messages are not throttled. Only timers are, and of those that decide when a lost connection is tried
// again, the tabs that are seen remind the leader. A worker has none of these weaknesses.

import type { Sink, Status } from "../types.js";
import { type Broker, newBroker } from "./broker.js";
import { newMember } from "./member.js";
import type { Group, Packet } from "./packet.js";
import { hold, type World } from "./world.js";

export type Candidate = ReturnType<typeof newCandidate>;

/** A member of its group, as `newMember` makes it, that can stand. */
export function newCandidate(group: Group, world: World, id: string, before: string, types: string[], sink: Sink) {
  let broker: Broker | undefined;
  let quit: (() => void) | undefined;
  let hasLeft = false;

  const hear = (packet: Packet): void => {
    member.hear(packet);
    broker?.hear(packet);
  };
  const say = (packet: Packet): void => {
    if (hasLeft) return;
    channel.postMessage(packet);
    hear(packet);
  };
  const member = newMember(id, before, types, beginning(group), sink, say);
  const channel = world.channel(group.name);
  channel.onmessage = ({ data }) => hear(data);

  return {
    say,
    hello: member.hello,
    leads: () => !!broker,
    /** Gets in the queue, unless it is there, or has left. */
    stand(): void {
      if (hasLeft) return;
      quit ??= hold(world, group.name, () => {
        broker = newBroker(Math.max(Date.now(), member.heard() + 1), group, world, member, say);
      });
    },
    /** Returns where it was. */
    leave(): string {
      hasLeft = true;
      broker?.end();
      channel.close();
      quit?.();
      return member.leave();
    },
  };
}

/** How a group's connection is before anything is known of it. */
export function beginning({ options }: Group): Status {
  return { state: "connecting", attempt: 0, transport: options.transport ?? "eventsource", shared: true };
}
