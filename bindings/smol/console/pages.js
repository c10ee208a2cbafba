// A table of something that the server lists page by page, kept fresh while it is shown.
// It does not know what is listed.

import { el, say } from "./dom.js";
import { Poller } from "./poller.js";

const EVERY_MS = 3_000;
export const PAGE = 50;

export class Pages {
  #columns;
  #key;
  #load;
  #empty;
  #body = el("tbody");
  #error = el("p", { className: "error", role: "alert" });
  #none = el("p", { className: "empty" });
  #before = el("button", { type: "button", textContent: "Previous", disabled: true, onclick: () => this.#turn(-1) });
  #after = el("button", { type: "button", textContent: "Next", disabled: true, onclick: () => this.#turn(1) });
  #where = el("span", { className: "soft" });
  /** Where each page up to this one begins. */
  #starts = [""];
  #next = null;
  #poller = new Poller(EVERY_MS, () => this.#refresh());

  /**
   * `columns` are `{ name, text }`, or with `make` for a cell made once; `key` names a row, `load` is given
   * where to begin and answers `{ rows, next }`.
   */
  constructor(place, { label, columns, key, load, empty }) {
    this.#columns = columns;
    this.#key = key;
    this.#load = load;
    this.#empty = empty;
    const head = el(
      "tr",
      {},
      ...columns.map(({ name, className = "" }) =>
        el("th", { scope: "col", className }, el("span", { textContent: name })),
      ),
    );
    const table = el("table", { "aria-label": label }, el("thead", {}, head), this.#body);
    place.append(
      this.#error,
      table,
      this.#none,
      el("nav", { className: "row pager", "aria-label": `${label}, pages` }, this.#before, this.#where, this.#after),
    );
  }

  start() {
    this.#poller.start();
  }

  stop() {
    this.#poller.stop();
  }

  refresh() {
    this.#poller.now();
  }

  /** Begins with the first page. */
  reset() {
    this.#starts = [""];
    this.refresh();
  }

  #turn(way) {
    if (way < 0) this.#starts.pop();
    else if (this.#next !== null) this.#starts.push(this.#next);
    this.refresh();
  }

  async #refresh() {
    const start = this.#starts.at(-1);
    try {
      const { rows, next } = await this.#load(start);
      if (start !== this.#starts.at(-1)) return;
      this.#next = next;
      this.#show(rows);
      say(this.#error, "");
    } catch (error) {
      say(this.#error, error.message);
    }
  }

  #show(rows) {
    const old = new Map([...this.#body.children].map((line) => [line.dataset.key, line]));
    const lines = rows.map((row) => this.#line(row, old.get(String(this.#key(row)))));
    // Rows stay where they are as long as nothing has changed, with the focus that may be in them.
    lines.forEach((line, place) => {
      if (this.#body.children[place] !== line) this.#body.insertBefore(line, this.#body.children[place] ?? null);
    });
    while (this.#body.childElementCount > lines.length) this.#body.lastElementChild.remove();
    say(this.#none, rows.length ? "" : this.#empty());
    this.#body.parentElement.hidden = rows.length === 0;
    this.#before.disabled = this.#starts.length === 1;
    this.#after.disabled = this.#next === null;
    const one = this.#starts.length === 1 && this.#next === null;
    this.#before.parentElement.hidden = one;
    say(this.#where, `Page ${this.#starts.length}`);
  }

  #line(row, line) {
    if (!line) {
      const cells = this.#columns.map(({ name, make, className = "" }) =>
        el("td", { className, data: { name } }, make ? make(row) : null),
      );
      line = el("tr", { data: { key: this.#key(row) } }, ...cells);
    }
    this.#columns.forEach(({ text }, place) => text && say(line.children[place], text(row)));
    return line;
  }
}
