// The events of the stream as a list, the newest first: bounded, paused, filtered, unfolded.
// It does not know where they come from.

import { $, copy, el, say } from "./dom.js";
import { bytes, count, plural, time } from "./format.js";
import { pieces } from "./json.js";

/** Events kept, and shown at most. A page with more lines is slow, and nobody reads them. */
const LENGTH = 500;
/** Types offered for filtering. Those who publish choose them, so there may be any number. */
const TYPES = 100;
const PREVIEW = 300;
/** Larger JSON is not coloured: it would be a hundred thousand elements. */
const COLOURED = 64 * 1_024;
/** What the server says for itself. */
const OWN = new Set(["connected", "heartbeat", "gap", "reauth", "bye"]);

export class Feed {
  #events = [];
  #fresh = [];
  #heard = 0;
  #types = new Map();
  #paused = false;
  #drawing = false;
  #example = "";
  #again;

  /** `again` is given an event that is to be published once more. */
  constructor(again) {
    this.#again = again;
    for (const [id, on] of [
      ["filter", "input"],
      ["type", "change"],
      ["control", "change"],
    ]) {
      $(id).addEventListener(on, () => this.#redraw());
    }
    $("pause").addEventListener("click", () => this.#pause(!this.#paused));
    $("clear").addEventListener("click", () => this.clear());
    this.#count();
  }

  /** A command with which something would come. */
  set example(command) {
    this.#example = command;
    this.#count();
  }

  add({ type, data, id }) {
    if (type === "heartbeat") return;
    const event = { type, data, id, at: Date.now() };
    this.#heard += 1;
    this.#events.push(event);
    if (this.#events.length > LENGTH) this.#events.shift();
    this.#note(type);
    this.#fresh.push(event);
    if (this.#fresh.length > LENGTH) this.#fresh.shift();
    if (this.#drawing) return;
    this.#drawing = true;
    requestAnimationFrame(() => this.#draw());
  }

  clear() {
    this.#events = [];
    this.#fresh = [];
    this.#heard = 0;
    this.#redraw();
  }

  #pause(paused) {
    this.#paused = paused;
    $("pause").setAttribute("aria-pressed", paused);
    $("pause").textContent = paused ? "Resume" : "Pause";
    this.#draw();
  }

  #draw() {
    this.#drawing = false;
    if (!this.#paused) {
      const matches = this.#filter();
      const list = $("feed");
      list.prepend(
        ...this.#fresh
          .filter(matches)
          .reverse()
          .map((event) => this.#line(event)),
      );
      while (list.childElementCount > LENGTH) list.lastElementChild.remove();
      this.#fresh = [];
    }
    this.#count();
  }

  #redraw() {
    const matches = this.#filter();
    const waiting = this.#paused ? new Set(this.#fresh) : null;
    const shown = this.#events.filter((event) => !waiting?.has(event) && matches(event)).reverse();
    $("feed").replaceChildren(...shown.map((event) => this.#line(event)));
    if (!this.#paused) this.#fresh = [];
    this.#count();
  }

  #filter() {
    const text = $("filter").value.trim().toLowerCase();
    const type = $("type").value;
    const own = $("control").checked;
    return (event) => {
      // A gap is always shown: something is missing.
      if (event.type === "gap") return true;
      if (!own && OWN.has(event.type)) return false;
      if (type && event.type !== type) return false;
      return !text || [event.type, event.data, event.id].some((part) => part.toLowerCase().includes(text));
    };
  }

  #note(type) {
    if (this.#types.has(type) || this.#types.size >= TYPES) return;
    const option = el("option", { value: type, textContent: type });
    this.#types.set(type, option);
    $("type").append(option);
  }

  #count() {
    const shown = $("feed").childElementCount;
    const waiting =
      this.#paused && this.#fresh.length
        ? `; paused, ${count(this.#fresh.length)} new`
        : this.#paused
          ? "; paused"
          : "";
    const of = this.#heard > shown ? ` of ${count(this.#heard)}` : "";
    say(
      $("count"),
      this.#heard ? `${count(shown)}${of} ${this.#heard === 1 ? "event" : "events"}${waiting}` : waiting.slice(2),
    );
    const [empty, example] = $("feed-empty").children;
    empty.parentElement.hidden = shown > 0;
    say(
      empty,
      this.#heard ? "Nothing that matches the filter." : "Nothing yet. Publish something here, or from a terminal:",
    );
    say(example, this.#example);
    example.hidden = this.#heard > 0;
  }

  #line(event) {
    const { type, data, id, at } = event;
    const preview = type === "gap" ? missed(data) : data.slice(0, PREVIEW);
    const details = el(
      "details",
      {},
      el(
        "summary",
        {},
        el("time", { textContent: time(at) }),
        el("span", { className: "type", textContent: type }),
        el("span", { className: "preview", textContent: preview }),
        el("span", { className: "id", textContent: id }),
      ),
    );
    details.addEventListener(
      "toggle",
      () => details.open && details.childElementCount === 1 && details.append(this.#body(event)),
    );
    return el("li", { className: type === "gap" ? "gap" : OWN.has(type) ? "own" : "" }, details);
  }

  #body(event) {
    const { data, id, type } = event;
    const buttons = [el("button", { type: "button", textContent: "Copy data", onclick: () => copy(data, "Data") })];
    if (id) buttons.push(el("button", { type: "button", textContent: "Copy id", onclick: () => copy(id, "Id") }));
    if (!OWN.has(type))
      buttons.push(el("button", { type: "button", textContent: "Publish again…", onclick: () => this.#again(event) }));
    const size = bytes(new TextEncoder().encode(data).length);
    const facts = el("p", { className: "soft" }, [size, id && `id ${id}`].filter(Boolean).join(" · "));
    return el("div", { className: "body" }, shown(data), el("div", { className: "row" }, ...buttons, facts));
  }
}

/** Data as it is read best: JSON indented and coloured, else as it is. */
export function shown(data) {
  const parts = data.length <= COLOURED && /^\s*[[{]/.test(data) ? pieces(data) : null;
  const children = parts
    ? parts.map(([kind, text]) => (kind ? el("span", { className: `json-${kind}`, textContent: text }) : text))
    : [data];
  return el("pre", { className: "data", tabIndex: 0, role: "group", "aria-label": "Data" }, ...children);
}

function missed(data) {
  let said = {};
  try {
    said = JSON.parse(data);
  } catch {
    // It is shown as it is.
  }
  const what =
    typeof said.missed === "number" ? `${plural(said.missed, "event")} missed` : "some missed, not known how many";
  return `${what}${said.reason ? `: ${String(said.reason).replaceAll("_", " ")}` : ""}`;
}
