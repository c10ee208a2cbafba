// The chat in a page: rooms, what is said in each, and who is there.
// It does not know how what is said gets to the server and back; the link does.

import "/browser/status.js";
import { Link } from "/link.js";

/** Lines that are kept of one room. */
const LINES = 500;
/** Who types says so again after this, in time for the server. */
const TYPING_AGAIN = 2_000;

const byId = (id) => document.getElementById(id);

let me = "";
let link = null;
/** Rooms that this page wants to be in, and those it is in, with all that it knows of them. */
const wanted = new Set(["lobby"]);
const rooms = new Map();
let current = null;
/** The room to look at once it is there. */
let next = "lobby";

// What the server says

const HEARD = {
  connected() {
    problem();
    wanted.forEach(join);
    link.again();
  },
  members({ room: name, members, typing }) {
    if (!wanted.has(name)) return;
    const room = rooms.get(name) ?? open(name);
    room.members = new Set(members);
    room.typing = new Set(typing.filter((name) => name !== me));
    if (!current || name === next) look(room);
    else show();
  },
  joined({ name }, room) {
    if (!room || name === me) return;
    room.members.add(name);
    note(room, `${name} joined`);
  },
  left({ name }, room) {
    if (!room || name === me) return;
    room.members.delete(name);
    room.typing.delete(name);
    note(room, `${name} left`);
  },
  message({ name, text, at_ms }, room, id) {
    // Said again after a restart of the server, it is known by its id.
    if (!room || line(room, id)) return;
    room.typing.delete(name);
    add(room, said(name, text, at_ms, id));
    if (room !== current || document.hidden) room.unread += 1;
    show();
  },
  typing({ name, on }, room) {
    if (!room || name === me) return;
    if (on) room.typing.add(name);
    else room.typing.delete(name);
    show();
  },
  gap({ missed }) {
    const what = missed ? `${missed} events` : "What was said meanwhile";
    rooms.forEach((room) => note(room, `${what} could not be caught up with: something may be missing here`, "gap"));
  },
};

