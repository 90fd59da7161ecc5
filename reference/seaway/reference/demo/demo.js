"use strict";

const CHOICES = ["sync", "async", "both"];
const SHOWN = 500;                       // messages kept on the page
const FIRST_DELAY = 400, LONGEST_DELAY = 15_000; // ms between attempts
const OPEN_TIMEOUT = 8_000, POLL_TIMEOUT = 40_000, UPGRADE_AFTER = 20_000; // ms
const STABLE_AFTER = 5_000;              // ms after which a connection counts as good, and the delay starts afresh

const $ = (id) => document.getElementById(id);
const room = (/^\/room\/([a-z0-9-]+)\/$/.exec(location.pathname) ?? [null, "lobby"])[1];
const path = `/room/${room}/`;

// -- what is kept: for this tab, and as the default of the next one -----------------------------------------------

const kept = {
  get(key, make) {
    try {
      const value = sessionStorage.getItem(key) ?? localStorage.getItem(key) ?? make();
      sessionStorage.setItem(key, value);
      return value;
    } catch { return make(); }
  },
  set(key, value) {
    try { sessionStorage.setItem(key, value); localStorage.setItem(key, value); } catch { /* private mode */ }
  },
};
const random = () => Math.random().toString(36).slice(2, 10);
const voter = kept.get("seaway.voter", () => random() + random());
let voted = kept.get(`seaway.vote.${room}`, () => ""); // with the epoch: another server process knows no votes of ours

// -- the log: text from people is only ever set as text ------------------------------------------------------------

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

let unread = false;
const atEnd = () => $("log").scrollHeight - $("log").scrollTop - $("log").clientHeight < 60;

function append(item) {
  const log = $("log"), follow = atEnd() || item.classList.contains("mine");
  log.append(item);
  while (log.children.length > SHOWN) log.firstElementChild.remove();
  $("empty").hidden = log.querySelector(".message") !== null;
  if (follow) log.scrollTop = log.scrollHeight;
  unread = !follow;
  $("down").hidden = !unread;
}

function note(text, kind = "") {
  const last = $("log").lastElementChild;
  if (last?.classList.contains("note") && last.textContent === text) return;
  append(element("li", `note ${kind}`, text));
}

const hue = (name) => [...name].reduce((sum, letter) => (sum * 31 + letter.codePointAt(0)) % 360, 7);

