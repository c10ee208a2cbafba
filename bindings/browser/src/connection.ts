// Owns one connection to the server: its state, its attempts and where in the stream it is.
//
// It does not know who listens, nor how many tabs do.

import { backoff } from "./backoff.js";
import { control, isPlace } from "./control.js";
import { isOffline, isVisible, watchPage } from "./page.js";
import { Route } from "./route.js";
import { Timer } from "./timer.js";
import type { Ears, End, Live } from "./transport.js";
import { overEventSource } from "./transport/eventsource.js";
import { request } from "./transport/exchange.js";
import { overFetch } from "./transport/fetch.js";
import { overPoll } from "./transport/poll.js";
import type { Message, Plain, Sink, Source, State } from "./types.js";

/** So long a stream that could be held back may say nothing; so long one is open that has settled. */
const FIRST_MS = 10_000;
/** So long an attempt may take otherwise: three lost packets in the handshake cost 15 s. */
const ATTEMPT_MS = 30_000;
/** Whoever is asked for a token may have to ask a person. */
const TOKEN_MS = 60_000;
/** While polling works, a stream is tried again so often: networks change. */
const STREAM_AGAIN_MS = 300_000;

const transports = { eventsource: overEventSource, fetch: overFetch, poll: overPoll };

export class Connection implements Source {
  #url: string;
  #settings: Plain;
  #sink: Sink;
  #types: Set<string>;
  #route: Route;
  #ears: Ears;
  #unwatch: (() => void) | undefined;

  #state: State = "idle";
  #failures = 0;
  #error: End | undefined;
  /** The status that was told last. */
  #said = "";
  #cursor: string | undefined;
  #token: string | undefined;
  /** Whether a token was refused since something worked. */
  #refused = false;

  /** The attempt under way. */
  #live: Live | undefined;
  #works = false;
  /** What the server calls it. */
  #name: string | undefined;
  /** Whether there was no network since it began. */
  #offline = false;
  #renewal = new AbortController();

  /** How often it has waited since something worked, and the first delay that the server wants. */
  #step = 0;
  #retry: number | undefined;
  /** Whether the server has said how long to wait. */
  #isTold = false;
  #hidden = false;
  #waiting = new Timer();
  #first = new Timer();
  #idle = new Timer();
  #again = new Timer();

  constructor(url: string, settings: Plain, sink: Sink) {
    const { types, headers, method, body, hasToken, plain } = settings;
    this.#url = url;
    this.#settings = settings;
    this.#sink = sink;
    this.#types = new Set(types);
    this.#cursor = settings.lastEventId;
    this.#route = new Route(settings, !!(headers || method || body || hasToken || plain || this.#types.has("*")));
    this.#ears = {
      open: () => this.#open(),
      message: (message) => this.#message(message),
      heard: (lastEventId) => this.#heard(lastEventId),
      retry: (ms) => (this.#retry = ms),
      end: (end) => this.#end(end),
    };
  }

  open(): void {
    this.#unwatch ??= watchPage({
      online: () => this.#online(),
      offline: () => (this.#offline = true),
      visibilitychange: () => isVisible() && this.#visible(),
      pagehide: () => this.#hide(),
      pageshow: () => this.#show(),
    });
    if (this.#state === "idle") this.#begin("connecting");
  }

  close(): void {
    this.#drop();
    this.#unwatch?.();
    this.#unwatch = this.#error = undefined;
    this.#tell("idle");
  }

  reconnect(): void {
    if (!this.#unwatch) return;
    this.#reset();
    this.#begin("reconnecting");
  }

  listen(type: string): void {
    this.#types.add(type);
    this.#live?.listen?.(type);
    if (type !== "*" || this.#route.way !== "eventsource") return;
    this.#route.see();
    if (this.#live) this.#begin();
  }

  look(): void {
    this.#idle.look();
    this.#waiting.look();
  }

  /** Makes an attempt now; without a state, nobody is told before something has come of it. */
  #begin(state?: State): void {
    this.#drop();
    this.#works = this.#isTold = false;
    this.#offline = isOffline();
    if (state) this.#tell(state);
    if (!this.#settings.hasToken || this.#token !== undefined) return this.#connect();
    const live = (this.#live = { close() {} });
    this.#first.set(TOKEN_MS, () => this.#lost("token", "no token came in time"));
    this.#sink.token(this.#refused).then(
      (token) => {
        if (live !== this.#live) return;
        this.#token = token;
        this.#connect();
      },
      (error) => live === this.#live && this.#end({ code: "token", message: `no token came: ${error}`, explained: true }),
    );
  }

  #connect(): void {
    const { way, canPoll } = this.#route;
    const isPoll = way === "poll";
    this.#heard();
    this.#first.set(canPoll && !isPoll ? FIRST_MS : ATTEMPT_MS, () => this.#lost("connect_timeout", "no event came in time", true));
    this.#live = transports[way](
      {
        url: isPoll ? (this.#settings.poll as string) : this.#url,
        settings: this.#settings,
        types: this.#types,
        token: this.#token,
        cursor: () => this.#cursor,
      },
      this.#ears,
    );
  }

  #heard(lastEventId?: string): void {
    const { idleMs, plain } = this.#settings;
    if (plain ? lastEventId !== undefined : lastEventId && isPlace(lastEventId)) this.#cursor = lastEventId;
    if (!idleMs) return;
    this.#idle.set(idleMs, () => {
      // An EventSource does not hear of types that nobody listens to.
      this.#route.see();
      this.#lost("idle_timeout", "nothing came in time");
    });
  }

