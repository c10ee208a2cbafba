// A server without sockets: a numbered stream of events, and connections to it that resume.
//
// It does not know who shares them. Like a real one it closes what is older under the same name.

import type { Message, Plain, Sink, Source, Status } from "../../src/types.js";
import type { Chance } from "./chance.js";

export class VirtualServer {
  /** The ids are the numbers of the events, from 1 on. */
  events: Message[] = [];
  open = new Set<VirtualConnection>();
  /** All that were ever made. */
  made: VirtualConnection[] = [];
  /** Whether those who come back get what they missed. */
  replays = true;

  constructor(
    private readonly chance: Chance,
    private readonly delay = 20,
  ) {}

  connect = (url: string, options: Plain, sink: Sink): Source => {
    const connection = new VirtualConnection(this, url, options, sink);
    this.made.push(connection);
    return connection;
  };

  publish(type = "message"): void {
    const id = String(this.events.length + 1);
    this.events.push({ type, data: `event ${id}`, id });
    for (const connection of this.open) connection.offer();
  }

  later(act: () => void): void {
    setTimeout(act, this.chance(this.delay + 1));
  }
}

export class VirtualConnection implements Source {
  reconnects = 0;
  look?: () => void;
  #cursor: number;
  #sent = 0;
  #under: Message[] = [];
  #closed = false;

  constructor(
    private readonly server: VirtualServer,
    readonly url: string,
    readonly options: Plain,
    readonly sink: Sink,
  ) {
    this.#cursor = Number(options.lastEventId ?? -1);
  }

  open(): void {
    if (this.#closed) return;
    this.tell("connecting");
    this.server.later(() => this.#begin());
  }

  close(): void {
    this.#closed = true;
    this.server.open.delete(this);
  }

  reconnect(): void {
    this.reconnects++;
  }

  listen(type: string): void {
    if (!this.options.types.includes(type)) this.options.types.push(type);
  }

  /** The network fails: what is under way is lost, and it comes back. */
  cut(): void {
    this.#under.length = 0;
    this.server.open.delete(this);
    this.tell("reconnecting");
    this.server.later(() => this.#begin());
  }

  offer(): void {
    for (const event of this.server.events.slice(this.#sent)) this.#send(event);
    this.#sent = this.server.events.length;
  }

  tell(state: Status["state"]): void {
    this.tellStatus({ state, attempt: 0, transport: "fetch", shared: false });
  }

  tellStatus(status: Status): void {
    if (!this.#closed) this.sink.status(status);
  }

  #begin(): void {
    if (this.#closed) return;
    for (const other of this.server.open) {
      if (other.options.tab === this.options.tab) this.server.open.delete(other);
    }
    this.server.open.add(this);
    if (this.#cursor < 0) this.#cursor = this.server.events.length;
    this.#sent = this.server.replays ? this.#cursor : this.server.events.length;
    this.#send({ type: "connected", data: "{}", id: String(this.#cursor) });
    this.offer();
  }

  #send(message: Message): void {
    const under = this.#under;
    under.push(message);
    this.server.later(() => {
      const next = under.shift();
      if (!next || this.#closed) return;
      this.#cursor = Number(next.id);
      if (next.type === "connected") this.tell("connected");
      this.sink.message(next);
    });
  }
}
