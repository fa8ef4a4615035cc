// A picture or a clip that somebody asks for: shown on the camera's card when it is there.

import { send } from "./commands.js";

const LOOK_MS = 500;
/** The longest wait, whatever the server says. */
const LONGEST_MS = 120000;
const NAMES = { last_image: "picture", clip: "clip" };

/** Run *command* for *camera*, and show what comes of it in *result*. */
export async function ask(camera, command, button, result) {
  button.disabled = true;
  try {
    const reply = await send(`/command/${command}`, { text: camera });
    if (reply) {
      show(result, await wait(camera, NAMES[command], reply));
    }
  } finally {
    button.disabled = false;
  }
}

async function wait(camera, what, reply) {
  const address = `/asked/${camera}/${what}?at=${encodeURIComponent(reply.at)}`;
  const end = Date.now() + LONGEST_MS;
  while (Date.now() < end) {
    try {
      const answer = await fetch(address, { headers: { Accept: "application/json" } });
      const found = await answer.json();
      if (answer.status === 401) {
        return { why: found.error };
      }
      if (found.done) {
        return found;
      }
    } catch {
      // The dashboard may be back before the time is over.
    }
    await new Promise((done) => setTimeout(done, LOOK_MS));
  }
  return { why: `There was no ${what} for ${LONGEST_MS / 1000} s.` };
}

function show(result, found) {
  const text = document.createElement("p");
  text.className = "mb-1";
  text.textContent = found.text ?? found.why;
  result.replaceChildren(text);
  if (found.picture) {
    const image = document.createElement("img");
    image.src = found.picture;
    image.alt = found.text;
    result.append(image);
  }
  if (found.clip) {
    const link = document.createElement("a");
    link.href = found.clip;
    link.textContent = "Play the clip";
    link.className = "btn btn-primary";
    result.append(link);
  }
  result.hidden = false;
}
