// The page: what a user has, the same in every tab, whatever happens in between.

import { connect } from "/browser/index.js";
import "/browser/status.js";

const byId = (id) => document.getElementById(id);
const PARTS = ["tools", "write", "receipts", "alerts", "state"];

let user = null;
let stream = null;
/** Revision and notifications, the newest first. */
let known = { revision: 0, notifications: [] };
/** Changes that came while the list was fetched, to be applied to what comes. */
let meanwhile = [];
/** One fetch follows the other. */
let fetching = Promise.resolve();

// What is known

async function ask(path, method = "GET", body) {
  const headers = body ? { "content-type": "application/json" } : {};
  const answer = await fetch(path, { method, headers, body: body && JSON.stringify(body), cache: "no-store" });
  if (answer.ok) return answer.status === 204 ? null : answer.json();
  const { error } = await answer.json().catch(() => ({ error: { message: `the server answered ${answer.status}` } }));
  throw Object.assign(new Error(error.message), { status: answer.status });
}

/** Fetches everything. Changes that come meanwhile, and are not in it yet, come on top. */
function refetch() {
  const fetched = fetching.then(async () => {
    meanwhile = [];
    const state = await ask("/api/notifications");
    user = localStorage.user = state.user;
    known = { revision: state.revision, notifications: state.notifications };
    meanwhile.forEach(([type, data]) => apply(type, data));
    keep();
    return state;
  });
  fetching = fetched.catch(() => {});
  return fetched;
}

const CHANGES = {
  "notification:created": ({ notification }) => {
    known.notifications.unshift(notification);
    ring(notification);
  },
  "notification:read": ({ id, read_ms }) => {
    const found = known.notifications.find((one) => one.id === id);
    if (found) found.read_ms = read_ms;
  },
  "notification:deleted": ({ id }) => {
    known.notifications = known.notifications.filter((one) => one.id !== id);
  },
};

/** A change that is known already, from the list or another way, is none. */
function apply(type, data) {
  if (data.revision <= known.revision) return;
  known.revision = data.revision;
  CHANGES[type](data);
}

function heard({ type, data }) {
  const change = JSON.parse(data);
  meanwhile.push([type, change]);
  apply(type, change);
  keep();
}

/** What is known is shown, and kept for when the server cannot be asked. */
function keep() {
  localStorage.setItem(`known:${user}`, JSON.stringify({ ...known, at: Date.now() }));
  show();
}

function show() {
  const unread = known.notifications.filter((one) => !one.read_ms).length;
  byId("badge").textContent = unread || "";
  byId("bell").ariaLabel = `Notifications, ${unread} unread`;
  document.title = `${unread ? `(${unread}) ` : ""}Notification center`;
  byId("list").replaceChildren(...known.notifications.map(line));
}

function line(one) {
  const item = document.createElement("li");
  item.className = one.read_ms ? "read" : "";
  item.dataset.id = one.id;
  const add = (tag, text) => item.appendChild(Object.assign(document.createElement(tag), { textContent: text }));
  add("b", one.title);
  if (one.body) add("p", one.body);
  add("small", `${one.from}, ${new Date(one.created_ms).toLocaleString()}`).className = "soft";
  const row = add("div", "");
  row.className = "row";
  const button = (text, does) => {
    const button = Object.assign(document.createElement("button"), { textContent: text });
    button.onclick = () => tried(does);
    row.append(button);
  };
  if (!one.read_ms) button("Read", () => ask(`/api/notifications/${one.id}/read`, "POST"));
  button("Delete", () => ask(`/api/notifications/${one.id}`, "DELETE"));
  return item;
}

// The stream

async function start(state) {
  byId("who").textContent = `signed in as ${user}`;
  const to = document.querySelector("[name=to]");
  to.replaceChildren(...state.users.map((name) => new Option(name)));
  to.value = state.users.find((name) => name !== user);
  view(true);
  const config = await ask("/api/config");
  stream = connect("/events", { user, delays: delays(config), attempts: config.maxReconnectAttempts });
  byId("state").stream = stream;
  Object.keys(CHANGES).forEach((type) => stream.on(type, heard));
  // From here on no change is missed; what was before is fetched.
  stream.on("connected", () => tried(refetch));
  stream.on("gap", () => tried(refetch));
  stream.on("receipt", receipt);
  stream.watch(status);
}

/** From the first delay to the longest, each so many times the one before. */
function delays({ initialReconnectDelay: first, maxReconnectDelay: longest, reconnectBackoffMultiplier: times }) {
  const delays = [first];
  while (delays.at(-1) < longest && times > 1) delays.push(Math.min(longest, delays.at(-1) * times));
  return delays;
}

