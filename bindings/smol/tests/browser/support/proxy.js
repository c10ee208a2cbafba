// A network between one client and a server that can be cut.
// It does not know what is sent through it, but for where the head of a response ends.

import { connect, createServer } from "node:net";

const HEAD_END = "\r\n\r\n";

export class Proxy {
  #pairs = new Set();
  #cuts = null;
  #next = null;
  #servers = new Set();
  connections = 0;
  /** Connections through which nothing came back. */
  cutOff = 0;

  static async start(port) {
    const proxy = new Proxy();
    proxy.server = createServer((client) => proxy.#forward(client, port));
    await new Promise((resolve) => proxy.server.listen(0, "127.0.0.1", resolve));
    proxy.url = `http://127.0.0.1:${proxy.server.address().port}`;
    return proxy;
  }

  /**
   * Cuts each connection that is made from now on after fewer than `bytes` bytes from the server, by
   * chance. With `wholeHeads` none is cut within the head of the response: a browser takes half a
   * head for a whole one, and gives up on a stream without its type.
   */
  cutAfter(random, bytes, { wholeHeads = false } = {}) {
    this.#cuts = { random, bytes, wholeHeads };
  }

  /** Lets the next request through, and nothing of the answer; or of the next that has this text in it. */
  cutNext(text = "") {
    this.#next = text;
  }

  stopCutting() {
    this.#cuts = null;
  }

  /** Cuts all connections. */
  cut() {
    this.#pairs.forEach((end) => end());
  }

  /** Takes nothing more from the server on the connections there are: a client that has stopped reading. */
  pause() {
    this.#servers.forEach((server) => server.pause());
  }

  resume() {
    this.#servers.forEach((server) => server.resume());
  }

  async close() {
    this.stopCutting();
    this.cut();
    await new Promise((resolve) => this.server.close(resolve));
  }

  #forward(client, port) {
    this.connections += 1;
    const cuts = this.#cuts;
    // Now and then nothing comes through at all.
    let budget = !cuts ? Infinity : cuts.random.below(4) ? cuts.random.below(cuts.bytes) : 0;
    const server = connect(port, "127.0.0.1");
    this.#servers.add(server);
    const end = () => {
      this.#pairs.delete(end);
      this.#servers.delete(server);
      client.destroy();
      server.destroy();
    };
    this.#pairs.add(end);
    for (const socket of [client, server]) socket.setNoDelay().on("error", end).on("close", end);
    client.on("data", (bytes) => server.write(bytes));
    let first = true;
    server.on("data", (bytes) => {
      if (this.#next !== null && bytes.includes(this.#next)) {
        this.#next = null;
        budget = 0;
      }
      this.cutOff += budget === 0;
      if (first && cuts?.wholeHeads && budget > 0) {
        budget = Math.max(budget, bytes.indexOf(HEAD_END) + HEAD_END.length);
      }
      first = false;
      const part = bytes.subarray(0, budget);
      budget -= part.length;
      if (budget > 0) return client.write(part);
      if (part.length === 0) return end();
      client.write(part, end);
    });
  }
}
