// Signing in and out: which view there is, and what the header says of who is here.
// It does not know what the console shows to whom.

import { $, facts, say } from "./dom.js";
import { date, duration } from "./format.js";

/** Until the server answers for the first time. */
const AGAIN_MS = 2_000;

export class Who {
  #session;
  #begin;
  #leave;
  #last = null;

  /** `begin` is called when somebody may look at the console, `leave` when nobody may any more. */
  constructor(session, { begin, leave }) {
    this.#session = session;
    this.#begin = begin;
    this.#leave = leave;
    $("sign-in-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#signIn(event.submitter);
    });
    for (const id of ["sign-out", "refused-sign-out"]) $(id).addEventListener("click", () => this.#signOut());
    $("go-sign-in").addEventListener("click", () => this.#ask("With a token you may see and do what it says."));
    $("sign-in-back").addEventListener("click", () => this.start());
    session.addEventListener("changed", () => this.#say());
    session.addEventListener("ended", ({ detail }) => {
      this.#leave();
      this.#ask(`You were signed out: ${detail.message}.`);
    });
    setInterval(() => document.hidden || this.#expires(), 1_000);
  }

  async start() {
    try {
      await this.#session.load();
    } catch (error) {
      if (error.status === 401) return this.#ask();
      if (error.status && error.status !== 429 && error.status < 500) return this.#refuse(error.message);
      say($("state"), error.message);
      setTimeout(() => this.start(), AGAIN_MS);
      return;
    }
    if (this.#session.identity) this.#look();
  }

  #look() {
    const { authentication, access } = this.#session.identity;
    this.#say();
    if (!access.console)
      return authentication && !this.#isKnown()
        ? this.#ask()
        : this.#refuse("What you are signed in with does not have the permission “console”.");
    view("console");
    const name = this.#name();
    this.#begin(this.#last !== null && this.#last !== name);
    this.#last = name;
  }

  #ask(why = "This server wants to know who you are.") {
    view("sign-in");
    $("sign-in-why").textContent = why;
    $("sign-in-error").textContent = "";
    $("sign-in-back").hidden = !this.#session.identity?.access.console;
    $("token").focus();
  }

  #refuse(why) {
    view("refused");
    $("refused-why").textContent = why;
    $("refused-sign-out").focus();
  }

  async #signIn(button) {
    button.disabled = true;
    try {
      this.#leave();
      await this.#session.signIn($("token").value.trim());
      $("token").value = "";
      this.#look();
    } catch (error) {
      $("sign-in-error").textContent = error.message;
    }
    button.disabled = false;
  }

  async #signOut() {
    this.#leave();
    $("who").open = false;
    this.#session.signOut();
    await this.start();
  }

  #isKnown() {
    const { user } = this.#session.identity;
    return Boolean(user || this.#session.token);
  }

  #name() {
    const { user } = this.#session.identity;
    return user ?? (this.#session.token ? "a key" : "anyone");
  }

  #say() {
    const { identity, token } = this.#session;
    $("who").hidden = !identity?.authentication || !this.#isKnown();
    $("go-sign-in").hidden = !identity?.authentication || this.#isKnown();
    if (!identity?.authentication) return;
    say($("who-name"), this.#name());
    $("sign-out").hidden = !token;
    const { access } = identity;
    const list = (names) => names.join(" ") || "nothing";
    const parts = ["console", "metrics", "admin"].filter((part) => access[part]);
    facts($("who-access"), [
      ["May read", list(access.subscribe)],
      ["Private", list(access.grants)],
      ["May publish to", list(access.publish)],
      ["Privately", list(access.publish_private)],
      ["Users, everyone", access.publish_direct ? "yes" : "no"],
      ["Parts", list(parts)],
    ]);
    this.#expires();
  }

  #expires() {
    const ends = this.#session.identity?.expires_ms;
    say($("who-expires"), ends ? `Until ${date(ends)}, for ${duration(ends - Date.now())} more.` : "Without an end.");
  }
}

function view(name) {
  document.body.dataset.view = name;
}
