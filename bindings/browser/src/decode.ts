// Owns reading `text/event-stream`: bytes in, events out, as the WHATWG HTML standard has it (9.2.5, 9.2.6).
//
// It does not know where the bytes come from, nor what the events mean. It takes them in any pieces.

import type { Message } from "./types.js";

/** The most characters that are kept of one event and the line that has begun. */
const LIMIT = 8 << 20;

export interface Reader {
  message(message: Message): void;
  /** Milliseconds; any number. */
  retry(ms: number): void;
}

export class Decoder {
  /** The id of the last event, or that the reader came with. */
  lastEventId: string;
  #reader: Reader;
  #limit: number;
  #text = new TextDecoder();
  #afterCr = false;
  #line = "";
  #id: string;
  #type = "";
  /** Of each line with its line break: without any, there is no event. */
  #data = "";

  constructor(reader: Reader, lastEventId = "", limit = LIMIT) {
    this.#reader = reader;
    this.lastEventId = this.#id = lastEventId;
    this.#limit = limit;
  }

  /** Takes the next bytes. Throws a `RangeError` where an event is too large; it is of no more use then. */
  push(bytes: Uint8Array): void {
    const text = this.#text.decode(bytes, { stream: true });
    if (!text) return;
    // The second half of a line break, the first half of which has ended the line.
    const lines = text.slice(+(this.#afterCr && text[0] === "\n")).split(/\r\n?|\n/);
    this.#afterCr = text.endsWith("\r");
    lines[0] = this.#line + lines[0];
    this.#line = lines.pop()!;
    for (const line of lines) this.#read(line);
    if (this.#line.length + this.#data.length > this.#limit) throw new RangeError("an event is too large");
  }

  #read(line: string): void {
    if (!line) return this.#dispatch();
    const [, name, value] = /^([^:]*):? ?(.*)/s.exec(line) as unknown as [string, string, string];
    if (name === "data") this.#data += value + "\n";
    else if (name === "event") this.#type = value;
    else if (name === "id" && !value.includes("\0")) this.#id = value;
    else if (name === "retry" && /^\d+$/.test(value)) this.#reader.retry(+value);
  }

  #dispatch(): void {
    const data = this.#data;
    const type = this.#type || "message";
    const id = (this.lastEventId = this.#id);
    this.#data = this.#type = "";
    if (data) this.#reader.message({ type, data: data.slice(0, -1), id });
  }
}
