// Owns which way events come: streaming, by what sees enough, or polling where streams do not get through.
//
// It does not know when attempts are made.

import type { End } from "./transport.js";
import type { Plain, Way } from "./types.js";

/** So many streams that brought nothing, for no reason that anybody gave, and polling is tried. */
const VAIN_STREAMS = 3;

/** What a server answers that has no polling. */
const NOWHERE = [404, 405];

export class Route {
  way: Way;
  /** Whether silence ends in polling. */
  canPoll: boolean;
  #stream: Way;
  #isFixed: boolean;
  #streamed = false;
  #polled = false;
  #vain = 0;

  constructor({ transport, poll }: Plain, needsFetch: boolean) {
    this.way = this.#stream = transport ?? (needsFetch || !globalThis.EventSource ? "fetch" : "eventsource");
    this.#isFixed = !!transport;
    this.canPoll = !transport && !!poll;
  }

  /** It brings events. */
  works(): void {
    this.#polled = this.way === "poll";
    this.#streamed ||= !this.#polled;
    this.#vain = 0;
  }

  /** A stream is tried next, though polling may work. */
  stream(): void {
    this.way = this.#stream;
  }

  /** All types are wanted, or more has to be seen: an EventSource will not do. */
  see(): void {
    if (this.#isFixed) return;
    this.#stream = "fetch";
    if (this.way === "eventsource") this.way = "fetch";
  }

  /** An attempt brought nothing; `held`: just silence. True where another way is taken at once. */
  failed({ blind, explained, final, status }: End, held: boolean): boolean {
    if (this.way === "poll") {
      const isNowhere = NOWHERE.includes(status!);
      if (this.#polled || this.#isFixed || (final && !isNowhere)) return false;
      // That does not work either.
      if (isNowhere) this.canPoll = false;
      this.stream();
      return isNowhere;
    }
    if (blind) this.see();
    if (!this.canPoll) return false;
    const atOnce = held || this.#polled;
    if (!atOnce && (explained || this.#streamed || ++this.#vain < VAIN_STREAMS)) return false;
    this.#vain = 0;
    this.way = "poll";
    return atOnce;
  }
}
