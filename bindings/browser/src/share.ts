// Shares one connection among all tabs of a user: says which streams share, and makes their part in it.
//
// It does not know how a connection works, nor who has it. The main entry loads it where streams are shared.

import type { Group } from "./share/packet.js";
import { newTab, type StartWorker } from "./share/tab.js";
import { browser, type World } from "./share/world.js";
import type { Options, Plain, Sink, Source } from "./types.js";

/** What tabs say to each other changes with this: those of different versions do not share. */
const VERSION = 1;

/** A stream's share in the connection of its group, which is made with `connect` where this tab has it. */
export function share(url: string, settings: Plain, { user, worker }: Options, sink: Sink, connect: World["connect"]): Source {
  const start = worker === undefined || !globalThis.SharedWorker ? undefined : starter(worker);
  return newTab(groupOf(url, settings, user), sink, browser(connect), start);
}

/** Streams share that differ in nothing but what they listen to, and who has the connection. */
export function groupOf(url: string, options: Plain, user: string | undefined): Group {
  const { types: _, ...same } = options;
  return { name: JSON.stringify(["tidings", VERSION, user ?? null, url, same]), url, options };
}

function starter(url: string): StartWorker {
  return (group, failed) => {
    try {
      const worker = new SharedWorker(url, `tidings ${VERSION}`);
      worker.onerror = failed;
      worker.port.postMessage(group);
    } catch {
      failed();
    }
  };
}
