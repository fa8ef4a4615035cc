// The Timeline says how many events have come since the page was made.

import { ask } from "./requests.js";
import { whileVisible } from "./visible.js";

const newer = document.getElementById("newer");
const link = newer.querySelector("a");
const EVERY_S = 5;

async function look() {
  const address = new URL(newer.dataset.ask, location.href);
  address.searchParams.set("than", newer.dataset.than);
  const answer = await ask(address).catch(() => null);
  if (!answer) return; // the page is as old as it looks, and asks again soon
  const { count, most } = await answer.json();
  if (count) {
    const number = count >= most ? `${most} or more` : count;
    link.textContent = `${number} new event${count === 1 ? "" : "s"}`;
    newer.classList.remove("d-none");
  }
}

// Only the newest page without a chosen day grows.
if (!new URLSearchParams(location.search).get("before")) {
  whileVisible(look, EVERY_S);
}
