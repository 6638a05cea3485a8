"use strict";
// The chat's page. What others say is only ever text here, never markup.

const $ = (id) => document.getElementById(id);
const KEPT = 500; // lines of a room that the page holds
const rooms = new Map(); // folded name -> {name, topic, members: Map, lines: [], seen: Set}
const PRIVATE = "\u0000private";
const NAME = "netdemo-chat"; // under which the browser remembers who is in the chat in one of its tabs
let me = "";
let current = ""; // the room that was chosen; until it is there again the first one is shown
let events = null;

const folded = (name) => name.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
const when = (id) => new Date(Number(id.split("-")[0])).toLocaleTimeString();

async function asked(path, body) {
  const options = body === undefined ? {} : {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-Netdemo": "chat" },
    body: JSON.stringify(body),
  };
  const answer = await fetch(path, options);
  const made = await answer.json();
  if (!answer.ok) throw Object.assign(new Error(made.text), { code: made.error });
  return made;
}

function tell(text) { $("status").textContent = text; }

async function tried(work) {
  try {
    tell("");
    return await work();
  } catch (error) {
    tell(error.code ? error.message : "the server does not answer");
    return null;
  }
}

function room(name) {
  const key = folded(name);
  if (!rooms.has(key)) {
    const made = { name, topic: "", members: new Map(), lines: [], seen: new Set() };
    made.item = document.createElement("li");
    const button = document.createElement("button");
    button.onclick = () => { current = folded(made.name); show(); };
    made.item.append(button);
    rooms.set(key, made);
  }
  return rooms.get(key);
}

// Showing.

const WORDS = {
  acted: (e) => `* ${e.sender} ${e.text}`,
  joined: (e) => `${e.sender} joined`,
  parted: (e) => `${e.sender} left the room ${e.text}`,
  left: (e) => `${e.sender} left: ${e.text}`,
  renamed: (e) => `${e.sender} is now ${e.text}`,
  topic: (e) => `${e.sender} set the topic: ${e.text}`,
  kicked: (e) => `${e.sender} threw ${e.other} out: ${e.text}`,
  moded: (e) => `${e.sender} changed: ${e.text}`,
  invited: (e) => `${e.sender} invited ${e.other} to ${e.where}`,
  away: (e) => (e.text ? `${e.sender} is away: ${e.text}` : `${e.sender} is back`),
  account: (e) => `${e.sender} is logged in as ${e.text}`,
  redacted: (e) => `${e.sender} took a message back`,
  room_renamed: (e) => `${e.sender} renamed the room to ${e.text}`,
};

// What is there already stays in its place: a click that has begun, a selection and a scrolled list
// live on when something new is heard.
function fill(list, items) {
  const wanted = new Set(items);
  for (const each of [...list.children]) if (!wanted.has(each)) each.remove();
  items.forEach((item, at) => {
    if (list.children[at] !== item) list.insertBefore(item, list.children[at] ?? null);
  });
}

const drawn = new WeakMap(); // event -> its line

function line(event) {
  if (!drawn.has(event)) drawn.set(event, draw(event));
  return drawn.get(event);
}

function draw(event) {
  const item = document.createElement("li");
  const time = document.createElement("time");
  time.textContent = when(event.id);
  item.append(time);
  if (["said", "told", "noticed"].includes(event.kind)) {
    const name = document.createElement("b");
    name.textContent = event.private ? `${event.sender} to ${event.where}:` : `${event.sender}:`;
    item.append(name, event.text || "(taken back)");
  } else {
    item.append(WORDS[event.kind]?.(event) ?? event.kind);
    item.className = event.kind === "acted" ? "" : "quiet";
  }
  if (event.private) item.className = "private";
  return item;
}

function before(one, other) {
  const [a, b] = one.split("-").map(Number);
  const [c, d] = other.split("-").map(Number);
  return a < c || (a === c && b < d);
}

function put(target, event) {
  if (target.seen.has(event.id)) return;
  target.seen.add(event.id);
  let at = target.lines.length;
  while (at > 0 && before(event.id, target.lines[at - 1].id)) at -= 1;
  target.lines.splice(at, 0, event);
  while (target.lines.length > KEPT) target.seen.delete(target.lines.shift().id);
}

function shown() { return rooms.has(current) ? current : rooms.keys().next().value ?? ""; }

function show() {
  const at = shown();
  const here = rooms.get(at);
  fill($("rooms"), [...rooms].map(([key, each]) => {
    const button = each.item.firstChild;
    button.textContent = key === PRIVATE ? "private" : each.name;
    button.setAttribute("aria-current", String(key === at));
    return each.item;
  }));
  $("room").textContent = here ? (at === PRIVATE ? "private" : here.name) : "";
  $("topic").textContent = here?.topic ?? "";
  $("members").replaceChildren(...[...(here?.members.values() ?? [])].map((each) => {
    const item = document.createElement("li");
    item.textContent = (each.role === "operator" ? "@" : "") + each.name;
    return item;
  }));
  const log = $("log");
  const atEnd = log.scrollTop + log.clientHeight >= log.scrollHeight - 40;
  fill(log, (here?.lines ?? []).map(line));
  if (atEnd) log.scrollTop = log.scrollHeight;
}

// Hearing.

function heard(event) {
  const key = folded(event.sender);
  if (event.kind === "renamed") {
    if (key === folded(me)) me = event.text;
    for (const each of rooms.values()) {
      const known = each.members.get(key);
      if (!known) continue;
      each.members.delete(key);
      each.members.set(folded(event.text), { ...known, name: event.text });
      put(each, event);
    }
  } else if (["left", "away", "account", "realname"].includes(event.kind)) {
    for (const each of rooms.values()) {
      if (!each.members.has(key)) continue;
      if (event.kind === "left") each.members.delete(key);
      if (event.kind !== "realname") put(each, event);
    }
  } else if (event.private || !event.where || event.kind === "invited") {
    put(room(PRIVATE), event);
  } else {
    inRoom(event, key);
  }
  show();
}

