// The page as a whole: who may see what, which parts run, and what is said across the top.
// It does not know how any part works.

import { address } from "./api.js";
import { Connections } from "./connections.js";
import { $, copy, say } from "./dom.js";
import { Feed } from "./feed.js";
import { curl, words } from "./format.js";
import { Live } from "./live.js";
import { Notices } from "./notices.js";
import { Overview } from "./overview.js";
import { Publish } from "./publish.js";
import { Session } from "./session.js";
import * as tabs from "./tabs.js";
import { topics } from "./topics.js";
import { Who } from "./who.js";

const EVERYTHING = "**";

const session = new Session();
const notices = new Notices($("notices"), session);
const publish = new Publish(session);
const feed = new Feed((event) => publish.fill(event));
const overview = new Overview(session);
let connection = null;
let state = "idle";
const live = new Live(session, hear, tell);
const lists = {
  topics: topics(session, (topic) => follow([topic], true)),
  connections: new Connections(session, () => connection),
};
const who = new Who(session, { begin: enter, leave });
let isIn = false;
let section;
const go = tabs.begin((name, isShown) => {
  if (isShown) section = name;
  turn(name, isShown);
});

/** Runs what belongs to a section while it is shown. */
function turn(name, isShown) {
  if (name === "overview" && isShown) overview.draw();
  const list = lists[name];
  if (list && isShown && isIn && session.identity.access.admin) list.start();
  else list?.stop();
}

/** Somebody may look at the console. */
function enter(isAnother) {
  isIn = true;
  if (isAnother) feed.clear();
  grant();
  follow(wanted(session.identity.access));
}

/** Shows and runs what may be seen, and explains the rest. */
function grant() {
  const { access } = session.identity;
  allow("overview", access.metrics, "Numbers and charts need the permission “metrics”.");
  allow("topics", access.admin, "The list of topics needs the permission “admin”.");
  allow("connections", access.admin, "The list of connections needs the permission “admin”.");
  const mayPublish = access.publish_direct || access.publish.length || access.publish_private.length;
  allow("publish", mayPublish, "Publishing needs the permission “publish”, for the topics it is to be for.");
  if (access.metrics) overview.start();
  else overview.stop();
  turn(section, true);
}

/** Nobody may any more. */
function leave() {
  isIn = false;
  overview.stop();
  Object.values(lists).forEach((list) => list.stop());
  live.stop();
  notices.clear();
  tell({ state: "idle" });
}

function allow(part, isAllowed, why) {
  const place = $(part);
  const denied = place.querySelector(".denied");
  denied.hidden = Boolean(isAllowed);
  const { authentication } = session.identity;
  const whose = authentication
    ? "What you are signed in with does not have it."
    : "This server, which asks nobody who they are, gives it to its own machine alone.";
  denied.textContent = `${why} ${whose}`;
  place.querySelector(".allowed").hidden = !isAllowed;
}

/** The topics that the address names, or all that may be read. */
function wanted(access) {
  const asked = new URLSearchParams(location.search).getAll("topic");
  if (asked.length) return asked;
  return access.subscribe.includes(EVERYTHING) ? [EVERYTHING] : access.subscribe;
}

/** Follows topics; the address says so, for when the page is loaded again. */
function follow(list, isAsked = false) {
  if (isAsked) {
    const query = new URLSearchParams(list.map((topic) => ["topic", topic]));
    history.replaceState(null, "", `${query.size ? `?${query}` : location.pathname}#live`);
    go("live");
  }
  $("followed").value = list.join(" ");
  const topic = list.find((topic) => !topic.includes("*")) ?? "news";
  const json = JSON.stringify({ topics: [topic], data: "hello" });
  feed.example = curl(address("publish"), { hasToken: Boolean(session.token), json });
  live.follow(list);
}

function hear(event) {
  if (event.type === "connected") connection = connected(event.data);
  if (event.type === "reauth") notices.askForToken(event.data);
  feed.add(event);
}

function connected(data) {
  try {
    return JSON.parse(data).connection;
  } catch {
    return null;
  }
}

function tell(status) {
  const was = state;
  state = status.state;
  $("state").dataset.state = state;
  say($("state"), state);
  notices.tell(status, () => live.reconnect());
  if (state === "connected" && was !== "connected" && isIn && session.identity.access.metrics) overview.look();
}

$("follow").addEventListener("submit", (event) => {
  event.preventDefault();
  follow(words($("followed").value), true);
});
$("follow-curl").addEventListener("click", () => {
  const query = new URLSearchParams(words($("followed").value).map((topic) => ["topic", topic]));
  copy(curl(`${address("events")}?${query}`, { hasToken: Boolean(session.token), options: ["-N"] }), "Command");
});
session.addEventListener("changed", () => isIn && session.identity && grant());
session.addEventListener("wanted", () => notices.askForToken());

who.start();