  #open(): void {
    if (this.#route.way === "poll") return this.#settle();
    if (!this.#settings.plain) return;
    // It need not say anything.
    this.#first.set(FIRST_MS, () => this.#settle());
    this.#connected();
  }

  #message(message: Message): void {
    const live = this.#live;
    const { plain, hasToken } = this.#settings;
    const { connection, bye } = plain ? {} : control(message);
    this.#name = connection ?? this.#name;
    this.#heard(message.id);
    if (!bye) this.#settle();
    this.#sink.message(message);
    // The application may have closed it, or begun another.
    if (live !== this.#live) return;
    if (bye) this.#end(bye);
    else if (message.type === "reauth" && hasToken && !plain) this.#renew();
  }

  /** It works: when it ends, it has not failed. */
  #settle(): void {
    if (this.#works) return;
    this.#works = true;
    this.#first.clear();
    this.#reset();
    this.#route.works();
    if (this.#route.way === "poll") this.#again.set(STREAM_AGAIN_MS, () => this.#stream());
    this.#connected();
  }

  #reset(): void {
    this.#failures = this.#step = 0;
    this.#refused = false;
  }

  #connected(): void {
    this.#error = undefined;
    this.#tell("connected");
  }

  #lost(code: string, message: string, held?: boolean): void {
    this.#end({ code, message }, held);
  }

  #end(end: End, held = false): void {
    const { code, message, status, final, retryMs } = end;
    const { attempts, delays, hasToken } = this.#settings;
    const isUnauthorized = status === 401 && hasToken;
    this.#drop();
    if (isUnauthorized) {
      this.#token = undefined;
      if (!this.#refused) {
        this.#refused = true;
        return this.#begin();
      }
    }
    const offline = !final && !status && (this.#offline || isOffline());
    const isVain = !this.#works && !offline;
    if (isVain && this.#route.failed(end, held)) return this.#begin();
    const error = (this.#error = offline ? { code: "offline", message: "there is no network" } : { code, message, status });
    if (final && !isUnauthorized) return this.#tell("failed");
    if (isVain && ++this.#failures >= attempts) {
      error.code = "attempts";
      error.message = `${attempts} attempts have failed, the last so: ${message}`;
      return this.#tell("failed");
    }
    this.#isTold = retryMs !== undefined;
    const ms = retryMs ?? backoff(offline ? Infinity : this.#step++, delays, this.#retry);
    // Where the page is hidden by then, it begins when it is back.
    this.#waiting.set(ms, () => this.#hidden || this.#begin("reconnecting"));
    this.#tell("reconnecting", ms);
  }

  /** Drops what is under way, and all that is due. */
  #drop(): void {
    this.#live?.close();
    this.#live = this.#name = undefined;
    this.#renewal.abort();
    for (const timer of [this.#waiting, this.#first, this.#idle, this.#again]) timer.clear();
  }

  /** The token ends: the stream goes on with another. Where that fails, it is asked for when it has ended. */
  async #renew(): Promise<void> {
    const { signal } = (this.#renewal = new AbortController());
    this.#token = undefined;
    try {
      const token = await this.#sink.token(true);
      if (signal.aborted) return;
      this.#token = token;
      if (this.#route.way === "poll") return this.#begin();
      if (!this.#name) return;
      // The server has it beside its streams: `/events` and `/connections/{id}/token`.
      const url = new URL(`connections/${this.#name}/token`, this.#url);
      await fetch(url, { ...request(this.#settings, token, signal), method: "POST" });
    } catch {
      // It ends with its token then, and begins with another.
    }
  }

  /** Tries whether streams get through by now. */
  #stream(): void {
    this.#route.stream();
    this.#begin();
  }

  #online(): void {
    if (this.#hidden) return;
    if (!this.#live) this.#hurry();
    // It may be dead without knowing; polling may be needed no more.
    else if (this.#offline) this.#stream();
  }

  #visible(): void {
    this.look();
    this.#hurry();
  }

  /** Waits no longer, unless the server has said how long. */
  #hurry(): void {
    if (!this.#isTold) this.#waiting.fire();
  }

  #hide(): void {
    this.#hidden = true;
    if (this.#live) this.#drop();
  }

  #show(): void {
    if (!this.#hidden) return;
    this.#hidden = false;
    if (this.#waiting.isSet) this.#visible();
    else if (this.#state !== "failed") this.#begin("reconnecting");
  }

  #tell(state: State, retryInMs?: number): void {
    this.#state = state;
    // What is undefined is left out.
    const said = JSON.stringify({
      state,
      attempt: this.#failures,
      retryInMs,
      error: this.#error,
      transport: this.#route.way,
      shared: false,
    });
    if (said !== this.#said) this.#sink.status(JSON.parse((this.#said = said)));
  }
}

export function connect(url: string, settings: Plain, sink: Sink): Source {
  return new Connection(url, settings, sink);
}