function bubble(name, text, when) {
  const mine = name === $("name").value.trim(), last = $("log").lastElementChild;
  const more = last?.dataset.name === name && !last.classList.contains("pending") && when - last.dataset.when < 120;
  const item = element("li", `message${mine ? " mine" : ""}${more ? " more" : ""}`);
  item.dataset.name = name;
  item.dataset.when = when;
  const avatar = element("span", "avatar", [...name][0]), who = element("span", "who");
  avatar.ariaHidden = "true";
  item.style.setProperty("--hue", hue(name));
  const clock = new Date(when * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  who.append(element("b", "", name), element("time", "", clock));
  item.append(avatar, who, element("span", "bubble", text));
  return item;
}

// -- events: each has a number; the cursor is the last one before which none is missing -------------------------------

let cursor = null;                       // {epoch, last}, what a reconnect asks from
const seen = new Set();                  // numbers beyond the cursor

function isNew(number) {
  if (number <= cursor.last || seen.has(number)) return false;
  seen.add(number);
  while (seen.delete(cursor.last + 1)) cursor.last += 1;
  return true;
}

const handlers = {
  state(event) {
    if (event.missed) note("You were away. What was said meanwhile is not known: messages may be missing here.");
    else if (returning) note("Connected again, nothing was missed.", "good");
    returning = false;
    if (cursor === null || cursor.epoch !== event.epoch) {
      cursor = { epoch: event.epoch, last: 0 };
      seen.clear();
    }
    for (const message of event.messages) show(message);
    if (event.last > cursor.last) {
      cursor.last = event.last;
      for (const number of seen) if (number <= cursor.last) seen.delete(number);
    }
    votes(event.votes);
  },
  message(event) { if (cursor !== null) show(event); },
  vote(event) { if (cursor !== null && isNew(event.number)) votes(event.votes); },
  gap(event) {
    const count = event.dropped;
    if (count === null) note("Messages may be missing here.");
    else note(`${count} ${count === 1 ? "message was" : "messages were"} dropped here.`);
  },
};

function show(event) {
  if (!isNew(event.number)) return;
  const own = pending.find((waiting) => waiting.text === event.text && waiting.name === event.name);
  if (own) forget(own);
  append(bubble(event.name, event.text, event.time));
}

function votes(counts) {
  const total = CHOICES.reduce((sum, choice) => sum + counts[choice], 0);
  $("total").textContent = total === 1 ? "1 vote" : `${total} votes`;
  for (const button of $("choices").children) {
    const count = counts[button.value];
    button.style.setProperty("--share", total ? count / total : 0);
    button.lastElementChild.textContent = count;
    button.ariaPressed = String(voted === `${cursor.epoch}.${button.value}`);
  }
}

// -- sending: what has not come back is shown as unconfirmed, never silently lost or sent twice ------------------------

let pending = [];

function say(text) {
  const name = $("name").value.trim() || "Guest";
  const waiting = { name, text, item: bubble(name, text, Date.now() / 1000) };
  waiting.item.classList.add("pending", "mine");
  pending.push(waiting);
  append(waiting.item);
  transmit({ kind: "say", name, text }).catch(() => lose(waiting));
}

function forget(waiting) {
  pending = pending.filter((other) => other !== waiting);
  waiting.item.remove();
}

function lose(waiting) {
  if (!pending.includes(waiting) || waiting.item.classList.contains("lost")) return;
  waiting.item.classList.add("lost");
  const again = element("button", "", "Send again");
  again.addEventListener("click", () => { forget(waiting); say(waiting.text); });
  waiting.item.querySelector(".who").replaceChildren("It may not have arrived. ", again);
}

// -- the connection -------------------------------------------------------------------------------------------------

let transport = kept.get("seaway.transport", () => "auto");
let current = null;                      // {send, end}: the open connection
let failures = 0, timer = null, stable = null, attempt = 0, returning = false;

function status(state, text) {
  $("status").dataset.state = state;
  $("status").lastElementChild.textContent = text;
  $("status").title = state === "waiting" ? "Try now" : "";
  const open = state === "open";
  $("send").disabled = !open;
  for (const button of $("choices").children) button.disabled = !open;
}

const query = () => (cursor === null ? "" : `?after=${cursor.epoch}.${cursor.last}`);
const transmit = (request) => (current === null ? Promise.reject(new Error("offline")) : current.send(request));

async function connect() {
  clearInterval(timer);
  const mine = ++attempt;                // a later attempt makes this one stand back
  if (!navigator.onLine && location.hostname !== "localhost" && location.hostname !== "127.0.0.1") {
    return status("offline", "Offline");
  }
  status("connecting", failures ? "Reconnecting" : "Connecting");
  const ways = { auto: [webSocket, longPoll], websocket: [webSocket], poll: [longPoll] }[transport];
  for (const way of ways) {
    const opened = await way(() => mine === attempt);
    if (mine !== attempt) return;
    if (opened) return;
  }
  failures += 1;
  wait();
}

function wait() {
  // Half of the delay is chance, so that a thousand pages do not come back at one moment.
  const delay = Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** Math.min(failures, 10)) * (0.5 + Math.random() / 2);
  const until = Date.now() + delay;
  const tick = () => {
    const left = Math.ceil((until - Date.now()) / 1000);
    if (left <= 0) connect();
    else status("waiting", `Reconnecting in ${left} s`);
  };
  clearInterval(timer);
  timer = setInterval(tick, 200);
  tick();
}

function opened(connection, name) {
  current = connection;
  status("open", name);
  clearTimeout(stable);
  stable = setTimeout(() => { failures = 0; }, STABLE_AFTER);
}

function dropped(connection) {
  if (current !== connection) return;
  current = null;
  clearTimeout(stable);
  returning = true;
  pending.slice().forEach(lose);
  failures += 1;
  wait();
}

function reconnectNow() {
  if (current === null) { failures = 0; connect(); }
}

