// What is said across the top: that the server is away, that it refused, that a token ends.
// It does not know how streams or tokens work.

import { el } from "./dom.js";
import { duration } from "./format.js";

export class Notices {
  #place;
  #session;
  #trouble = null;
  #renewal = null;

  constructor(place, session) {
    this.#place = place;
    this.#session = session;
    session.addEventListener("changed", () => this.#renewed());
  }

  clear() {
    this.#trouble?.remove();
    this.#trouble = null;
    this.#renewed();
  }

  /** How the stream is; `again` makes it try now. */
  tell({ state, error }, again) {
    const text = error && state !== "connected" && state !== "idle" ? said(state, error) : null;
    if (this.#trouble?.dataset.text === text) return;
    this.#trouble?.remove();
    this.#trouble = null;
    if (!text) return;
    this.#trouble = el(
      "div",
      { className: `notice ${state === "failed" ? "bad" : "wait"}`, data: { text } },
      el("p", { textContent: text }),
      el("button", { type: "button", textContent: "Try now", onclick: again }),
    );
    this.#place.append(this.#trouble);
  }

  /** The token ends: a new one keeps the stream. `data` is that of `reauth`. */
  askForToken(data) {
    if (this.#renewal || !this.#session.token) return;
    const ends = expires(data) ?? this.#session.identity?.expires_ms;
    const left =
      ends && ends > Date.now() ? `Your token ends in ${duration(ends - Date.now())}.` : "Your token has ended.";
    const input = el("input", {
      type: "password",
      autocomplete: "off",
      spellcheck: false,
      required: true,
      "aria-label": "New token",
    });
    const error = el("p", { className: "error", role: "alert" });
    this.#renewal = el(
      "form",
      { className: "notice wait" },
      el("p", { textContent: `${left} Paste a new one, and nothing is interrupted.` }),
      input,
      el("button", { className: "main", textContent: "Go on" }),
      error,
    );
    this.#renewal.addEventListener("submit", async (event) => {
      event.preventDefault();
      try {
        await this.#session.renew(input.value.trim());
      } catch (refused) {
        error.textContent = refused.message;
      }
    });
    this.#place.append(this.#renewal);
  }

  #renewed() {
    this.#renewal?.remove();
    this.#renewal = null;
  }
}

function said(state, { message }) {
  const sentence = message.charAt(0).toUpperCase() + message.slice(1).replace(/\.$/, "");
  return state === "failed" ? `The stream was refused: ${message}` : `${sentence}. Trying again.`;
}

function expires(data) {
  try {
    return JSON.parse(data).expires_ms;
  } catch {
    return undefined;
  }
}
