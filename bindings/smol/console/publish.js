// The form to publish with: what is asked for, checked as it is typed, sent, and what the server answered.
// It does not know who may publish what: the server says so, in its own words.

import { address } from "./api.js";
import { $, copy, say } from "./dom.js";
import { curl, plural, words } from "./format.js";
import { indented, problem } from "./json.js";

export class Publish {
  #session;

  constructor(session) {
    this.#session = session;
    $("audience").addEventListener("change", () => this.#choose());
    $("data").addEventListener("input", () => this.#check());
    $("format").addEventListener("click", () => {
      $("data").value = indented($("data").value) ?? $("data").value;
      this.#check();
    });
    $("publish-curl").addEventListener("click", () => this.#copy());
    $("publish-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send(event.submitter);
    });
    this.#choose();
    this.#check();
  }

  /** Fills the form with an event, to publish it once more. */
  fill({ type, data }) {
    $("event").value = type === "message" ? "" : type;
    $("event-id").value = "";
    $("data").value = data;
    this.#check();
    $("data").focus();
    $("publish").scrollIntoView({ block: "nearest" });
  }

  #choose() {
    for (const label of document.querySelectorAll("#publish-form [data-for]")) {
      const used = label.dataset.for.split(" ").includes($("audience").value);
      label.hidden = !used;
      label.querySelector("input").required = used;
    }
  }

  #check() {
    const text = $("data").value;
    const wrong = /^\s*[[{]/.test(text) ? problem(text) : undefined;
    say(
      $("data-check"),
      wrong === undefined
        ? "Text, sent as it is."
        : wrong === null
          ? "Valid JSON."
          : `Not JSON, and sent as text: ${wrong}`,
    );
    $("data-check").classList.toggle("warn", typeof wrong === "string");
    $("format").disabled = wrong !== null;
  }

  /** The event, as the server takes it. */
  #event() {
    const audience = $("audience").value;
    const event = {};
    if (audience === "topics" || audience === "both") event.topics = words($("to").value);
    if (audience === "user" || audience === "both") event.user = $("to-user").value.trim();
    if (audience === "connection") event.connection = $("to-connection").value.trim();
    if (audience === "everyone") event.everyone = true;
    if ($("event").value) event.event = $("event").value;
    if ($("event-id").value) event.id = $("event-id").value;
    if ($("private").checked) event.private = true;
    event.data = $("data").value;
    return event;
  }

  async #send(button) {
    button.disabled = true;
    try {
      const { id, recipients, duplicate } = await this.#session.ask("publish", {
        method: "POST",
        json: JSON.stringify(this.#event()),
      });
      this.#answer(
        duplicate ? `${id}: known already, published once` : `${id}, to ${plural(recipients, "connection")}`,
      );
    } catch (error) {
      this.#answer(error.message, true);
    }
    button.disabled = false;
    button.focus();
  }

  #answer(text, failed = false) {
    $("answer").textContent = text;
    $("answer").classList.toggle("error", failed);
  }

  #copy() {
    const command = curl(address("publish"), {
      hasToken: Boolean(this.#session.token),
      json: JSON.stringify(this.#event()),
    });
    copy(command, "Command");
  }
}