/** Resolves to whether a WebSocket was opened. */
function webSocket(isWanted) {
  return new Promise((resolve) => {
    const socket = new WebSocket(`${location.origin.replace(/^http/, "ws")}${path}${query()}`);
    const connection = {
      send: async (request) => socket.send(JSON.stringify(request)),
      end: () => socket.close(),
    };
    socket.onmessage = ({ data }) => {
      const event = JSON.parse(data);
      if (current !== connection) {      // the first message is the state: now it is known to work
        if (!isWanted()) return socket.close();
        opened(connection, "WebSocket");
        resolve(true);
      }
      handlers[event.kind]?.(event);
    };
    const late = setTimeout(() => { if (current !== connection) socket.close(); }, OPEN_TIMEOUT);
    socket.onclose = () => { clearTimeout(late); resolve(false); dropped(connection); };
  });
}

/** Resolves to whether the first poll was answered; goes on polling then. */
async function longPoll(isWanted) {
  const abort = new AbortController();
  const connection = { send: post, end: () => abort.abort() };
  const poll = async (after) => {
    const signal = AbortSignal.any([abort.signal, AbortSignal.timeout(POLL_TIMEOUT)]);
    const response = await fetch(`${path}events${after}`, { signal, cache: "no-store" });
    if (!response.ok) throw new Error(response.status);
    return response.json();
  };
  try {
    const state = await poll(cursor === null ? "" : `${query()}&now`);
    if (!isWanted()) return false;
    opened(connection, "Long polling");
    handlers.state(state);
  } catch {
    return false;
  }
  const goOn = async () => {
    try {
      while (current === connection) handlers.state(await poll(query()));
    } catch {
      dropped(connection);
    }
  };
  goOn();
  if (transport === "auto") setTimeout(() => upgrade(connection), UPGRADE_AFTER);
  return true;
}

async function post(request) {
  const response = await fetch(`${path}events`, {
    method: "POST", body: JSON.stringify(request), headers: { "content-type": "application/json" },
  });
  if (!response.ok) throw new Error(response.status);
}

/** Tries from time to time whether a WebSocket gets through by now. */
async function upgrade(polling) {
  if (current !== polling || transport !== "auto") return;
  const mine = ++attempt;
  if (await webSocket(() => mine === attempt && current === polling)) polling.end();
  else if (current === polling) setTimeout(() => upgrade(polling), UPGRADE_AFTER);
}

// -- the page -------------------------------------------------------------------------------------------------------

for (const choice of CHOICES) {
  const button = element("button");
  button.value = choice;
  button.append(element("span", "", choice), element("span", "", "0"));
  button.addEventListener("click", () => {
    voted = `${cursor.epoch}.${choice}`;
    kept.set(`seaway.vote.${room}`, voted);
    transmit({ kind: "vote", voter, choice }).catch(() => {});
  });
  $("choices").append(button);
}

$("name").value = kept.get("seaway.name", () => `Guest ${Math.floor(Math.random() * 900) + 100}`);
$("name").addEventListener("change", () => {
  $("name").value = $("name").value.trim() || "Guest";
  kept.set("seaway.name", $("name").value);
});
$("say").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = $("text").value.trim();
  if (!text || current === null) return;
  $("text").value = "";
  say(text);
});
$("room").value = room;
$("go").addEventListener("submit", (event) => {
  event.preventDefault();
  const name = $("room").value.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "") || "lobby";
  location.assign(`/room/${name}/`);
});
$("another").href = path;
$("status").addEventListener("click", reconnectNow);
$("down").addEventListener("click", () => { $("log").scrollTop = $("log").scrollHeight; });
$("log").addEventListener("scroll", () => { if (atEnd()) $("down").hidden = true; });
for (const option of document.getElementsByName("transport")) {
  option.checked = option.value === transport;
  option.addEventListener("change", () => {
    transport = option.value;
    kept.set("seaway.transport", transport);
    const before = current;
    current = null;
    before?.end();
    failures = 0;
    connect();
  });
}
addEventListener("online", reconnectNow);
document.addEventListener("visibilitychange", () => { if (!document.hidden) reconnectNow(); });
if (matchMedia("(max-width: 52rem)").matches) $("poll").open = $("connection").open = false;
document.title = `#${room} · Seaway demo`;
connect();
