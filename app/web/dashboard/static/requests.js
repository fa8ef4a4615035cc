// Requests to this server, and why one failed, in words for the person at the page.

/** An answer that was no success, or none at all: then its *status* is 0. */
export class Refusal extends Error {
  constructor(words, status) {
    super(words);
    this.status = status;
  }
}

/** The answer to the request for *address*; throws a `Refusal` with the reason. */
export async function ask(address, options = {}) {
  const { Accept = "application/json", ...headers } = options.headers ?? {};
  let answer;
  try {
    answer = await fetch(address, { ...options, headers: { Accept, ...headers } });
  } catch (error) {
    if (options.signal?.aborted) {
      throw error;
    }
    throw new Refusal("The dashboard does not answer.", 0);
  }
  sayEnded(answer.status === 401);
  if (!answer.ok) {
    throw await refusalOf(answer);
  }
  return answer;
}

/**
 * The answer to *fields*, sent to *address* by POST; throws a `Refusal`. It is sent also if the page
 * is left meanwhile, unless it *endsWithPage*. A token that is too old, because somebody has logged in
 * again or the dashboard has started again, is renewed once.
 */
export async function post(address, fields = {}, endsWithPage = false) {
  try {
    return await postOnce(address, fields, endsWithPage);
  } catch (refusal) {
    if (!refusal.token) {
      throw refusal;
    }
    token().content = refusal.token;
    return postOnce(address, fields, endsWithPage);
  }
}

function postOnce(address, fields, endsWithPage) {
  return ask(address, {
    method: "POST",
    keepalive: !endsWithPage,
    headers: { "X-CSRFToken": token().content },
    body: new URLSearchParams(fields),
  });
}

function token() {
  return document.querySelector("meta[name=csrf-token]");
}

async function refusalOf(answer) {
  let said = {};
  try {
    said = await answer.json();
  } catch {
    // It comes from a proxy, or broke off.
  }
  const words = said.error ?? `The dashboard refuses this (${answer.status}). Load the page again.`;
  return Object.assign(new Refusal(words, answer.status), { token: said.token });
}

/** Show on the page whether the session has ended, with a way to log in again. */
function sayEnded(hasEnded) {
  document.getElementById("ended")?.toggleAttribute("hidden", !hasEnded);
}
