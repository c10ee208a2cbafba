// Owns one connection to the server: its state, its attempts and where in the stream it is.
//
// It does not know who listens, nor how many tabs do.

import { Backoff } from "./backoff.js";
import { control, isPlace } from "./control.js";
import { isOffline, watchPage } from "./page.js";
import { Route } from "./route.js";
import { Timer } from "./timer.js";
import type { Ears, End, Live } from "./transport.js";
import { overEventSource } from "./transport/eventsource.js";
import { request } from "./transport/exchange.js";
import { overFetch } from "./transport/fetch.js";
import { overPoll } from "./transport/poll.js";
import type { Failure, Message, Plain, Sink, Source, State, Status } from "./types.js";

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
  #backoff: Backoff;
  #unwatch: (() => void) | undefined;

  #state: State = "idle";
  #failures = 0;
  #error: Failure | undefined;
  /** The status that was told last. */
  #said = "";
  #cursor: string | undefined;
  #token: string | undefined;
  /** Whether a token was refused since something worked. */
  #refused = false;

  /** The attempt under way: what another one says is late. */
  #ears: Ears | undefined;
  #live: Live | undefined;
  #works = false;
  /** What the server calls it. */
  #name: string | undefined;
  /** Whether there was no network since it began. */
  #offline = false;
  #renewal = new AbortController();

  #hidden = false;
  /** Whether the server has said how long to wait. */
  #isTold = false;
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
    this.#backoff = new Backoff(settings.delays);
  }

  open(): void {
    if (this.#unwatch) return;
    this.#unwatch = watchPage({
      online: () => this.#online(),
      offline: () => (this.#offline = true),
      visible: () => this.#look(),
      hide: () => this.#hide(),
      show: () => this.#show(),
    });
    this.#begin("connecting");
  }

  close(): void {
    this.#drop();
    this.#unwatch?.();
    this.#unwatch = this.#error = undefined;
    this.#tell("idle");
  }

  reconnect(): void {
    if (!this.#unwatch) return;
    this.#failures = 0;
    this.#refused = false;
    this.#backoff.reset();
    this.#begin("reconnecting");
  }

  listen(type: string): void {
    this.#types.add(type);
    this.#live?.listen?.(type);
    if (type !== "*" || this.#route.way !== "eventsource") return;
    this.#route.see();
    if (this.#ears) this.#begin();
  }

  /** Makes an attempt now; without a state, nobody is told before something has come of it. */
  #begin(state?: State): void {
    this.#drop();
    this.#works = this.#isTold = false;
    this.#offline = isOffline();
    if (state) this.#tell(state);
    const ears = (this.#ears = this.#hearing());
    if (!this.#settings.hasToken || this.#token !== undefined) return this.#connect(ears);
    this.#first.set(TOKEN_MS, () => this.#lost("token", "nobody gave a token in time"));
    this.#sink.token(this.#refused).then(
      (token) => {
        this.#token = token;
        if (ears === this.#ears) this.#connect(ears);
      },
      (error) => ears.end({ code: "token", message: `there is no token: ${error}`, explained: true }),
    );
  }

  #connect(ears: Ears): void {
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
      ears,
    );
  }

  /** What an attempt tells counts while it is under way. */
  #hearing(): Ears {
    const now =
      <A>(hear: (given: A) => void) =>
      (given: A) => {
        if (ears === this.#ears) hear(given);
      };
    const ears: Ears = {
      open: now<void>(() => this.#open()),
      message: now((message: Message) => this.#message(message)),
      heard: now((lastEventId?: string) => this.#heard(lastEventId)),
      retry: now((ms: number) => this.#backoff.retry(ms)),
      end: now((end: End) => this.#end(end)),
    };
    return ears;
  }

  #heard(lastEventId?: string): void {
    const { idleMs, plain } = this.#settings;
    if (plain ? lastEventId !== undefined : lastEventId && isPlace(lastEventId)) this.#cursor = lastEventId;
    if (!idleMs) return;
    this.#idle.set(idleMs, () => {
      // An EventSource does not hear of types that nobody listens to.
      this.#route.see();
      this.#lost("idle_timeout", "nothing came for too long");
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
    const ears = this.#ears;
    const { plain, hasToken } = this.#settings;
    const { connection, bye } = plain ? {} : control(message);
    this.#name = connection ?? this.#name;
    this.#heard(message.id);
    if (!bye) this.#settle();
    this.#sink.message(message);
    // The application may have closed it, or begun another.
    if (ears !== this.#ears) return;
    if (bye) this.#end(bye);
    else if (message.type === "reauth" && hasToken && !plain) this.#renew();
  }

  /** It works: when it ends, it has not failed. */
  #settle(): void {
    if (this.#works) return;
    this.#works = true;
    this.#first.clear();
    this.#failures = 0;
    this.#refused = false;
    this.#backoff.reset();
    this.#route.works();
    if (this.#route.way === "poll") this.#again.set(STREAM_AGAIN_MS, () => this.#stream());
    this.#connected();
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
    const isUnauthorized = status === 401 && this.#settings.hasToken;
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
    this.#error = offline ? { code: "offline", message: "there is no network" } : { code, message };
    if (status) this.#error.status = status;
    if (final && !isUnauthorized) return this.#tell("failed");
    if (isVain && ++this.#failures >= this.#settings.attempts) {
      this.#error.message = `${this.#failures} attempts in a row have failed, the last so: ${message}`;
      this.#error.code = "attempts";
      return this.#tell("failed");
    }
    this.#isTold = retryMs !== undefined;
    const ms = retryMs ?? (offline ? this.#settings.delays.at(-1)! : this.#backoff.next());
    // Where the page is hidden by then, it begins when it is back.
    this.#waiting.set(ms, () => this.#hidden || this.#begin("reconnecting"));
    this.#tell("reconnecting", ms);
  }

  /** Drops what is under way, and all that is due. */
  #drop(): void {
    this.#ears = this.#name = undefined;
    this.#live?.close();
    this.#live = undefined;
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
    if (!this.#ears) this.#hurry();
    // It may be dead without knowing; polling may be needed no more.
    else if (this.#offline) this.#stream();
  }

  #look(): void {
    this.#idle.look();
    this.#waiting.look();
    this.#hurry();
  }

  /** Waits no longer, unless the server has said how long. */
  #hurry(): void {
    if (!this.#isTold) this.#waiting.fire();
  }

  #hide(): void {
    this.#hidden = true;
    if (this.#ears) this.#drop();
  }

  #show(): void {
    if (!this.#hidden) return;
    this.#hidden = false;
    if (this.#waiting.isSet) this.#look();
    else if (this.#state !== "failed") this.#begin("reconnecting");
  }

  #tell(state: State, retryInMs?: number): void {
    this.#state = state;
    const status: Status = { state, attempt: this.#failures, transport: this.#route.way, shared: false };
    if (retryInMs !== undefined) status.retryInMs = retryInMs;
    if (this.#error) status.error = this.#error;
    const said = JSON.stringify(status);
    if (said === this.#said) return;
    this.#said = said;
    this.#sink.status(status);
  }
}
