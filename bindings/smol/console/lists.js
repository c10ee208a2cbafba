// The topics and the connections of the server, and what can be done about a connection.
// It does not know who may do it: the server says so.

import { $, ask, el, facts } from "./dom.js";
import { count, date, duration, plural } from "./format.js";
import { PAGE, Pages } from "./pages.js";

/** The topics; `follow` is called with the one that is clicked. */
export function topics(session, follow) {
  return new Pages($("topics-list"), {
    label: "Topics",
    key: ({ topic }) => topic,
    empty: () => "No topics yet. They are there once somebody subscribes or publishes: try it under Live.",
    columns: [
      { name: "Topic", make: ({ topic }) => el("button", { type: "button", className: "link mono", textContent: topic, onclick: () => follow(topic) }) },
      { name: "Subscribers", className: "number", text: ({ subscribers }) => count(subscribers) },
      { name: "By pattern", className: "number", text: (topic) => count(topic.pattern_subscribers) },
      { name: "Events kept", className: "number", text: ({ events }) => count(events) },
    ],
    async load(after) {
      const query = new URLSearchParams({ limit: PAGE, ...(after && { after }) });
      const { topics, next } = await session.ask(`topics?${query}`);
      return { rows: topics, next };
    },
  });
}

/** The connections; `own` says which is this page's. */
export function connections(session, own) {
  const search = () => ({ user: $("by-user").value.trim(), topic: $("by-topic").value.trim() });
  let searched = search();
  const pages = new Pages($("connections-list"), {
    label: "Connections",
    key: ({ connection }) => connection,
    empty: () => (searched.user || searched.topic ? "No connection is like that." : "Nobody is connected."),
    columns: [
      { name: "Connection", make: ({ connection }) => el("button", { type: "button", className: "link mono", textContent: connection, onclick: () => show(connection) }) },
      { name: "User", text: ({ user, connection }) => `${user ?? "–"}${connection === own() ? " (this page)" : ""}` },
      { name: "Address", className: "mono", text: ({ address }) => address },
      { name: "Topics", className: "mono cut", text: ({ topics }) => some(topics) },
      { name: "Open for", className: "number", text: ({ opened_ms }) => duration(Date.now() - opened_ms) },
      { name: "Token ends in", className: "number", text: ({ expires_ms }) => (expires_ms === null ? "–" : duration(expires_ms - Date.now())) },
      { name: "Close", className: "act", make: (row) => el("button", { type: "button", className: "danger", "aria-label": `Close ${row.connection}…`, textContent: "Close…", onclick: () => close(row) }) },
    ],
    async load(after) {
      const { user, topic } = searched;
      const query = new URLSearchParams({ limit: PAGE, ...(after && { after }), ...(user && { user }), ...(topic && { topic }) });
      const { connections, next } = await session.ask(`connections?${query}`);
      return { rows: connections, next };
    },
  });
  $("search").addEventListener("submit", (event) => {
    event.preventDefault();
    searched = search();
    pages.reset();
  });

  async function show(id) {
    let row;
    try {
      row = await session.ask(`connections/${id}`);
    } catch (error) {
      return ask({ title: `Connection ${id}`, body: [el("p", { textContent: error.message })], buttons: [["Done", null]] });
    }
    const list = el("dl", { className: "facts" });
    facts(list, [
      ["User", row.user ?? "–"],
      ["Address", row.address],
      ["Opened", `${date(row.opened_ms)}, ${duration(Date.now() - row.opened_ms)} ago`],
      ["Tab", row.tab ?? "–"],
      ["Token", row.token_id ?? "–"],
      ["Token ends", row.expires_ms === null ? "–" : date(row.expires_ms)],
    ]);
    const names = el("ul", { className: "names mono", tabIndex: 0, "aria-label": "Topics" }, ...row.topics.map((topic) => el("li", { textContent: topic })));
    const buttons = [["Done", null], ["Close…", close, "danger"]];
    if (row.user) buttons.push([`Revoke ${row.user}…`, revokeUser, "danger"]);
    if (row.token_id) buttons.push(["Revoke token…", revokeToken, "danger"]);
    const body = [list, el("h3", { textContent: plural(row.topics.length, "topic") }), names];
    const choices = buttons.map(([name, next, style]) => [name, next && (() => next), style]);
    const next = await ask({ title: `Connection ${id}`, body, buttons: choices });
    await next?.(row);
  }

  /** Asks, does it, and looks what has become of it. */
  async function confirm(title, text, name, act) {
    await ask({ title, body: [el("p", { textContent: text })], buttons: [["Keep", null], [name, act, "danger main"]] });
    pages.refresh();
  }

  const close = ({ connection, user, address, opened_ms }) =>
    confirm(
      `Close connection ${connection}?`,
      `${user ?? "Nobody in particular"} from ${address}, open for ${duration(Date.now() - opened_ms)}. Its client may come back.`,
      "Close it",
      () => session.ask(`connections/${connection}`, { method: "DELETE" }),
    );
  const revoke = (json) => session.ask("revocations", { method: "POST", json: JSON.stringify(json) });
  const revokeUser = ({ user }) =>
    confirm(`Shut out ${user}?`, `All connections of ${user} are closed, and the tokens they came with are refused until they end.`, "Shut out", () => revoke({ user }));
  const revokeToken = ({ token_id, user }) =>
    confirm(`Refuse token ${token_id}?`, `All connections of ${user ?? "whoever has it"} that came with it are closed, and it is refused until it ends.`, "Refuse it", () => revoke({ token_id }));

  return pages;
}

function some(topics) {
  const most = 4;
  return topics.length > most ? `${topics.slice(0, most).join(" ")} and ${count(topics.length - most)} more` : topics.join(" ") || "–";
}
