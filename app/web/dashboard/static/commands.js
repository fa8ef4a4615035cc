// Commands from a page: sent without a reload, and the reply shown for some seconds.

import { post } from "./requests.js";

const SHOWN_MS = 8000;
/** The time after a command in which the state must have changed. */
const CHANGE_MS = 1500;

/** Send *fields* to *address*; shows the reply, and returns it with its time, or null. */
export async function send(address, fields) {
  let reply;
  try {
    reply = await (await post(address, fields)).json();
  } catch {
    reply = { error: "The dashboard does not answer." };
  }
  toast(reply.text ?? reply.error, Boolean(reply.error));
  return reply.error ? null : reply;
}

/** Show *text* at the edge of the page for some seconds, in place of the one before. */
export function toast(text, isTrouble = false) {
  const box = document.createElement("div");
  box.className = `toast show ${isTrouble ? "text-bg-danger" : "bg-body"}`;
  const body = document.createElement("div");
  body.className = "toast-body";
  body.textContent = text;
  box.append(body);
  document.getElementById("toasts").replaceChildren(box);
  box.addEventListener("click", () => box.remove());
  setTimeout(() => box.remove(), SHOWN_MS);
}

/**
 * Send the forms and switches of *root* as commands. Soon after each, *showState* is called, since a
 * command that was refused leaves a switch where the person has put it.
 */
export function listen(root, showState) {
  root.addEventListener("submit", async (event) => {
    if (!event.target.matches("form[data-command]")) {
      return;
    }
    event.preventDefault();
    const fields = new FormData(event.target, event.submitter);
    fields.delete("csrf_token");
    await send(event.target.action, fields);
    setTimeout(showState, CHANGE_MS);
  });
  root.addEventListener("change", async (event) => {
    if (!event.target.matches("input[data-on]")) {
      return;
    }
    await send(event.target.checked ? event.target.dataset.on : event.target.dataset.off, {});
    setTimeout(showState, CHANGE_MS);
  });
}
