// A browser without pages: locks, channels and tabs that crash, in virtual time.
//
// It does not know what goes through its channels. What browsers leave open is left to chance: how long a
// message takes, whether a lock passes before or after it, which messages of a crashed tab still arrive.

import type { World } from "../../src/share/world.js";
import type { Chance } from "./chance.js";

interface Request {
  agent: Agent;
  name: string;
  grant(): void;
}

class Lock {
  holder: Request | undefined;
  waiting: Request[] = [];
}

/** A tab or a worker: what is lost at once when it crashes. */
export class Agent {
  dead = false;
  #hung: (() => void)[] | undefined;
  #ends = new Set<() => void>();
  world: World;

  constructor(
    private readonly browser: VirtualBrowser,
    connect: World["connect"],
  ) {
    const locks = { request: this.#request, query: this.#query } as World["locks"];
    this.world = {
      locks,
      channel: this.#channel,
      connect: (url, options, sink) => {
        const source = connect(url, options, sink);
        // The script of a tab that has crashed goes on here, to no effect.
        if (this.dead) source.close();
        this.#ends.add(() => source.close());
        return source;
      },
    };
  }

  /** A script runs for so long: what it is told waits. */
  hang(ms: number): void {
    if (this.#hung) return;
    this.#hung = [];
    setTimeout(() => {
      const acts = this.#hung!;
      this.#hung = undefined;
      acts.forEach((act) => this.run(act));
    }, ms);
  }

  /** Does it as soon as no script runs. */
  run(act: () => void): void {
    if (this.#hung) this.#hung.push(act);
    else if (!this.dead) act();
  }

  crash(): void {
    this.dead = true;
    this.#ends.forEach((end) => end());
    this.browser.crashed(this);
  }

  #request = (name: string, { signal }: { signal: AbortSignal }, got: () => Promise<void>): Promise<void> =>
    new Promise((resolve, reject) => {
      if (this.browser.forbidsLocks) return reject(new DOMException("no locks here", "SecurityError"));
      const { browser } = this;
      const lock = browser.lock(name);
      const request: Request = {
        agent: this,
        name,
        grant: () => {
          if (this.dead) return;
          if (signal.aborted) return browser.release(request);
          granted = true;
          void got().then(() => {
            browser.later(() => browser.release(request));
            resolve();
          });
        },
      };
      let granted = false;
      signal.addEventListener("abort", () => {
        if (granted || this.dead) return;
        lock.waiting = lock.waiting.filter((other) => other !== request);
        reject(new DOMException("given up", "AbortError"));
      });
      browser.later(() => {
        if (this.dead || signal.aborted) return;
        lock.waiting.push(request);
        browser.pass(name);
      });
    });

  #query = (): Promise<LockManagerSnapshot> =>
    new Promise((resolve) => this.browser.later(() => !this.dead && resolve({ held: this.browser.held(), pending: [] })));

  #channel = (name: string): ReturnType<World["channel"]> => {
    const ear: Ear = { agent: this, name, onmessage: null, closed: false };
    this.browser.ears.add(ear);
    const channel = Object.assign(ear, {
      postMessage: (packet: unknown) => {
        if (ear.closed) throw new DOMException("the channel is closed", "InvalidStateError");
        if (!this.dead) this.browser.send(ear, packet);
      },
      close: () => {
        ear.closed = true;
        this.browser.ears.delete(ear);
      },
    });
    return channel as never;
  };
}

interface Ear {
  agent: Agent;
  name: string;
  onmessage: ((event: { data: unknown }) => void) | null;
  closed: boolean;
}

export class VirtualBrowser {
  ears = new Set<Ear>();
  forbidsLocks = false;
  /** How many messages were sent to ears other than the sender's. */
  sent = 0;
  #locks = new Map<string, Lock>();
  /** What is under way from a tab to an ear comes in order, and of a crashed tab maybe not to the end. */
  #pipes = new Map<Agent, Map<Ear, unknown[]>>();

  /** Messages take up to `delay` ms. */
  constructor(
    private readonly chance: Chance,
    private readonly delay = 20,
  ) {}

  later(act: () => void): void {
    setTimeout(act, this.chance(this.delay + 1));
  }

  lock(name: string): Lock {
    if (!this.#locks.has(name)) this.#locks.set(name, new Lock());
    return this.#locks.get(name)!;
  }

  held(): LockInfo[] {
    return [...this.#locks].flatMap(([name, { holder }]) => (holder ? [{ name, mode: "exclusive" as const }] : []));
  }

  /** The tab that holds a lock. */
  holder(name: string): Agent | undefined {
    return this.lock(name).holder?.agent;
  }

  pass(name: string): void {
    const lock = this.lock(name);
    if (lock.holder) return;
    lock.holder = lock.waiting.shift();
    const { holder } = lock;
    if (holder) this.later(() => holder.agent.run(() => holder.grant()));
  }

  release(request: Request): void {
    const lock = this.lock(request.name);
    if (lock.holder !== request) return;
    lock.holder = undefined;
    this.pass(request.name);
  }

  crashed(agent: Agent): void {
    for (const ear of this.ears) if (ear.agent === agent) this.ears.delete(ear);
    for (const queue of this.#pipes.get(agent)?.values() ?? []) queue.length = this.chance(queue.length + 1);
    for (const lock of this.#locks.values()) {
      lock.waiting = lock.waiting.filter((request) => request.agent !== agent);
      const { holder } = lock;
      if (holder?.agent === agent) this.later(() => this.release(holder));
    }
  }

  send(from: Ear, packet: unknown): void {
    for (const ear of this.ears) {
      if (ear === from || ear.name !== from.name) continue;
      this.sent++;
      const pipes = this.#pipes.get(from.agent) ?? new Map<Ear, unknown[]>();
      this.#pipes.set(from.agent, pipes);
      const queue = pipes.get(ear) ?? [];
      pipes.set(ear, queue);
      queue.push(structuredClone(packet));
      this.later(() => {
        const next = queue.shift();
        if (next) ear.agent.run(() => ear.closed || ear.onmessage?.({ data: next }));
      });
    }
  }
}
