// Commands from a page: sent without a reload, and the reply shown for some seconds.

import { Line } from "./line.js";
import { post } from "./requests.js";

const SHOWN_MS = 8000;
/** The time after a command in which the state must have changed. */
const CHANGE_MS = 1500;
/** The time after a command in which a click at the same place is still part of a double click. */
const DOUBLE_MS = 600;

const line = new Line();

/**
 * Send *fields* to *address* after all earlier commands; shows the reply, and returns it with its
 * time, or null. *fields* may be a function that returns them when it is their turn.
 */
export async function send(address, fields) {
  try {
    const reply = await line.add(async () => {
      const answer = await post(address, typeof fields === "function" ? fields() : fields);
      return answer.json();
    });
    toast(reply.text);
    return reply;
  } catch (refusal) {
    toast(refusal.message, true);
    return null;
  }
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
  root.addEventListener("submit", (event) => {
    if (event.target.matches("form[data-command]")) {
      event.preventDefault();
      submit(event.target, event.submitter, showState);
    }
  });
  root.addEventListener("change", (event) => {
    if (event.target.matches("input[data-on]")) {
      turn(event.target, showState);
    }
  });
}

/** Send *form*, unless it may be a double click: Arm is where Disarm was a moment before. */
async function submit(form, submitter, showState) {
  const place = form.parentElement;
  if ("busy" in place.dataset) {
    return;
  }
  const fields = new FormData(form, submitter);
  fields.delete("csrf_token");
  place.dataset.busy = "";
  await send(form.action, fields);
  setTimeout(() => delete place.dataset.busy, DOUBLE_MS);
  setTimeout(showState, CHANGE_MS);
}

/** Send what *box*, a switch, says. Until the reply, older states do not move it. */
async function turn(box, showState) {
  box.dataset.sent = Number(box.dataset.sent ?? 0) + 1;
  await send(box.checked ? box.dataset.on : box.dataset.off, {});
  box.dataset.sent -= 1;
  setTimeout(showState, CHANGE_MS);
}
