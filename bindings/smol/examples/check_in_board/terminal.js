// The terminal at the doors: children come and go, activities begin and end. It stands for the devices.
// It does not know who watches, only how many.

import { texts } from "/texts.js";

const byId = (id) => document.getElementById(id);
const said = texts[localStorage.language ?? (navigator.language.startsWith("de") ? "de" : "en")];
let school = null;
let door = null;
let looked = "";

for (const element of document.querySelectorAll("[data-text]")) element.textContent = said[element.dataset.text];

async function ask(path, method = "GET", json) {
  const key = location.hash.slice(1);
  const headers = key ? { authorization: `Bearer ${key}` } : {};
  if (json) headers["content-type"] = "application/json";
  const response = await fetch(path, { method, headers, body: json && JSON.stringify(json) });
  const answer = response.status === 204 ? null : await response.json();
  if (!response.ok) throw Object.assign(new Error(answer.error.message), { status: response.status });
  return answer;
}

async function act(...request) {
  byId("problem").textContent = "";
  try {
    await ask(...request);
  } catch (error) {
    byId("problem").textContent = said.refused(error.message);
  }
  await look();
}

async function look() {
  try {
    school = await ask("/api/overview");
  } catch (error) {
    byId("problem").textContent = [401, 403].includes(error.status) ? said.locked : said.refused(error.message);
    return;
  }
  door ??= school.groups[0].active_group_id;
  const now = JSON.stringify([school, door]);
  if (now === looked) return;
  looked = now;
  show();
}

function button(label, pressed, onclick) {
  const button = document.createElement("button");
  button.textContent = label;
  button.setAttribute("aria-pressed", pressed);
  button.onclick = onclick;
  return button;
}

function show() {
  // Whoever uses a keyboard stays where they are.
  const place = [...document.querySelectorAll("main button, main input")].indexOf(document.activeElement);
  const group = school.groups.find(({ active_group_id }) => active_group_id === door);
  const path = `/api/active/groups/${door}`;
  byId("doors").setAttribute("aria-label", said.door);
  byId("doors").replaceChildren(...school.groups.map(({ active_group_id: id, room }) => button(room, id === door, () => {
    door = id;
    look();
  })));
  const there = new Set(group.visits.map(({ student_id }) => student_id));
  byId("children").replaceChildren(...school.students.map(({ student_id: id, student_name: name }) => {
    const isThere = there.has(id);
    const child = button(name, isThere, () =>
      isThere ? act(`${path}/visits/${id}`, "DELETE") : act(`${path}/visits`, "POST", { student_id: id }));
    const place = document.createElement("small");
    place.textContent = school.groups.find(({ visits }) => visits.some(({ student_id }) => student_id === id))?.room ?? "";
    child.append(place);
    child.disabled = !group.is_active;
    return child;
  }));
  byId("activity").textContent = `${group.activity_name}: ${group.is_active ? said.end : said.start}`;
  byId("activity").onclick = () => act(`${path}/session`, group.is_active ? "DELETE" : "POST");
  byId("clients").textContent = said.clients(school.total_clients);
  byId("staff").replaceChildren(row(["", ...school.groups.map(({ room }) => room)], "th"), ...school.staff.map(supervisor), watching());
  if (place >= 0) document.querySelectorAll("main button, main input")[place]?.focus();
}

/** How many streams each group has. */
function watching() {
  const line = row([said.watching, ...school.groups.map(({ subscribers }) => subscribers)]);
  line.className = "soft";
  school.groups.forEach(({ active_group_id, subscribers }, column) => {
    Object.assign(line.children[column + 1].dataset, { group: active_group_id, subscribers });
  });
  return line;
}

function supervisor({ user_id, name, supervises }) {
  return row([name, ...school.groups.map(({ active_group_id, room }) => {
    const box = document.createElement("input");
    Object.assign(box, { type: "checkbox", checked: supervises.includes(active_group_id) });
    box.setAttribute("aria-label", `${name}: ${room}`);
    box.onchange = () => act(`/api/staff/${user_id}/groups`, "POST", { active_group_id, supervises: box.checked });
    return box;
  })]);
}

function row(cells, kind = "td") {
  const row = document.createElement("tr");
  row.append(...cells.map((content) => {
    const cell = document.createElement(kind);
    cell.append(content);
    return cell;
  }));
  return row;
}

look();
setInterval(look, 500);
