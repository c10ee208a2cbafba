// The check-in board, as supervisors, children at the doors and their parents would want it.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Board, Door, eventSource, idsIn, nameOf, school, signIn, Supervisor } from "./support/board.js";
import { launch } from "./support/browser.js";
import { Proxy } from "./support/proxy.js";
import { screenshot } from "./support/screenshot.js";
import { eventually } from "./support/wait.js";

let browser;

before(async () => {
  browser = await launch();
});

after(() => browser?.close());

test("children come and go, activities begin and end, and their supervisors see it", async (t) => {
  const board = await Board.start(t);
  const door = new Door(board);
  const anna = await Supervisor.at(browser, board.url, "anna");
  await anna.sees("123", idsIn("123"));
  await anna.sees("124", idsIn("124"));
  await anna.sees("127", null);
  await door.in("460", "123");
  await anna.sees("123", [...idsIn("123"), "460"]);
  await anna.reads(`${nameOf("460")} ist da: Holzwerkstatt`);
  await door.out("451", "123");
  await anna.sees("123", ["452", "453", "454", "455", "460"]);
  await anna.reads(`${nameOf("451")} ist gegangen: Holzwerkstatt`);
  // Who comes to another room has left the one before.
  await door.in("452", "124");
  await anna.sees("123", ["453", "454", "455", "460"]);
  await anna.sees("124", [...idsIn("124"), "452"]);
  await door.end("124");
  await anna.sees("124", null);
  await anna.page.waitForSelector("#waiting [data-group='124']");
  await anna.reads("Fußball ist zu Ende: Turnhalle");
  await anna.page.click("#waiting [data-group='127'] .start");
  await anna.sees("127", []);
  await anna.reads("Hausaufgaben hat begonnen: Raum 4");
  await anna.page.click("#groups [data-group='127'] .end");
  await anna.sees("127", null);
  await door.start("124");
  await anna.sees("124", []);
  await anna.reads("Fußball hat begonnen: Turnhalle");
  await anna.close();
});

test("what one supervisor does by hand, all others of the group see, and nobody else", async (t) => {
  const board = await Board.start(t);
  const door = new Door(board);
  const [anna, ben, clara] = await Promise.all(["anna", "ben", "clara"].map((name) => Supervisor.at(browser, board.url, name)));
  await ben.sees("125", []);
  await anna.page.selectOption("[data-group='124'] select", { label: nameOf("460") });
  await anna.page.click("[data-group='124'] form button");
  for (const one of [anna, ben]) await one.reads(`${nameOf("460")} ist da: Fußball`);
  for (const one of [anna, ben]) await one.sees("124", [...idsIn("124"), "460"]);
  await ben.page.click(`[data-group="124"] [aria-label="${nameOf("460")} auschecken"]`);
  for (const one of [anna, ben]) await one.reads(`${nameOf("460")} ist gegangen: Fußball`);
  // Each has a group of their own; what is in it comes before a mark that all get.
  await door.in("461", "123");
  await door.in("462", "125");
  await anna.reads(nameOf("461"));
  await ben.reads(nameOf("462"));
  await door.in("463", "124");
  for (const one of [anna, ben]) await one.reads(nameOf("463"));
  const text = async (one) => JSON.stringify([await one.lines(), await one.page.locator(".children").allTextContents()]);
  assert.ok(!(await text(anna)).includes(nameOf("462")));
  assert.ok(!(await text(ben)).includes(nameOf("461")));
  assert.deepEqual(await clara.lines(), []);
  await clara.page.waitForSelector("#none:not([hidden])");
  await screenshot(anna.page, "check_in_board");
  await Promise.all([anna, ben, clara].map((one) => one.close()));
});

