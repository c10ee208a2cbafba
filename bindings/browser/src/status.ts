// Owns `<tidings-status>`: how a stream is, at a glance and for screen readers.
//
// It does not know how streams work: it needs one that can be watched and told to reconnect.

import type { Status } from "./types.js";

/** What a stream has that is shown. */
export interface Watched {
  readonly status: Status;
  watch(watcher: (status: Status) => void): () => void;
  reconnect(): void;
}

/** Each can be replaced by an attribute of its name. `{seconds}` and `{reason}` stand for theirs. */
const TEXTS: Record<string, string> = {
  "text-idle": "Not connected",
  "text-connecting": "Connecting …",
  "text-connected": "Connected",
  "text-reconnecting": "Reconnecting …",
  "text-waiting": "Reconnecting in {seconds} s",
  "text-failed": "Disconnected: {reason}",
  "text-retry": "Retry now",
};

// Its colours follow the page's `color-scheme`.
const STYLE = `
:host { display: inline-flex; align-items: center; gap: .5em; font: var(--tidings-font, inherit); }
:host([hidden]), [hidden] { display: none !important; }
[part=dot] { inline-size: .65em; block-size: .65em; flex: none; border-radius: 50%;
  background: var(--tidings-idle, light-dark(#667085, #98a2b3)); forced-color-adjust: none; }
:host([state=connected]) [part=dot] { background: var(--tidings-connected, light-dark(#177a3c, #4ac274)); }
:host(:is([state=connecting], [state=reconnecting])) [part=dot] {
  background: var(--tidings-reconnecting, light-dark(#946200, #e5b13a)); animation: wait 1.2s ease-in-out infinite alternate; }
:host([state=failed]) [part=dot] { background: var(--tidings-failed, light-dark(#c22a2a, #ff7b72)); border-radius: 15%; }
[part=retry] { font: inherit; color: inherit; background: none; border: 1px solid currentcolor; border-radius: .4em;
  padding: .05em .5em; cursor: pointer; }
.heard { position: absolute; inline-size: 1px; block-size: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
@keyframes wait { to { opacity: .35; } }
@media (prefers-reduced-motion: reduce) { [part=dot] { animation: none !important; } }
`;

// Where there are no elements, as on a server, there is one that does nothing.
const Base = globalThis.HTMLElement ?? (class {} as typeof HTMLElement);

export class TidingsStatus extends Base {
  static observedAttributes = Object.keys(TEXTS);
  #stream: Watched | null = null;
  #unwatch: (() => void) | undefined;
  #ticking: ReturnType<typeof setInterval> | undefined;
  #text!: HTMLElement;
  #retry!: HTMLButtonElement;
  #heard!: HTMLElement;

  /** What is shown; null: nothing. */
  get stream(): Watched | null {
    return this.#stream;
  }

  set stream(stream: Watched | null) {
    this.#stream = stream;
    if (this.isConnected) this.#watch();
  }

  connectedCallback(): void {
    if (!this.shadowRoot) this.#build();
    this.#watch();
  }

  disconnectedCallback(): void {
    this.#rest();
  }

  attributeChangedCallback(): void {
    if (this.shadowRoot) this.#show();
  }

  #build(): void {
    const make = <K extends keyof HTMLElementTagNameMap>(tag: K, part: string) => {
      const element = document.createElement(tag);
      element.setAttribute("part", part);
      return element;
    };
    const style = document.createElement("style");
    style.textContent = STYLE;
    const dot = make("span", "dot");
    this.#text = make("span", "text");
    this.#retry = make("button", "retry");
    this.#heard = document.createElement("span");
    // Seconds that run down are seen, not heard: a screen reader gets what does not change all the time.
    for (const seen of [dot, this.#text]) seen.setAttribute("aria-hidden", "true");
    this.#heard.className = "heard";
    this.#heard.setAttribute("role", "status");
    this.#retry.type = "button";
    this.#retry.addEventListener("click", () => this.#stream?.reconnect());
    this.attachShadow({ mode: "open" }).append(style, dot, this.#text, this.#heard, this.#retry);
  }

  #watch(): void {
    this.#rest();
    this.#unwatch = this.#stream?.watch(() => this.#show());
    this.#show();
  }

  #rest(): void {
    this.#unwatch?.();
    this.#unwatch = undefined;
    clearInterval(this.#ticking);
    this.#ticking = undefined;
  }

  #show(): void {
    const { state = "idle", retryInMs, error } = this.#stream?.status ?? {};
    const waits = retryInMs !== undefined;
    const seconds = String(Math.ceil((retryInMs ?? 0) / 1000));
    const text = this.#say(waits ? "text-waiting" : `text-${state}`, seconds, error?.message ?? "");
    this.setAttribute("state", state);
    this.title = error && state !== "failed" ? error.message : "";
    this.#text.textContent = text;
    const heard = waits ? this.#say("text-reconnecting", seconds, "") : text;
    if (this.#heard.textContent !== heard) this.#heard.textContent = heard;
    this.#retry.textContent = this.#say("text-retry", seconds, "");
    this.#retry.hidden = !waits && state !== "failed";
    this.#tick(waits);
  }

  #say(name: string, seconds: string, reason: string): string {
    const text = this.getAttribute(name) ?? TEXTS[name]!;
    return text.replace("{seconds}", seconds).replace("{reason}", () => reason);
  }

  /** While it waits, the seconds run down. */
  #tick(waits: boolean): void {
    if (waits && this.isConnected) this.#ticking ??= setInterval(() => this.#show(), 250);
    else {
      clearInterval(this.#ticking);
      this.#ticking = undefined;
    }
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "tidings-status": TidingsStatus;
  }
}

globalThis.customElements?.get("tidings-status") ?? globalThis.customElements?.define("tidings-status", TidingsStatus);
