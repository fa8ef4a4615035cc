// The live pictures of a detector, while the page is visible.

import { followParts } from "./live.js";
import { drawTiles, showFindings, split } from "./verdict.js";

const SILENT_MS = 3000;
const ASK_MS = 5000;
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
  showText("at", new Date(header.at).toLocaleTimeString("en-GB"));
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
    const answer = await fetch(page.dataset.silence, { headers: { Accept: "application/json" } });
    return answer.ok ? (await answer.json()).why : "Please load the page again.";
  } catch {
    return "The dashboard does not answer.";
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
