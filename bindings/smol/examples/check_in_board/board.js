// The board: signs in, opens the stream, and shows what has happened.
// It does not know what the server knows of a child beside the name.

import { connect } from "/browser/index.js";
import "/browser/status.js";
import { Groups, types } from "/groups.js";
import { Session } from "/session.js";
import { texts } from "/texts.js";

const byId = (id) => document.getElementById(id);
const session = new Session(() => leave("ended"));
const groups = new Groups((id) => session.ask(`/api/active/groups/${id}/visits/display`), show);
const cards = new Map();
const feed = [];
let stream = null;
let children = [];
let said = "";
let language = localStorage.language ?? (navigator.language.startsWith("de") ? "de" : "en");

function text(key, ...given) {
  const found = texts[language][key];
  return typeof found === "function" ? found(...given) : found;
}

// The stream.

async function enter() {
  children = await session.ask("/api/students");
  stream = connect("/api/sse/events", { user: session.me.user_id, token: () => session.refresh(), attempts: 5, poll: false });
  // Whatever happens from here on is heard; what was before is loaded.
  stream.on("connected", (event) => {
    const heard = event.json().topics.map((topic) => topic.replace("groups/", ""));
    groups.show([...new Set([...heard, ...session.me.groups])]);
  });
  stream.on("supervisions", (event) => groups.show(event.json().groups));
  stream.on("gap", (event) => {
    note("gap", event.json().missed);
    groups.reload();
  });
  for (const type of types) stream.on(type, heard);
  stream.watch(tell);
  render();
}

function heard(event) {
  try {
    const happened = event.json();
    groups.happened(happened);
    note(happened.type, happened.data, happened.timestamp);
  } catch (error) {
    // What it said is not known; what is true can be asked for.
    console.error(`SSE: an event of type ${event.type} cannot be read`, error);
    note("unreadable");
    groups.reload();
  }
}

/** For whoever looks for what is wrong. */
function tell({ state, retryInMs, error }) {
  if (state === "connected") console.info("SSE connected");
  if (retryInMs !== undefined) console.info(`SSE reconnecting in ${Math.round(retryInMs)}ms: ${error?.message}`);
  if (state === "failed") console.info(`SSE: Max reconnection attempts reached: ${error?.message}`);
}

function leave(why) {
  stream?.close();
  stream = null;
  feed.length = 0;
  groups.show([]);
  said = why ?? "";
  render();
}

// What people do.

async function attempt(path, init) {
  byId("problem").textContent = "";
  try {
    await session.ask(path, init);
  } catch (error) {
    if (stream) byId("problem").textContent = text("refused", error.message);
  }
}

byId("sign-in").onsubmit = async (event) => {
  event.preventDefault();
  const { name, password } = Object.fromEntries(new FormData(event.target));
  said = (await session.signIn(name, password)) ? "" : "wrong";
  if (said) return render();
  event.target.reset();
  await enter();
};
byId("sign-out").onclick = async () => {
  await session.signOut();
  leave();
};
byId("language").onchange = (event) => {
  localStorage.language = language = event.target.value;
  render();
};

// What is shown.

function note(...entry) {
  feed.unshift(entry);
  feed.length = Math.min(feed.length, 200);
  byId("feed").prepend(line(entry));
  while (byId("feed").children.length > feed.length) byId("feed").lastChild.remove();
}

function line([key, given, timestamp = new Date()]) {
  const line = document.createElement("li");
  const time = document.createElement("small");
  time.textContent = new Date(timestamp).toLocaleTimeString(language, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
  line.append(time, ` ${text(key, given)}`);
  line.dataset.type = key;
  return line;
}

/** A group has changed; its card stays in place, with what someone is choosing on it. */
function show(group) {
  const kind = group.visits && (group.is_active ? "running" : "resting");
  let card = cards.get(group.id);
  if (card && card.dataset.kind !== kind) {
    card.remove();
    cards.delete(group.id);
    card = null;
  }
  if (kind) fill(card ?? place(group, kind), group);
  byId("none").hidden = cards.size > 0;
}

function place(group, kind) {
  const card = byId(kind).content.firstElementChild.cloneNode(true);
  Object.assign(card.dataset, { kind, group: group.id });
  cards.set(group.id, card);
  const parent = byId(kind === "running" ? "groups" : "waiting");
  const after = [...parent.children].find((other) => other.dataset.group > group.id);
  parent.insertBefore(card, after ?? null);
  const path = `/api/active/groups/${group.id}`;
  const activity = (method) => () => attempt(`${path}/session`, { method });
  if (kind === "resting") card.querySelector(".start").onclick = activity("POST");
  else {
    card.querySelector(".end").onclick = activity("DELETE");
    card.querySelector("form").onsubmit = (event) => {
      event.preventDefault();
      attempt(`${path}/visits`, { method: "POST", json: { student_id: card.querySelector("select").value } });
      event.target.reset();
    };
  }
  return card;
}

function fill(card, group) {
  card.querySelector("h2").textContent = group.activity_name;
  if (!group.is_active) {
    card.querySelector(".room").textContent = `${group.room} · ${text("inactive")}`;
    card.querySelector(".start").textContent = text("start");
    return;
  }
  card.querySelector(".room").textContent = group.room;
  const count = card.querySelector(".count");
  count.textContent = group.visits.size;
  count.setAttribute("aria-label", text("present", group.visits.size));
  card.querySelector(".end").textContent = text("end");
  const list = card.querySelector(".children");
  list.dataset.empty = text("nobody");
  list.replaceChildren(...[...group.visits].map(([id, name]) => child(group, id, name)));
  const select = card.querySelector("select");
  const chosen = select.value;
  select.setAttribute("aria-label", text("add"));
  card.querySelector("form button").setAttribute("aria-label", text("add"));
  const away = children.filter(({ student_id }) => !group.visits.has(student_id));
  const options = away.map(({ student_id, student_name }) => new Option(student_name, student_id));
  select.replaceChildren(new Option(text("choose"), ""), ...options);
  select.value = chosen;
  if (select.selectedIndex < 0) select.value = "";
}

function child(group, id, name) {
  const item = document.createElement("li");
  const out = document.createElement("button");
  out.textContent = "×";
  out.title = text("out", name);
  out.setAttribute("aria-label", out.title);
  out.onclick = () => attempt(`/api/active/groups/${group.id}/visits/${id}`, { method: "DELETE" });
  item.append(name, out);
  return item;
}

function render() {
  document.documentElement.lang = byId("language").value = language;
  document.title = text("title");
  for (const element of document.querySelectorAll("[data-text]")) element.textContent = text(element.dataset.text);
  byId("sign-in").hidden = !!stream;
  byId("board").hidden = byId("sign-out").hidden = !stream;
  byId("who").textContent = stream ? session.me.name : "";
  byId("wrong").textContent = said && text(said);
  byId("feed").dataset.empty = text("quiet");
  byId("feed").replaceChildren(...feed.map(line));
  const state = byId("state");
  state.hidden = !stream;
  state.stream = stream;
  for (const key of ["idle", "connecting", "connected", "reconnecting", "waiting", "failed", "retry"]) {
    state.setAttribute(`text-${key}`, text(key));
  }
  groups.all.forEach(show);
  byId("none").hidden = cards.size > 0;
}

// Whoever has a session is signed in already.
session.refresh().then(enter).catch(() => render());
