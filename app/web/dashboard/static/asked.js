// A picture or a clip that somebody asks for: shown on the camera's card when it is there.

import { send } from "./commands.js";
import { ask as request } from "./requests.js";

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
  const end = performance.now() + LONGEST_MS;
  while (performance.now() < end) {
    try {
      const found = await (await request(address)).json();
      if (found.done) {
        return found;
      }
    } catch (refusal) {
      if (refusal.status === 401) {
        return { why: refusal.message };
      }
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