function inRoom(event, key) {
  const gone = event.kind === "kicked" ? folded(event.other) : event.kind === "parted" ? key : "";
  if (gone && gone === folded(me)) {
    rooms.delete(folded(event.where));
    if (current === folded(event.where)) current = "";
    if (event.kind === "kicked") tell(`${event.sender} threw you out of ${event.where}`);
    return;
  }
  if (event.kind === "room_renamed") moved(event);
  const here = room(event.kind === "room_renamed" ? event.text : event.where);
  if (event.kind === "joined") here.members.set(key, { name: event.sender, role: "-" });
  if (gone) here.members.delete(gone);
  if (event.kind === "topic") here.topic = event.text;
  if (event.kind === "redacted") {
    for (const each of here.lines) {
      if (each.id === event.other) {
        each.text = "";
        drawn.delete(each);
      }
    }
  }
  const entered = event.kind === "joined" && key === folded(me); // perhaps by another tab
  if (entered || event.kind === "moded") void tried(refresh);
  put(here, event);
}

function moved(event) {
  const [old, key] = [folded(event.where), folded(event.text)];
  const here = room(event.where);
  rooms.delete(old);
  rooms.set(key, here);
  here.name = event.text;
  if (current === old) current = key;
}

function listen() {
  events?.close();
  events = new EventSource("events");
  events.onmessage = (message) => heard(JSON.parse(message.data));
  events.addEventListener("missed", () => void tried(refresh));
  events.onopen = () => void tried(refresh); // what was said before it was open
  events.onerror = () => {
    tell("connection lost; trying again");
    if (events.readyState === EventSource.CLOSED) setTimeout(() => void start(), 2000);
  };
}

// One at a time: an answer that is older than what has happened since must not come last.
let refreshed = Promise.resolve();

function refresh() {
  refreshed = refreshed.catch(() => {}).then(refreshNow);
  return refreshed;
}

async function refreshNow() {
  const state = await asked("state");
  me = state.name;
  localStorage.setItem(NAME, me);
  $("kept").textContent = state.kept ? `what is said here is kept: ${state.kept}` : "";
  for (const each of state.rooms) {
    const here = room(each.room);
    here.topic = each.topic;
    here.members = new Map(each.members.map((one) => [folded(one.name), one]));
    if (!state.kept) continue;
    const old = await asked(`history?n=50&room=${encodeURIComponent(each.room)}`);
    for (const event of old.events ?? []) put(here, event);
  }
  const inside = new Set([PRIVATE, ...state.rooms.map((each) => folded(each.room))]);
  for (const key of [...rooms.keys()]) if (!inside.has(key)) rooms.delete(key);
  show();
}

async function start() {
  const name = localStorage.getItem(NAME);
  if (name === null) { // the server need not be asked: it would refuse
    stranger("");
    return;
  }
  try {
    await refresh().catch((error) => (error.code === 401 && me ? again() : Promise.reject(error)));
    $("enter").hidden = true;
    $("chat").hidden = false;
    listen();
  } catch (error) {
    if (error.code) {
      if (me) tell(error.message); // another has the name by now, or it wants its password
      stranger(name);
    } else {
      tell("the server does not answer");
      setTimeout(() => void start(), 5000);
    }
  }
}

// Enter once more: the server was started anew, or has waited for this page for too long.
async function again() {
  try {
    await asked("enter", { name: me });
  } catch (error) {
    await asked("state").catch(() => Promise.reject(error)); // unless another tab was faster
  }
  for (const [key, each] of [...rooms]) {
    if (key !== PRIVATE) await asked("join", { room: each.name }).catch((error) => tell(error.message));
  }
  await refresh();
}

function stranger(name) {
  localStorage.removeItem(NAME);
  me = current = "";
  rooms.clear();
  $("chat").hidden = true;
  $("enter").hidden = false;
  $("enter").elements.name.value = name;
  $("enter").elements.name.focus();
}

// Asking.

$("enter").onsubmit = (event) => {
  event.preventDefault();
  const form = new FormData($("enter"));
  const body = { name: form.get("name") };
  if (form.get("password")) body.password = form.get("password");
  void tried(async () => {
    const made = await asked("enter", body);
    localStorage.setItem(NAME, made.name);
    $("enter").reset();
    await start();
  });
};

$("join").onsubmit = (event) => {
  event.preventDefault();
  const name = new FormData($("join")).get("room");
  void tried(async () => {
    await asked("join", { room: name });
    $("join").reset();
    await refresh();
    current = folded(name);
    show();
  });
};

$("say").onsubmit = (event) => {
  event.preventDefault();
  const field = $("say").elements.text;
  const text = field.value;
  const told = /^\/msg (\S+) (.+)$/.exec(text);
  const acted = /^\/me (.+)$/.exec(text);
  const here = rooms.get(current || shown())?.name;
  if (!here && !told) { // not into the room that happens to be shown meanwhile
    tell(`not in ${current} now`);
    return;
  }
  field.value = ""; // at once: the next line is typed while this one is on its way
  void tried(async () => {
    try {
      if (told) await asked("tell", { name: told[1], text: told[2] });
      else if (acted) await asked("act", { room: here, text: acted[1] });
      else if (text) await asked("say", { room: here, text });
    } catch (error) {
      field.value ||= text;
      throw error;
    }
  });
};

$("leave").onclick = () => void tried(async () => {
  events?.close();
  await asked("leave", {});
  stranger("");
});

void start();
