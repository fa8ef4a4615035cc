// The live pictures of a detector, while the page is visible.

import { followParts } from "./live.js";
import { ask } from "./requests.js";
import { drawTiles, showFindings, split } from "./verdict.js";

const SILENT_MS = 3000;
const ASK_MS = 5000;
/** Where the time of day is in a time such as 2026-11-30T19:37:05.100+01:00, in the house's zone. */
const [CLOCK_BEGIN, CLOCK_END] = [11, 19];
const find = (id) => document.getElementById(id);
const page = find("live");
let stop = null;
let newest = 0;
let askedAt = 0;
let trouble = "";

async function show(message) {
  if (find("hold").checked) return;
  const [header, jpeg] = split(message);
  await drawTiles(find("tiles"), jpeg, header.tiles);
  for (const id of ["headline", "reason", "event", "decision"]) showText(id, header[id]);
  showText("at", header.at.slice(CLOCK_BEGIN, CLOCK_END));
  showFindings(find("findings"), header.columns, header.findings);
  newest = performance.now();
  for (const id of ["holding", "tiles", "verdict"]) find(id).hidden = false;
  showSilence(false);
}

/** Say why no pictures come, if that is so. */
async function checkSilence() {
  const now = performance.now();
  if (stop === null || find("hold").checked || now - newest < SILENT_MS) return;
  showSilence(true);
  if (now - askedAt < ASK_MS) return;
  askedAt = now;
  showText("silent", trouble || await whySilent());
}

/** Show whether the pictures are old: pale, below the reason. The text keeps its contrast. */
function showSilence(isSilent) {
  find("silent").hidden = !isSilent;
  find("tiles").classList.toggle("stale", isSilent);
}

async function whySilent() {
  try {
    return (await (await ask(page.dataset.silence)).json()).why;
  } catch (error) {
    return error.message;
  }
}

function showText(id, text) {
  if (find(id).textContent !== text) find(id).textContent = text;
}

/** Follow the detector while somebody can see this page. */
function follow() {
  if (document.hidden && stop) {
    stop();
    stop = null;
  } else if (!document.hidden && !stop) {
    newest = performance.now();
    stop = followParts(page.dataset.address, (_camera, message) => show(message), (text) => {
      trouble = text;
      askedAt = text ? 0 : askedAt;
    });
  }
}

document.addEventListener("visibilitychange", follow);
setInterval(checkSilence, 1000);
follow();
