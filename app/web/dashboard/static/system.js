// The state of the programs is fetched again while the page is visible.
import { ask } from "./requests.js";
import { whileVisible } from "./visible.js";

const EVERY_S = 5;
const state = document.getElementById("state");
const stale = document.getElementById("stale");

/** Put *html* in place of the state; what is unfolded, and the focus, stay. */
function show(html) {
  const open = [...state.querySelectorAll("details[open]")].map((one) => one.id);
  const focused = document.activeElement?.closest("details")?.id;
  state.innerHTML = html;
  for (const id of open) {
    document.getElementById(id)?.setAttribute("open", "");
  }
  if (focused) {
    document.getElementById(focused)?.querySelector("summary").focus({ preventScroll: true });
  }
}

async function look() {
  try {
    const answer = await ask(state.dataset.address);
    show(await answer.text());
    stale.hidden = true;
  } catch (error) {
    stale.textContent = `This is an old state. ${error.message}`;
    stale.hidden = false;
  }
}

whileVisible(look, EVERY_S);
