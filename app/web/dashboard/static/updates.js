// The state of the house as it changes, for every page that wants to show it without a reload.

import { ask } from "./requests.js";

const PATIENCE_MS = 3000;
/** The server says something every 10 s. After a sleep, a connection may be dead without a word. */
const SILENT_MS = 25000;
const LAST_STATE = "This page shows the last known state.";

const followers = [];
let state = null;
let source = null;
let timer = 0;
let isFailing = false;
let connection = "";

/**
 * Call *callback* with the part *name* of the state, and the whole state, now and whenever that part
 * changes. The part "all" is the whole. The part "connection" is a sentence while no changes come,
 * else "".
 */
export function follow(name, callback) {
  followers.push({ name, callback, last: undefined });
  if (!source && !timer) {
    connect();
  }
  announce();
}

/** Call every follower again, as if its part had changed. */
export function repeat() {
  for (const follower of followers) {
    follower.last = undefined;
  }
  announce();
}

function announce() {
  for (const follower of followers) {
    const part = partOf(follower.name);
    const text = JSON.stringify(part);
    if (part !== undefined && text !== follower.last) {
      follower.last = text;
      follower.callback(part, state);
    }
  }
}

function partOf(name) {
  if (name === "connection") {
    return connection;
  }
  return name === "all" ? (state ?? undefined) : state?.[name];
}

function connect() {
  disconnect();
  source = new EventSource("/updates");
  source.addEventListener("alive", hear);
  source.onmessage = (message) => {
    hear();
    state = { ...state, ...JSON.parse(message.data) };
    connection = "";
    announce();
  };
  source.onerror = () => {
    if (!isFailing) {
      isFailing = true;
      plan(explain, source.readyState === EventSource.CLOSED ? 0 : PATIENCE_MS);
    }
  };
}

function disconnect() {
  plan(null);
  source?.close();
  source = null;
  isFailing = false;
}

function hear() {
  isFailing = false;
  plan(explain, SILENT_MS);
}

/** Call *what* after *wait_ms*, instead of what was planned; null is nothing. */
function plan(what, wait_ms = 0) {
  clearTimeout(timer);
  timer = what ? setTimeout(what, wait_ms) : 0;
}

/** Say why no changes come, and try again. */
async function explain() {
  disconnect();
  const words = await whyNot();
  if (source) {
    return; // the page was shown again meanwhile
  }
  connection = words;
  announce();
  if (!document.hidden) {
    plan(connect, PATIENCE_MS);
  }
}

async function whyNot() {
  const probe = new AbortController();
  try {
    await ask("/updates", { signal: probe.signal });
    return "";
  } catch (refusal) {
    return refusal.status ? refusal.message : `${refusal.message} ${LAST_STATE}`;
  } finally {
    probe.abort();
  }
}

function begin() {
  disconnect();
  if (!document.hidden && followers.length) {
    connect();
  }
}

document.addEventListener("visibilitychange", begin);
window.addEventListener("online", begin);
