// A browser whose tabs come, go, crash, hang, are put into the cache and change leaders by chance: whatever happens,
// each hears each event once and in order from when it joined, and there is one connection.

import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Host } from "../src/share/host.js";
import type { Group } from "../src/share/packet.js";
import { newTab } from "../src/share/tab.js";
import type { Plain, Source } from "../src/types.js";
import { chance } from "./support/chance.js";
import { Agent, VirtualBrowser } from "./support/virtual-browser.js";
import { VirtualServer } from "./support/virtual-server.js";

const options: Plain = {
  poll: false,
  attempts: Infinity,
  delays: [1000],
  idleMs: 0,
  plain: false,
  hasToken: false,
  types: ["message"],
};
const group: Group = { name: "group", url: "http://127.0.0.1/events", options };

/** What a page hears, and whether that is what was published. */
class Page {
  agent: Agent;
  tab: Source;
  heard: number[] = [];
  gaps = 0;
  /** How many events there were when it first heard `connected`. */
  joined: number | undefined;
  #handlers = new Map<string, () => void>();

  constructor(
    readonly world: Simulation,
    startWorker?: (group: Group, failed: () => void) => void,
  ) {
    const { browser, server } = world;
    this.agent = new Agent(browser, server.connect);
    const alive = (act: () => void) => () => !this.agent.dead && act();
    vi.stubGlobal("addEventListener", (type: string, act: () => void) => this.#handlers.set(type, alive(act)));
    this.tab = newTab(
      group,
      {
        message: ({ type, id }) => {
          if (this.agent.dead) return;
          if (type === "gap") this.gaps++;
          if (type === "connected") this.joined ??= server.events.length;
          if (type !== "message") return;
          this.#check(Number(id));
          this.heard.push(Number(id));
        },
        status: () => {},
        token: () => Promise.reject(new Error("no token")),
      },
      this.agent.world,
      startWorker,
    );
    this.tab.open();
  }

  #check(id: number): void {
    if (!this.world.server.replays) return;
    const last = this.heard.at(-1);
    if (last !== undefined && this.gaps === 0) expect(id, "the next event").toBe(last + 1);
    if (last !== undefined) expect(id, "none twice").toBeGreaterThan(last);
    if (last === undefined && this.joined !== undefined && this.gaps === 0) {
      expect(id, "the first event").toBeLessThanOrEqual(this.joined + 1);
    }
  }

  hide(): void {
    this.#handlers.get("pagehide")!();
  }

  show(): void {
    this.#handlers.get("pageshow")!();
  }
}

class Simulation {
  chance;
  browser: VirtualBrowser;
  server: VirtualServer;
  pages: Page[] = [];
  hidden: Page[] = [];
  gaps = 0;
  #worker: Agent | undefined;

  constructor(
    readonly seed: number,
    readonly worker: boolean,
  ) {
    this.chance = chance(seed);
    this.browser = new VirtualBrowser(this.chance);
    this.server = new VirtualServer(this.chance);
  }

