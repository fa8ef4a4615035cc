// The state of the house as it changes, for every page that wants to show it without a reload.

const PATIENCE_MS = 3000;
const AWAY = "The dashboard does not answer. This page shows the last known state.";

const followers = [];
let state = null;
let source = null;
let retry = 0;
let connection = "";

/**
 * Call *callback* with the part *name* of the state, and the whole state, now and whenever that part
 * changes. The part "all" is the whole. The part "connection" is a sentence while no changes come,
 * else "".
 */
export function follow(name, callback) {
  followers.push({ name, callback, last: undefined });
  if (!source && !retry) {
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
  retry = 0;
  source = new EventSource("/updates");
  source.onmessage = (message) => {
    clearTimeout(retry);
    retry = 0;
    state = { ...state, ...JSON.parse(message.data) };
    connection = "";
    announce();
  };
  source.onerror = () => {
    if (!retry) {
      retry = setTimeout(explain, source.readyState === EventSource.CLOSED ? 0 : PATIENCE_MS);
    }
  };
}

/** Say why no changes come, and try again. */
async function explain() {
  source?.close();
  source = null;
  connection = await whyNot();
  announce();
  if (!document.hidden) {
    retry = setTimeout(connect, PATIENCE_MS);
  }
}

async function whyNot() {
  const probe = new AbortController();
  try {
    const answer = await fetch("/updates", {
      headers: { Accept: "application/json" },
      signal: probe.signal,
    });
    return answer.ok ? "" : (await answer.json()).error;
  } catch {
    return AWAY;
  } finally {
    probe.abort();
  }
}

document.addEventListener("visibilitychange", () => {
  clearTimeout(retry);
  retry = 0;
  source?.close();
  source = null;
  if (!document.hidden && followers.length) {
    connect();
  }
});