test("a plain EventSource gets each event as it is described, with the token in its URL", async (t) => {
  const board = await Board.start(t);
  const door = new Door(board);
  const { token } = await signIn(board, "anna");
  const source = await eventSource(browser, board, token);
  await door.in("460", "123");
  await source.waitFor("student_checkin");
  await door.out("460", "123");
  await door.end("124");
  await door.start("124");
  await source.waitFor("activity_start");
  const events = (await source.heard()).filter(({ type }) => type !== "connected");
  const student = { student_id: "460", student_name: nameOf("460"), activity_name: "Holzwerkstatt", room: "Werkraum" };
  const activity = { activity_name: "Fußball", room: "Turnhalle" };
  assert.deepEqual(events.map(({ type, data }) => {
    const { timestamp, ...event } = JSON.parse(data);
    assert.match(timestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    assert.ok(Math.abs(Date.parse(timestamp) - Date.now()) < 120_000, timestamp);
    assert.equal(event.type, type);
    return event;
  }), [
    { type: "student_checkin", active_group_id: "123", data: student },
    { type: "student_checkout", active_group_id: "123", data: student },
    { type: "activity_end", active_group_id: "124", data: activity },
    { type: "activity_start", active_group_id: "124", data: activity },
  ]);
  await source.close();
  const response = await fetch(`${board.url}/api/sse/events?token=${token}`);
  assert.equal(response.status, 200);
  assert.match(response.headers.get("content-type"), /^text\/event-stream/);
  assert.equal(response.headers.get("x-accel-buffering"), "no");
  await response.body.cancel();
});

test("nothing of a child leaves but name and number: by stream, list, answer or page", async (t) => {
  const board = await Board.start(t);
  const door = new Door(board);
  const { token } = await signIn(board, "anna");
  const anna = await Supervisor.at(browser, board.url, "anna");
  const bodies = [];
  anna.page.on("response", async (response) => bodies.push(await response.text().catch(() => "")));
  await anna.page.reload();
  await anna.state("connected");
  const streams = await Promise.all(["/api/sse/events", "/events?topic=groups/123&topic=groups/124"].map((path) => eventSource(browser, board, token, path)));
  const left = [];
  for (const { student_id } of school.students) {
    left.push(await door.in(student_id, "123"), await door.out(student_id, "123"));
  }
  left.push(await door.end("124"), await door.start("124"));
  for (const stream of streams) {
    await stream.waitFor("activity_start");
    left.push(await stream.heard());
    await stream.close();
  }
  const asked = ["/api/active/groups/123/visits/display", "/api/active/groups/124/visits/display", "/api/students"];
  for (const path of asked) left.push((await door.ask(path, "GET", undefined, token)).text);
  const polled = await fetch(`${board.url}/poll?topic=groups/123&last_event_id=earliest&token=${token}`);
  left.push(await polled.text(), await door.overview(), await anna.page.content(), bodies);
  assert.match(left.at(-4), /student_checkin/);
  const all = JSON.stringify(left);
  assert.ok(all.includes(nameOf("451")) && bodies.length > 0, "there is something in it");
  for (const { birthday, address, guardians } of school.students) {
    for (const text of [birthday, address, ...guardians, ...guardians.map((guardian) => guardian.split(", ")[1])]) {
      assert.ok(!all.includes(text), text);
    }
  }
  for (const word of ["birthday", "address", "guardian"]) assert.ok(!all.includes(`${word}"`), word);
  await anna.close();
});

test("nobody watching is no error, and the log says so", async (t) => {
  const board = await Board.start(t);
  const door = new Door(board);
  const [happened] = await door.in("460", "126");
  assert.equal(happened.type, "student_checkin");
  assert.equal(await door.subscribers("126"), 0);
  await board.logged(/DEBUG .*No SSE subscribers for group active_group_id=126 event_type="student_checkin"/);
  await door.out("460", "126");
});

test("streams, events and ends are in the log, and counted for each group", async (t) => {
  const board = await Board.start(t);
  const door = new Door(board);
  const anna = await Supervisor.at(browser, board.url, "anna");
  await board.logged(/INFO .*SSE client connected user_id=1 subscribed_groups=\[123,124,127\] total_clients=1/);
  const ben = await Supervisor.at(browser, board.url, "ben");
  await board.logged(/INFO .*SSE client connected user_id=2 subscribed_groups=\[124,125\] total_clients=2/);
  const terminal = await browser.newPage();
  await terminal.goto(`${board.url}/terminal#${board.key}`);
  for (const [group, count] of [["123", 1], ["124", 2], ["125", 1], ["126", 0], ["127", 1]]) {
    await terminal.waitForSelector(`#staff td[data-group='${group}'][data-subscribers='${count}']`);
    assert.equal(await door.subscribers(group), count);
  }
  await door.in("460", "123");
  await door.in("461", "124");
  await board.logged(/DEBUG .*SSE event broadcast active_group_id=123 event_type="student_checkin" recipient_count=1/);
  await board.logged(/DEBUG .*SSE event broadcast active_group_id=124 event_type="student_checkin" recipient_count=2/);
  await ben.close();
  await board.logged(/INFO .*SSE client disconnected user_id=2 total_clients=1/);
  await eventually("his place is free", async () => (await door.subscribers("124")) === 1 && (await door.subscribers("125")) === 0);
  const clara = await Supervisor.at(browser, board.url, "clara");
  await board.logged(/INFO .*SSE connection - no active supervisions user_id=3/);
  await clara.close();
  // To leave the page closes the stream, by signing out as by closing the page.
  await anna.page.click("#sign-out");
  await anna.page.waitForSelector("#sign-in:not([hidden])");
  await board.logged(/INFO .*SSE client disconnected user_id=1 total_clients=0/);
  await anna.page.reload();
  await anna.page.waitForSelector("#sign-in:not([hidden])");
  await terminal.close();
  await anna.close();
  assert.equal(board.log(/token=|Bearer/).length, 0, "no token is logged");
});

test("the terminal at the door checks children in and out, and says who supervises", async (t) => {
  const board = await Board.start(t, { BOARD_TOKEN: "4s" });
  const page = await browser.newPage();
  await page.goto(`${board.url}/terminal`);
  await eventually("it asks for the key", async () => /key|Schlüssel/.test(await page.textContent("#problem")));
  await page.goto(`${board.url}/terminal#${board.key}`);
  await page.reload();
  const anna = await Supervisor.at(browser, board.url, "anna");
  await page.click(`#children button:has-text("${nameOf("461")}")`);
  await anna.reads(`${nameOf("461")} ist da: Holzwerkstatt`);
  await page.click(`#children button[aria-pressed=true]:has-text("${nameOf("461")}")`);
  await anna.reads(`${nameOf("461")} ist gegangen: Holzwerkstatt`);
  await page.click("#activity");
  await anna.reads("Holzwerkstatt ist zu Ende");
  await page.waitForSelector("#children button:disabled");
  await page.click("#activity");
  await anna.reads("Holzwerkstatt hat begonnen");
  await page.check("[aria-label='Anna Becker: Schulgarten']");
  await anna.sees("126", []);
  await page.close();
  await anna.close();
});

test("what cannot be read is said, what was missed is loaded, and all goes on", async (t) => {
  const board = await Board.start(t);
  const door = new Door(board);
  let broken = 0;
  const anna = await Supervisor.at(browser, board.url, "anna", {
    init: (page) => page.route("**/api/sse/events*", (route) => {
      if (broken++) return route.continue();
      const event = (data) => `event: student_checkin\ndata: ${data}\n\n`;
      const connected = 'event: connected\ndata: {"connection":"1","topics":["groups/123","groups/124"]}\n\n';
      const none = event('{"type":"student_checkin","active_group_id":"123"}');
      return route.fulfill({ contentType: "text/event-stream", body: `${connected}${event("{broken")}${event("null")}${none}` });
    }),
  });
  await eventually("it is complained of", () => anna.said.filter((line) => line.includes("cannot be read")).length >= 3, () => anna.said);
  await eventually("it is connected to the real one", () => broken >= 2);
  await anna.state("connected");
  await door.in("460", "123");
  await anna.reads(`${nameOf("460")} ist da`);
  await door.out("460", "123");
  await anna.reads(`${nameOf("460")} ist gegangen`);
  await anna.close();
});

test("without EventSource, as with it, the board works", async (t) => {
  const board = await Board.start(t);
  const door = new Door(board);
  const anna = await Supervisor.at(browser, board.url, "anna", { init: (page) => page.addInitScript(() => delete window.EventSource) });
  assert.equal(await anna.page.evaluate(() => typeof EventSource), "undefined");
  await door.in("460", "123");
  await anna.reads(`${nameOf("460")} ist da`);
  await door.out("460", "123");
  await anna.close();
});

test("all tabs of one supervisor share one stream", async (t) => {
  const board = await Board.start(t);
  const door = new Door(board);
  const anna = await Supervisor.at(browser, board.url, "anna");
  const second = await anna.context.newPage();
  await second.goto(board.url);
  await second.waitForSelector("#state[state=connected]");
  await door.in("460", "123");
  await anna.reads(`${nameOf("460")} ist da`);
  await second.waitForSelector(`[data-group="123"] .children :text("${nameOf("460")}")`);
  assert.equal(await door.subscribers("123"), 1);
  // Whoever has the stream goes; the other has missed nothing.
  await anna.page.close();
  await door.out("460", "123");
  await second.waitForSelector(`#feed :text("${nameOf("460")} ist gegangen")`);
  await eventually("it has the one stream", async () => (await door.subscribers("123")) === 1);
  await second.waitForSelector("#state[state=connected]");
  await anna.close();
});

test("while the server restarts it is yellow, then green, and shows what is", async (t) => {
  const board = await Board.start(t);
  const anna = await Supervisor.at(browser, board.url, "anna");
  await eventually("its console says so", () => anna.said.includes("SSE connected"));
  await new Door(board).in("460", "123");
  await anna.sees("123", [...idsIn("123"), "460"]);
  await board.stop();
  await anna.state("reconnecting");
  await eventually("its console says when", () => anna.said.some((line) => /^SSE reconnecting in \d+ms/.test(line)), () => anna.said);
  const again = await Board.start(t, {}, board.port);
  await anna.state("connected");
  // The school has forgotten it, and so does the page.
  await anna.sees("123", idsIn("123"));
  await new Door(again).in("461", "123");
  await anna.reads(`${nameOf("461")} ist da`);
  await anna.close();
});

test("after five failed attempts it is red, until someone tries again", async (t) => {
  const board = await Board.start(t);
  const anna = await Supervisor.at(browser, board.url, "anna", { init: (page) => page.clock.install() });
  await board.stop();
  const failed = async () => (await anna.page.getAttribute("#state", "state")) === "failed";
  await eventually("it gives up", async () => (await anna.page.clock.runFor(500), failed()), () => anna.said);
  const delays = anna.said.map((line) => line.match(/^SSE reconnecting in (\d+)ms/)?.[1]).filter(Boolean).map(Number);
  assert.equal(delays.length, 5, anna.said.join("\n"));
  for (const [place, ms] of [1_000, 2_000, 4_000, 8_000, 16_000].entries()) {
    assert.ok(delays[place] >= 0.8 * ms && delays[place] <= 1.2 * ms, String(delays));
  }
  assert.ok(anna.said.some((line) => line.startsWith("SSE: Max reconnection attempts reached")));
  const says = () => anna.page.locator("#state [part=text]").textContent();
  assert.equal(await says(), "Verbindung fehlgeschlagen");
  await anna.page.selectOption("#language", "en");
  assert.equal(await says(), "Connection failed");
  const colour = () => anna.page.evaluate(() => getComputedStyle(document.querySelector("#state").shadowRoot.querySelector("[part=dot]")).backgroundColor);
  const [red, green, blue] = (await colour()).match(/\d+/g).map(Number);
  assert.ok(red > 2 * green && red > 2 * blue, "it is red");
  const again = await Board.start(t, {}, board.port);
  await anna.page.click("#state [part=retry]");
  await anna.state("connected");
  assert.equal(await says(), "Connected");
  await anna.close();
});

/** Has a child go in and out until then; hands out what has happened. */
async function comeAndGo(door, until) {
  const happened = [];
  do {
    happened.push(...(await door.in("460", "123")), ...(await door.out("460", "123")));
  } while (!(await until()));
  return happened;
}

async function sawAllOf(one, happened) {
  const own = async () => (await one.lines()).map(([type]) => type);
  await eventually("all of it is read", async () => (await own()).length >= happened.length, async () => (await own()).length);
  assert.deepEqual(await own(), happened.map(({ type }) => type), "each once, in order, without a gap");
}

test("a token that ends is renewed, and the stream goes on without loss", async (t) => {
  const board = await Board.start(t, { BOARD_TOKEN: "6s" });
  const anna = await Supervisor.at(browser, board.url, "anna");
  let renewals = 0;
  anna.page.on("response", (response) => (renewals += /connections\/.*\/token$/.test(response.url()) && response.status() === 200));
  const happened = await comeAndGo(new Door(board), () => renewals >= 2);
  await sawAllOf(anna, happened);
  assert.equal(board.log(/SSE client connected/).length, 1, "it was one stream");
  await anna.close();
});

test("a stream that has ended with its token comes back with another, and nothing is lost", async (t) => {
  const board = await Board.start(t, { BOARD_TOKEN: "3s" });
  const anna = await Supervisor.at(browser, board.url, "anna", { init: (page) => page.route("**/connections/*/token", (route) => route.abort()) });
  const happened = await comeAndGo(new Door(board), () => board.log(/SSE client connected/).length >= 3);
  await anna.state("connected");
  await sawAllOf(anna, happened);
  assert.ok(anna.said.some((line) => line.startsWith("SSE reconnecting")), "it was yellow meanwhile");
  await anna.close();
});

test("who is shut out by an old token is told 401, and the session ends in its time", async (t) => {
  const board = await Board.start(t, { BOARD_TOKEN: "3s", BOARD_SESSION: "9s" });
  const { token, cookie } = await signIn(board, "anna");
  assert.match(cookie, /; Path=\/api\/auth; Max-Age=9; HttpOnly; SameSite=Strict$/);
  const anna = await Supervisor.at(browser, board.url, "anna");
  await eventually("the token has ended", async () => (await fetch(`${board.url}/api/sse/events?token=${token}`)).status === 401);
  await board.logged(/INFO .*refused.* status=401 .*path="\/api\/sse\/events"/);
  await anna.page.waitForSelector("#sign-in:not([hidden])", { timeout: 60_000 });
  assert.equal(await anna.page.textContent("#wrong"), "Die Sitzung ist abgelaufen. Bitte neu anmelden.");
  await board.logged(/SSE client disconnected user_id=1 total_clients=0/);
  await anna.signIn("anna");
  await anna.sees("123", idsIn("123"));
  await anna.close();
});

test("a new token says what may be seen: groups come and go without a reconnect", async (t) => {
  const board = await Board.start(t, { BOARD_TOKEN: "6s" });
  const door = new Door(board);
  const anna = await Supervisor.at(browser, board.url, "anna");
  await anna.sees("124", idsIn("124"));
  await door.assign("1", "126", true);
  await door.assign("1", "124", false);
  await anna.sees("126", []);
  await anna.sees("124", null);
  assert.equal(await anna.page.locator("[data-group='124']").count(), 0);
  await door.in("460", "124");
  await door.in("461", "126");
  await anna.sees("126", ["461"]);
  assert.deepEqual((await anna.lines()).map(([type]) => type), ["student_checkin"], "of the one, and not of the other");
  assert.equal(board.log(/SSE client connected/).length, 1, "it was one stream");
  await anna.close();
});

test("who supervises nothing has an open stream, with heartbeats and nothing else", async (t) => {
  const board = await Board.start(t, { BOARD_HEARTBEAT: "1s" });
  const { token, groups } = await signIn(board, "clara");
  assert.deepEqual(groups, []);
  const source = await eventSource(browser, board, token);
  await new Door(board).in("460", "123");
  await source.waitFor("heartbeat", 2);
  assert.deepEqual(new Set((await source.heard()).map(({ type }) => type)), new Set(["connected", "heartbeat"]));
  await source.close();
});

test("a client that does not read loses what it is told, and shows what is true", async (t) => {
  const board = await Board.start(t, { BOARD_LOG_EVENTS: "50" });
  const door = new Door(board);
  const proxy = await Proxy.start(board.port);
  t.after(() => proxy.close());
  const anna = await Supervisor.at(browser, proxy.url, "anna");
  await anna.sees("123", idsIn("123"));
  proxy.pause();
  const ids = ["460", "461", "462", "463", "464", "465", "466"];
  const happened = [];
  await Promise.all(ids.map(async (id) => {
    for (let round = 0; round < 250; round++) happened.push(...(await door.in(id, "123")), ...(await door.out(id, "123")));
  }));
  happened.push(...(await door.in("460", "123")));
  proxy.resume();
  await anna.reads("verpasst");
  await anna.sees("123", [...idsIn("123"), "460"]);
  const lines = await anna.lines();
  const missed = lines.filter(([type]) => type === "gap").map(([, line]) => Number(line.match(/(\d+) Meldungen/)[1]));
  const read = lines.filter(([type]) => type !== "gap").length;
  assert.equal(read + missed.reduce((sum, one) => sum + one, 0), happened.length, "read or told");
  await board.logged(/WARN .*SSE client fell behind user_id=1 missed=\d+/);
  await anna.close();
});

test("nobody sees or does what is not theirs", async (t) => {
  const board = await Board.start(t);
  const door = new Door(board);
  const [anna, clara] = await Promise.all(["anna", "clara"].map((name) => signIn(board, name)));
  const session = anna.cookie.match(/=([^;]+)/)[1];
  const visits = (group) => `/api/active/groups/${group}/visits`;
  const student = { student_id: "460" };
  for (const [token, path, method, json, status] of [
    [anna.token, `${visits("123")}/display`, "GET", undefined, 200],
    [anna.token, `${visits("125")}/display`, "GET", undefined, 403],
    [anna.token, `${visits("999")}/display`, "GET", undefined, 403],
    [clara.token, `${visits("123")}/display`, "GET", undefined, 403],
    ["", `${visits("123")}/display`, "GET", undefined, 401],
    ["nonsense", "/api/sse/events", "GET", undefined, 401],
    ["", "/api/sse/events", "GET", undefined, 401],
    [board.key, "/api/sse/events", "GET", undefined, 401],
    // What a session is kept with opens nothing by itself.
    [session, "/api/sse/events", "GET", undefined, 401],
    [anna.token, "/events?topic=groups/125", "GET", undefined, 403],
    [anna.token, "/events?topic=groups/*", "GET", undefined, 403],
    [anna.token, "/publish", "POST", { topics: ["groups/123"], data: "x" }, 403],
    [board.key, "/publish", "POST", { topics: ["groups/123"], data: "x" }, 403],
    [clara.token, visits("123"), "POST", student, 403],
    ["", visits("123"), "POST", student, 401],
    [clara.token, `${visits("123")}/451`, "DELETE", undefined, 403],
    [clara.token, "/api/active/groups/123/session", "DELETE", undefined, 403],
    [anna.token, "/api/overview", "GET", undefined, 403],
    [anna.token, "/api/staff/1/groups", "POST", { active_group_id: "126", supervises: true }, 403],
    [board.key, visits("123"), "POST", { student_id: "999" }, 404],
    [board.key, visits("999"), "POST", student, 404],
    [board.key, visits("123"), "POST", { ...student, birthday: "x" }, 400],
  ]) {
    const answer = await door.ask(path, method, json, token);
    assert.equal(answer.status, status, `${method} ${path}: ${answer.text}`);
  }
  const init = { method: "POST", headers: { origin: "https://evil.example", cookie: `board_session=${session}` } };
  const refused = await fetch(`${board.url}/api/auth/refresh`, init);
  assert.equal(refused.status, 403, "pages of other origins get no token");
  const page = await browser.newPage();
  await page.goto(board.url);
  await page.fill("[name=name]", "anna");
  await page.fill("[name=password]", "falsch");
  await page.click("#sign-in button");
  await eventually("it says so", async () => (await page.textContent("#wrong")) !== "");
  await page.close();
});