function heard(event, data, topic, id) {
  HEARD[event]?.(data, rooms.get(topic?.replace(/^rooms\//, "")), id);
}

// Rooms

function open(name) {
  const log = element("ul", "");
  const room = { name, log, unread: 0, members: new Set(), typing: new Set() };
  rooms.set(name, room);
  return room;
}

async function join(name) {
  try {
    await link.ask("join-room", { room: name });
    return true;
  } catch (error) {
    // A cut is none of its doing: it is asked again then.
    if (error.code) {
      wanted.delete(name);
      rooms.delete(name);
      if (current?.name === name) look(rooms.values().next().value);
    }
    problem(error);
    return false;
  }
}

async function leave({ name }) {
  await link.ask("leave-room", { room: name });
  wanted.delete(name);
  rooms.delete(name);
  look(rooms.values().next().value);
}

function look(room = null) {
  current = room;
  next = null;
  byId("said").replaceChildren(...(room ? [room.log] : []));
  byId("said").scrollTop = byId("said").scrollHeight;
  stopTyping();
  show();
}

// Lines

function line(room, id) {
  return [...room.log.children].find((line) => line.dataset.id === id);
}

function said(name, text, at_ms, id) {
  const line = element("li", "", name === me ? "own" : "");
  line.dataset.id = id;
  line.append(element("b", name), element("time", new Date(at_ms).toLocaleTimeString(), "soft"), element("p", text));
  return line;
}

function note(room, text, kind = "") {
  add(room, element("li", text, `note ${kind}`));
  show();
}

function add(room, line) {
  const place = byId("said");
  // Who reads what was said before is left to it.
  const follows = place.scrollHeight - place.scrollTop - place.clientHeight < 60;
  room.log.append(line);
  if (room.log.children.length > LINES) room.log.firstChild.remove();
  if (room === current && follows) place.scrollTop = place.scrollHeight;
}

/** Says something in a room, once, however often the connection is lost meanwhile. */
async function say(room, text) {
  const id = crypto.randomUUID();
  const line = said(me, text, Date.now(), `${me}/${id}`);
  line.classList.add("waiting");
  add(room, line);
  byId("said").scrollTop = byId("said").scrollHeight;
  try {
    const { at_ms } = await link.ask("message", { room: room.name, text, id }, { keep: true });
    line.querySelector("time").textContent = new Date(at_ms).toLocaleTimeString();
    problem();
  } catch (error) {
    line.classList.add("refused");
    line.append(element("small", `Not said: ${error.message}`));
  }
  line.classList.remove("waiting");
}

// What is seen

function problem(error) {
  byId("problem").textContent = error ? error.message : "";
}

function element(tag, text, name = "") {
  return Object.assign(document.createElement(tag), { textContent: text, className: name });
}

function show() {
  if (current && !document.hidden) current.unread = 0;
  const unread = [...rooms.values()].reduce((sum, room) => sum + room.unread, 0);
  document.title = unread ? `(${unread}) Chat rooms` : "Chat rooms";
  byId("rooms").replaceChildren(...[...rooms.values()].map(tab));
  byId("room").textContent = current?.name ?? "No room";
  byId("leave").hidden = byId("say").hidden = !current;
  byId("none").hidden = Boolean(current);
  const members = [...(current?.members ?? [])].sort((a, b) => a.localeCompare(b));
  byId("count").textContent = members.length;
  byId("members").replaceChildren(...members.map((name) => element("li", name === me ? `${name} (you)` : name, current.typing.has(name) ? "typing" : "")));
  byId("typing").textContent = typing([...(current?.typing ?? [])]);
}

function typing(names) {
  if (names.length > 3) return `${names.length} people are typing…`;
  if (!names.length) return "";
  return `${names.join(", ")} ${names.length > 1 ? "are" : "is"} typing…`;
}

function tab(room) {
  const button = element("button", room.name);
  button.dataset.room = room.name;
  button.ariaCurrent = String(room === current);
  if (room.unread) {
    button.append(element("span", room.unread, "badge warning"));
    button.ariaLabel = `${room.name}, ${room.unread} unread`;
  }
  button.onclick = () => look(room);
  const item = element("li", "");
  item.append(button);
  return item;
}

// What a person does

byId("enter").querySelector("form").onsubmit = (event) => {
  event.preventDefault();
  me = event.target.name.value.trim();
  problem();
  link?.close();
  link = new Link({ name: me, rooms: () => [...rooms.keys()], heard, refused });
  link.watch(({ state, error }) => {
    if (state === "connected") enter(true);
    if (error) problem(error);
  });
  byId("status").stream = link;
  link.reconnect();
};

/** There is a chat, or a name has to be found first. */
function enter(entered) {
  byId("enter").hidden = entered;
  byId("chat").hidden = !entered;
}

function refused(error) {
  enter(rooms.size > 0);
  problem(error);
}

byId("join").onsubmit = async (event) => {
  event.preventDefault();
  const form = event.target;
  const name = form.room.value.trim();
  problem();
  if (rooms.has(name)) look(rooms.get(name));
  else {
    next = name;
    wanted.add(name);
    if (!(await join(name))) return;
  }
  form.reset();
};

// Rooms that others are in.
byId("join").room.onfocus = async () => {
  const there = await fetch("/api/rooms").then((answer) => answer.json(), () => []);
  byId("there").replaceChildren(...there.map(({ room, members }) => Object.assign(element("option", `${members} there`), { value: room })));
};

byId("leave").onclick = () => leave(current).catch(problem);

byId("say").onsubmit = (event) => {
  event.preventDefault();
  const text = event.target.text.value;
  if (!text.trim()) return;
  event.target.reset();
  // What is said ends it.
  typedAt = 0;
  say(current, text);
};

let typedAt = 0;
let typedIn = null;
byId("say").text.oninput = ({ target }) => {
  if (!target.value) return stopTyping();
  if (Date.now() - typedAt < TYPING_AGAIN) return;
  typedAt = Date.now();
  typedIn = current;
  link.ask("typing", { room: current.name, on: true }).catch(() => {});
};

function stopTyping() {
  if (!typedAt) return;
  typedAt = 0;
  if (rooms.has(typedIn.name)) link.ask("typing", { room: typedIn.name, on: false }).catch(() => {});
}

document.onvisibilitychange = show;
addEventListener("online", () => link?.status.state === "reconnecting" && link.reconnect());