  startWorker = (group: Group, failed: () => void): void => {
    if (this.chance(8) === 0) return this.browser.later(failed);
    this.browser.later(() => {
      if (this.#worker && !this.#worker.dead) return;
      const agent = (this.#worker = new Agent(this.browser, this.server.connect));
      void new Host(agent.world).stand(group).then(() => (this.#worker = undefined));
    });
  };

  /** Tabs come, go and crash while nothing can be had from the server again: what one has had, all have. */
  async agree(steps: number): Promise<void> {
    this.server.replays = false;
    for (let step = 0; step < steps; step++) {
      const what = this.chance(10);
      if (what < 7) this.server.publish();
      else if (what < 9 && this.pages.length < 6) this.pages.push(new Page(this));
      else this.#crashLeader();
      await vi.advanceTimersByTimeAsync(this.chance(40));
    }
    await vi.advanceTimersByTimeAsync(10_000);
    const since = Math.max(...this.pages.map(({ heard }) => heard[0] ?? Infinity));
    const [all, ...others] = this.pages.map(({ heard }) => heard.filter((id) => id >= since));
    for (const other of others) expect(other, "what another has heard").toEqual(all);
    for (const page of this.pages) {
      expect(page.gaps).toBe(0);
      page.tab.close();
    }
    await vi.advanceTimersByTimeAsync(1_000);
  }

  any(pages: Page[]): Page | undefined {
    return pages.length ? pages[this.chance(pages.length)] : undefined;
  }

  leader(): Agent | undefined {
    return this.browser.holder("group");
  }

  step(): void {
    const what = this.chance(100);
    if (what < 58) return this.server.publish();
    if (what < 60) return this.any(this.pages)?.agent.hang(this.chance(4_000));
    if (what < 70 && this.pages.length < 8) {
      this.pages.push(new Page(this, this.worker ? this.startWorker : undefined));
    } else if (what < 75) this.#remove(this.any(this.pages), (page) => page.tab.close());
    else if (what < 80) this.#remove(this.any(this.pages), (page) => page.agent.crash());
    else if (what < 86) this.#crashLeader();
    else if (what < 90) {
      this.#remove(this.any(this.pages), (page) => {
        page.hide();
        this.hidden.push(page);
      });
    } else if (what < 95) {
      const page = this.any(this.hidden);
      if (!page) return;
      this.hidden = this.hidden.filter((other) => other !== page);
      this.pages.push(page);
      page.show();
    } else for (const connection of this.server.open) connection.cut();
  }

  #crashLeader(): void {
    const leader = this.leader();
    if (!leader) return;
    leader.crash();
    const lives = ({ agent }: Page) => agent !== leader;
    [this.pages, this.hidden] = [this.pages.filter(lives), this.hidden.filter(lives)];
  }

  #remove(page: Page | undefined, act: (page: Page) => void): void {
    if (!page) return;
    this.pages = this.pages.filter((other) => other !== page);
    act(page);
  }

  async run(steps: number): Promise<void> {
    for (let step = 0; step < steps; step++) {
      this.step();
      await vi.advanceTimersByTimeAsync(this.chance(40));
    }
    await vi.advanceTimersByTimeAsync(10_000);
    this.server.publish();
    await vi.advanceTimersByTimeAsync(1_000);
    for (const page of this.pages) expect(page.heard.at(-1), "the last event").toBe(this.server.events.length);
    expect(this.server.open.size, "connections").toBe(this.pages.length ? 1 : 0);
    for (const page of this.pages) page.tab.close();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(this.server.open.size, "connections when all are gone").toBe(0);
    expect(this.browser.held(), "locks when all are gone").toEqual([]);
    expect(this.browser.ears.size, "channels when all are gone").toBe(this.#worker && !this.#worker.dead ? 1 : 0);
  }
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const RUNS = Number(process.env.TIDINGS_TEST_RUNS ?? 40);
const SEED = Number(process.env.TIDINGS_TEST_SEED ?? Math.floor(Math.random() * 2 ** 31));

test.each([
  ["locks", false],
  ["a worker", true],
])("each tab hears each event once: with %s", async (_, worker) => {
  let takeovers = 0;
  for (let run = 0; run < RUNS; run++) {
    const simulation = new Simulation(SEED + run, worker);
    try {
      await simulation.run(120);
    } catch (error) {
      throw new Error(`TIDINGS_TEST_SEED=${SEED + run} TIDINGS_TEST_RUNS=1`, { cause: error });
    }
    takeovers += simulation.server.made.length;
  }
  expect(takeovers, "connections that were made").toBeGreaterThan(RUNS);
}, 60_000);

test("what one tab has had all have, though the server tells nothing twice", async () => {
  for (let run = 0; run < RUNS; run++) {
    try {
      await new Simulation(SEED + run, false).agree(100);
    } catch (error) {
      throw new Error(`TIDINGS_TEST_SEED=${SEED + run} TIDINGS_TEST_RUNS=1`, { cause: error });
    }
  }
}, 60_000);
