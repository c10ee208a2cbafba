// Programs as children, with what they print, and a server among them.
// It does not know what is asked of them. None outlives the tests.

import { spawn } from "node:child_process";
import { createServer } from "node:net";
import { eventually } from "./wait.js";

const TIDINGS = process.env.TIDINGS ?? new URL("../../../../../target/debug/tidings", import.meta.url).pathname;
const EXAMPLES = new URL("examples", `file://${TIDINGS}`).pathname;
const running = new Set();
process.on("exit", () => running.forEach((program) => program.signal("SIGKILL")));

export class Program {
  /** A program that starts others is the head of a group, which is ended with it. */
  constructor(command, args, { group = false, env = {} } = {}) {
    this.out = "";
    this.err = "";
    this.ended = false;
    this.group = group;
    this.child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], detached: group, env: { ...process.env, ...env } });
    running.add(this);
    this.child.stdout.setEncoding("utf8").on("data", (text) => (this.out += text));
    this.child.stderr.setEncoding("utf8").on("data", (text) => (this.err += text));
    this.child.on("error", (error) => (this.err += error));
    this.end = new Promise((resolve) => this.child.on("close", resolve)).then((status) => {
      running.delete(this);
      this.ended = true;
      return status;
    });
  }

  get lines() {
    return this.out.split("\n").slice(0, -1);
  }

  describe() {
    return JSON.stringify({ out: this.out.slice(-2_000), err: this.err.slice(-2_000) });
  }

  signal(signal) {
    if (this.ended || !this.child.pid) return;
    process.kill(this.group ? -this.child.pid : this.child.pid, signal);
  }

  async kill(signal = "SIGKILL") {
    this.signal(signal);
    return this.end;
  }
}

export function tidings(...args) {
  return new Program(TIDINGS, args);
}

/** A file that grows, published line by line: what a person would type. */
export function follow(file, topic, server) {
  const script = 'tail -n +1 -F "$1" | "$2" publish --topic "$3" --lines --server "$4"';
  return new Program("sh", ["-c", script, "sh", file, TIDINGS, topic, server], { group: true });
}

/** One of the examples, on a port of its own; `args` follow its address. */
export class Example {
  static path(name) {
    return `${EXAMPLES}/${name}`;
  }

  static async start(name, { port, args = [], env = {} } = {}) {
    port ??= await reservedPort();
    const program = new Program(Example.path(name), [`127.0.0.1:${port}`, ...args], { env });
    const listens = () => program.ended || program.out.includes(`http://127.0.0.1:${port}`);
    await eventually(`${name} listens`, listens, () => program.describe());
    if (program.ended) throw new Error(`${name} ended: ${program.describe()}`);
    return new Example(program, port);
  }

  constructor(program, port) {
    this.program = program;
    this.port = port;
    this.url = `http://127.0.0.1:${port}`;
  }

  async json(path, init) {
    const response = await fetch(this.url + path, init);
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return response.json();
  }

  stop(signal = "SIGKILL") {
    return this.program.kill(signal);
  }
}

export class Server {
  /** Starts a server, on a port that the system chooses unless one is given. */
  static async start(args = [], port = 0) {
    const program = tidings("serve", "--listen", `127.0.0.1:${port}`, ...args);
    const listens = () => program.ended || program.out.match(/listening on (https?):\/\/127\.0\.0\.1:(\d+)/);
    const found = await eventually("the server listens", listens, () => program.describe());
    if (found === true) throw new Error(`the server ended: ${program.describe()}`);
    return new Server(program, found[1], Number(found[2]));
  }

  constructor(program, scheme, port) {
    this.program = program;
    this.port = port;
    this.url = `${scheme}://127.0.0.1:${port}`;
  }

  async stats() {
    return (await fetch(`${this.url}/stats`)).json();
  }

  async publish(event) {
    const headers = { "content-type": "application/json" };
    const response = await fetch(`${this.url}/publish`, { method: "POST", headers, body: JSON.stringify(event) });
    if (!response.ok) throw new Error(await response.text());
    return response.json();
  }

  /** Waits until a number of the statistics is this. */
  async waitForStat(name, value, patience) {
    let stats;
    const look = async () => (stats = await this.stats())[name] === value;
    await eventually(`${name} is ${value}`, look, () => JSON.stringify(stats), patience);
  }

  stop(signal = "SIGKILL") {
    return this.program.kill(signal);
  }
}

/** A port for a server that is started again: the system gives nobody one below its range by chance. */
export async function reservedPort() {
  for (let port = 28_000 + (process.pid % 4_000); ; port++) {
    const probe = createServer();
    const free = await new Promise((resolve) => {
      probe.once("error", () => resolve(false)).listen(port, "127.0.0.1", () => resolve(true));
    });
    if (free) {
      await new Promise((resolve) => probe.close(resolve));
      return port;
    }
  }
}
