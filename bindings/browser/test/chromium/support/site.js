// An origin with a page, the package, and a server behind it: a network that can be cut, held and slowed.
//
// It does not know what is streamed through it.

import { readFileSync } from "node:fs";
import { createServer, request } from "node:http";

const dist = new URL("../../../dist/", import.meta.url);

export class Site {
  /** What becomes of a request: `pass`, `cut` without an answer, `silent` for ever, or `hold` to its end. */
  way = () => "pass";
  /** What was asked of the server, and how. */
  requests = [];
  #open = new Set();

  /** In front of the server on this port. */
  static async start(port) {
    const site = new Site();
    site.port = port;
    site.server = createServer((incoming, outgoing) => site.#serve(incoming, outgoing));
    await new Promise((resolve) => site.server.listen(0, "127.0.0.1", resolve));
    site.url = `http://127.0.0.1:${site.server.address().port}`;
    return site;
  }

  /** Cuts what is open. */
  cut() {
    for (const { incoming } of this.#open) incoming.socket.destroy();
  }

  /** Lets nothing more through of what is open, and cuts nothing. */
  silence() {
    for (const { answer } of this.#open) answer?.unpipe();
  }

  async close() {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  #serve(incoming, outgoing) {
    const { pathname } = new URL(incoming.url, this.url);
    if (pathname === "/" || pathname === "/other") return outgoing.setHeader("content-type", "text/html").end("<!doctype html>");
    const script = /^\/browser\/(\w+\.js)$/.exec(pathname);
    if (script) return outgoing.setHeader("content-type", "text/javascript").end(readFileSync(new URL(script[1], dist)));
    this.requests.push({ method: incoming.method, url: incoming.url });
    const way = this.way(pathname);
    if (way === "cut") return incoming.socket.destroy();
    const one = { incoming };
    this.#open.add(one);
    outgoing.on("close", () => this.#open.delete(one));
    if (way !== "silent") this.#forward(one, outgoing, way);
  }

  #forward(one, outgoing, way) {
    const { method, url, headers } = one.incoming;
    const host = `127.0.0.1:${this.port}`;
    const asked = request({ host: "127.0.0.1", port: this.port, method, path: url, headers: { ...headers, host } });
    // As a proxy says it whose server is not there.
    asked.on("error", () => (outgoing.headersSent ? outgoing.destroy() : outgoing.writeHead(502).end()));
    outgoing.on("close", () => asked.destroy());
    asked.on("response", (answer) => {
      one.answer = answer;
      answer.on("error", () => outgoing.destroy());
      // A proxy that keeps an answer until it is whole.
      if (way === "hold" && answer.headers["content-length"] === undefined) return answer.resume();
      outgoing.writeHead(answer.statusCode, answer.headers);
      outgoing.flushHeaders();
      answer.pipe(outgoing);
    });
    one.incoming.pipe(asked);
  }
}
