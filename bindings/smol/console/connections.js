// The connections of the server: found, shown, closed, their users shut out.
// It does not know who may do it: the server says so.

import { $, ask, el, facts } from "./dom.js";
import { count, date, duration, plural } from "./format.js";
import { PAGE, Pages } from "./pages.js";

/** Topics named in a row. */
const SOME = 4;

export class Connections {
  #session;
  #own;
  #searched = { user: "", topic: "" };
  #pages;

  /** `own` says which connection is this page's. */
  constructor(session, own) {
    this.#session = session;
    this.#own = own;
    this.#pages = new Pages($("connections-list"), {
      label: "Connections",
      key: ({ connection }) => connection,
      empty: () =>
        Object.values(this.#searched).some(Boolean) ? "No connection is like that." : "Nobody is connected.",
      columns: this.#columns(),
      load: (after) => this.#load(after),
    });
    $("search").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#searched = { user: $("by-user").value.trim(), topic: $("by-topic").value.trim() };
      this.#pages.reset();
    });
  }

  start() {
    this.#pages.start();
  }

  stop() {
    this.#pages.stop();
  }

  #columns() {
    const ends = ({ expires_ms }) => (expires_ms === null ? "–" : duration(expires_ms - Date.now()));
    const link = ({ connection }) => {
      const onclick = () => this.#show(connection);
      return el("button", { type: "button", className: "link mono", textContent: connection, onclick });
    };
    const close = (row) => {
      const label = `Close ${row.connection}…`;
      const onclick = () => this.#close(row);
      return el("button", { type: "button", className: "danger", "aria-label": label, textContent: "Close…", onclick });
    };
    const user = ({ user, connection }) => `${user ?? "–"}${connection === this.#own() ? " (this page)" : ""}`;
    return [
      { name: "Connection", make: link },
      { name: "User", text: user },
      { name: "Address", className: "mono", text: ({ address }) => address },
      { name: "Topics", className: "mono cut", text: ({ topics }) => some(topics) },
      { name: "Open for", className: "number", text: ({ opened_ms }) => duration(Date.now() - opened_ms) },
      { name: "Token ends in", className: "number", text: ends },
      { name: "Close", className: "act", make: close },
    ];
  }

  async #load(after) {
    const { user, topic } = this.#searched;
    const asked = { limit: PAGE, ...(after && { after }), ...(user && { user }), ...(topic && { topic }) };
    const { connections, next } = await this.#session.ask(`connections?${new URLSearchParams(asked)}`);
    return { rows: connections, next };
  }

  /** Shows one as it is now, and what can be done about it. */
  async #show(id) {
    const title = `Connection ${id}`;
    let row;
    try {
      row = await this.#session.ask(`connections/${id}`);
    } catch (error) {
      return ask({ title, body: [el("p", { textContent: error.message })], buttons: [["Done", null]] });
    }
    const buttons = [
      ["Done", null],
      ["Close…", () => () => this.#close(row), "danger"],
    ];
    if (row.user) buttons.push([`Revoke ${row.user}…`, () => () => this.#revokeUser(row), "danger"]);
    if (row.token_id) buttons.push(["Revoke token…", () => () => this.#revokeToken(row), "danger"]);
    const next = await ask({ title, body: described(row), buttons });
    await next?.();
  }

  #close({ connection, user, address, opened_ms }) {
    const who = `${user ?? "Nobody in particular"} from ${address}, open for ${duration(Date.now() - opened_ms)}.`;
    const close = () => this.#session.ask(`connections/${connection}`, { method: "DELETE" });
    return this.#confirm(`Close connection ${connection}?`, `${who} Its client may come back.`, "Close it", close);
  }

  #revokeUser({ user }) {
    const what = `All connections of ${user} are closed, and the tokens they came with are refused until they end.`;
    return this.#confirm(`Shut out ${user}?`, what, "Shut out", () => this.#revoke({ user }));
  }

  #revokeToken({ token_id, user }) {
    const whose = user ?? "whoever has it";
    const what = `All connections of ${whose} that came with it are closed, and it is refused until it ends.`;
    return this.#confirm(`Refuse token ${token_id}?`, what, "Refuse it", () => this.#revoke({ token_id }));
  }

  #revoke(what) {
    return this.#session.ask("revocations", { method: "POST", json: JSON.stringify(what) });
  }

  /** Asks, does it, and looks what has become of it. */
  async #confirm(title, text, name, act) {
    const buttons = [
      ["Keep", null],
      [name, act, "danger main"],
    ];
    await ask({ title, body: [el("p", { textContent: text })], buttons });
    this.#pages.refresh();
  }
}

/** All that is known of a connection. */
function described({ user, address, opened_ms, tab, token_id, expires_ms, topics }) {
  const list = el("dl", { className: "facts" });
  facts(list, [
    ["User", user ?? "–"],
    ["Address", address],
    ["Opened", `${date(opened_ms)}, ${duration(Date.now() - opened_ms)} ago`],
    ["Tab", tab ?? "–"],
    ["Token", token_id ?? "–"],
    ["Token ends", expires_ms === null ? "–" : date(expires_ms)],
  ]);
  const lines = topics.map((topic) => el("li", { textContent: topic }));
  const names = el("ul", { className: "names mono", tabIndex: 0, "aria-label": "Topics" }, ...lines);
  return [list, el("h3", { textContent: plural(topics.length, "topic") }), names];
}

function some(topics) {
  const more = topics.length > SOME ? [`and ${count(topics.length - SOME)} more`] : [];
  return [...topics.slice(0, SOME), ...more].join(" ") || "–";
}