function status({ state, error }) {
  const failed = state === "failed";
  // It may be that the session has ended.
  if (failed && stream) tried(refetch);
  const lost = failed || state === "reconnecting";
  byId("banner").hidden = !lost;
  const { at } = JSON.parse(localStorage.getItem(`known:${user}`) ?? "{}");
  const since = at ? ` What you see is of ${new Date(at).toLocaleTimeString()}.` : "";
  byId("banner-text").textContent = failed
    ? `The server cannot be reached${error ? ` (${error.message})` : ""}.${since}`
    : `The connection is lost; trying again.${since}`;
}

function receipt({ data }) {
  const { by, title } = JSON.parse(data);
  byId("read-by").prepend(Object.assign(document.createElement("li"), { textContent: `${by} has read “${title}”` }));
}

// Sound and desktop

/** One tab rings for all. */
function ring(notification) {
  navigator.locks.request(`ring:${notification.id}`, { ifAvailable: true }, async (lock) => {
    if (!lock) return;
    if (byId("sound").checked) beep();
    if (byId("desktop").checked && Notification.permission === "granted") {
      new Notification(notification.title, { body: notification.body, tag: String(notification.id) });
    }
    // Other tabs hear of it within this time.
    await new Promise((resolve) => setTimeout(resolve, 2_000));
  });
}

function beep() {
  const audio = new AudioContext();
  const [tone, volume] = [audio.createOscillator(), audio.createGain()];
  tone.connect(volume).connect(audio.destination);
  tone.frequency.value = 880;
  volume.gain.setValueAtTime(0.2, audio.currentTime);
  volume.gain.exponentialRampToValueAtTime(0.001, audio.currentTime + 0.4);
  tone.onended = () => audio.close();
  tone.start();
  tone.stop(audio.currentTime + 0.4);
}

byId("desktop").onchange = async () => {
  const allowed = byId("desktop").checked && (await Notification.requestPermission());
  byId("desktop").checked = allowed === "granted";
  byId("desktop-told").textContent = allowed === "denied" ? "This browser does not allow it for this site." : "";
  remember();
};
byId("sound").onchange = remember;

function remember() {
  localStorage.setItem("alerts", JSON.stringify({ sound: byId("sound").checked, desktop: byId("desktop").checked }));
}

// What a person does

function view(signedIn) {
  PARTS.forEach((part) => (byId(part).hidden = !signedIn));
  byId("sign-in").hidden = signedIn;
}

function signedOut() {
  stream?.close();
  stream = null;
  known = { revision: 0, notifications: [] };
  localStorage.removeItem(`known:${user}`);
  localStorage.removeItem("user");
  user = null;
  byId("who").textContent = "";
  byId("banner").hidden = true;
  byId("read-by").replaceChildren();
  show();
  view(false);
}

/** Does something that asks the server, and says what it answered. */
async function tried(does) {
  try {
    return await does();
  } catch (error) {
    if (error.status === 401) return signedOut();
    byId("told").textContent = error.status ? error.message : "The server cannot be reached.";
    byId("told").className = "bad";
  }
}

const look = async () => {
  const state = await refetch();
  if (!stream) await start(state);
  return state;
};

async function beginning() {
  Object.entries(JSON.parse(localStorage.getItem("alerts") ?? "{}")).forEach(([id, on]) => (byId(id).checked = on));
  if (await tried(look)) return;
  // The server cannot be asked: what was known last is better than nothing.
  const last = localStorage.getItem(`known:${localStorage.user}`);
  if (!last) return;
  user = localStorage.user;
  known = JSON.parse(last);
  show();
  view(true);
  status({ state: "failed" });
}

byId("sign-in").querySelector("form").onsubmit = async (event) => {
  event.preventDefault();
  const form = event.target;
  byId("sign-in-told").textContent = "";
  try {
    await ask("/api/session", "POST", Object.fromEntries(new FormData(form)));
    form.password.value = "";
    await look();
  } catch (error) {
    byId("sign-in-told").textContent = error.message;
  }
};

byId("write").querySelector("form").onsubmit = (event) => {
  event.preventDefault();
  const form = event.target;
  tried(async () => {
    const { title } = await ask("/api/notifications", "POST", Object.fromEntries(new FormData(form)));
    byId("told").textContent = `“${title}” is sent.`;
    byId("told").className = "";
    form.title.value = form.body.value = "";
  });
};

byId("bell").onclick = () => {
  const open = byId("panel").hidden;
  byId("panel").hidden = !open;
  byId("bell").ariaExpanded = String(open);
};
byId("read-all").onclick = () => tried(async () => {
  const unread = known.notifications.filter((one) => !one.read_ms);
  await Promise.all(unread.map(({ id }) => ask(`/api/notifications/${id}/read`, "POST")));
});
byId("refresh").onclick = async () => {
  stream?.reconnect();
  if (await tried(look)) byId("banner").hidden = true;
};
byId("sign-out").onclick = () => tried(async () => {
  await ask("/api/session", "DELETE");
  signedOut();
});

beginning();
