// Tagging: one event after the other, without waiting for the server in between.

import { showLoaded, showPicture } from "./picture.js";
import { ready, sendOnChange } from "./ready.js";
import { ask } from "./requests.js";
import { onSwipe } from "./swipe.js";
import { Queue, Sender } from "./tag_queue.js";

const GONE = 410;
// The server looks for changes once a second.
const TABLE_MS = 1200;
const AGAIN_MS = 3000;
const WORDS = { occupied: "Occupied", unoccupied: "Unoccupied", skip: "Skipped" };
const NO_PICTURE = "This event has no picture here.";
/** A second click that comes sooner is that of a double click: nobody has seen the next event. */
const DOUBLE_MS = 300;
const KEYS = { o: "occupied", u: "unoccupied", s: "skip" };

const $ = (id) => document.getElementById(id);
const page = $("tagging");
const queue = new Queue(page.dataset.queue, window.location.search);
const sender = new Sender(page.dataset.tag, onSending);
const done = [];
let left = Number(page.dataset.left);
let tagged = 0;
let isTableOld = false;
let tableTimer = 0;
let fillTimer = 0;
const clickedAt = {};

/** Show the first event of the queue, and load the pictures of the next two. */
function show() {
  const [event, ...next] = queue.events;
  stopClip();
  $("details").hidden = !event;
  $("play").disabled = !event?.clip;
  for (const id of ["occupied", "unoccupied", "skip"]) {
    $(id).disabled = !event;
  }
  $("title").textContent = event?.title ?? "\u00a0";
  $("words").textContent = event?.words ?? "\u00a0";
  if (event) {
    $("details").href = event.page;
    $("picture").alt = `${event.title}: ${event.words}`;
    $("empty").textContent = event.picture ? "The picture is on its way …" : NO_PICTURE;
  } else if (!queue.isAll) {
    $("empty").textContent = "Looking for events that nobody has tagged …";
  } else {
    $("empty").textContent = nothingLeft();
  }
  showPictures([event, ...next.slice(0, 2)]);
  showProgress();
}

/** Show the picture of the first of *events*, and fetch those of the others. */
function showPictures([event, ...next]) {
  const isShown = event && $("picture").getAttribute("src") === event.picture && !$("picture").hidden;
  $("empty").hidden = isShown;
  if (!isShown) {
    showPicture($("picture"), event?.picture);
  }
  for (const one of next.filter((one) => one.picture)) {
    new Image().src = one.picture;
  }
}

function nothingLeft() {
  if (queue.trouble) {
    return "Redis does not answer, so events may be missing here. Load the page again later.";
  }
  const skipped = done.filter((one) => one.label === "skip").length;
  const again = skipped ? ` ${skipped} skipped: load the page again to see them.` : "";
  return (tagged ? "That was the last event." : "No event waits for a tag.") + again;
}

function showProgress() {
  $("left").textContent = `${left} left`;
  $("progress").max = Math.max(tagged + left, 1);
  $("progress").value = tagged;
  $("undo").disabled = !done.length;
}

function announce(text) {
  $("announced").textContent = text;
}

function fail(event, text) {
  const box = document.createElement("div");
  box.className = "alert alert-danger alert-dismissible py-2 mb-2";
  box.textContent = `${event.title} is not tagged: ${text}`;
  const close = document.createElement("button");
  close.type = "button";
  close.className = "btn-close p-2";
  close.ariaLabel = "Close";
  close.addEventListener("click", () => box.remove());
  box.append(close);
  $("failures").append(box);
  while ($("failures").childElementCount > 3) {
    $("failures").firstElementChild.remove();
  }
}

/** Take the first event off the queue, as *label* or as skipped. */
function decide(label) {
  const event = queue.events.shift();
  if (!event) {
    return;
  }
  const entry = { event, label };
  done.push(entry);
  left = Math.max(left - 1, 0);
  if (label !== "skip") {
    tagged += 1;
    send(entry);
  }
  announce(`${WORDS[label]}: ${event.title}. ${left} left.`);
  fill();
  show();
}

/** Decide by a click, unless it is the second one of a double click. */
function click(event, label) {
  if (!(event.timeStamp - clickedAt[label] < DOUBLE_MS)) {
    decide(label);
  }
  clickedAt[label] = event.timeStamp;
}

async function send(entry) {
  const answer = await sender.send(entry);
  if (answer.error) {
    takeBack(entry, answer);
    return;
  }
  isTableOld = true;
  if (answer.said) {
    $("saving").textContent = `${entry.event.title}: ${answer.said}`;
    announce(answer.said);
  }
}

/** Show an event again whose tag was not accepted, unless it can never be tagged. */
function takeBack(entry, answer) {
  const place = done.indexOf(entry);
  fail(entry.event, answer.error);
  if (place < 0) {
    return; // undone meanwhile
  }
  done.splice(place, 1);
  tagged -= 1;
  if (answer.status !== GONE) {
    left += 1;
    queue.events.unshift(entry.event);
  }
  show();
}

/** Show the last event again, with the label that it had before. */
async function undo() {
  const entry = done.pop();
  if (!entry) {
    return;
  }
  left += 1;
  queue.events.unshift(entry.event);
  announce(`Undone: ${entry.event.title}.`);
  if (entry.label === "skip") {
    show();
    return;
  }
  tagged -= 1;
  show();
  const answer = await sender.undo(entry);
  isTableOld = true;
  if (answer.error) {
    fail(entry.event, `undoing failed. ${answer.error}`);
  }
}

function onSending() {
  if (sender.unsent) {
    $("saving").textContent = `${sender.unsent} being saved …`;
    return;
  }
  if ($("saving").textContent.endsWith("…")) {
    $("saving").textContent = "\u00a0";
  }
  clearTimeout(tableTimer);
  tableTimer = setTimeout(showTable, TABLE_MS);
}

/** Fetch what the tags say, once all tags are saved. */
async function showTable() {
  if (!isTableOld) {
    return;
  }
  isTableOld = false;
  const answer = await ask(page.dataset.said).catch(() => null);
  if (answer) {
    $("said").innerHTML = await answer.text();
  }
}

async function fill() {
  try {
    await queue.fill();
  } catch (error) {
    $("empty").textContent = `No events came: ${error.message}`;
    clearTimeout(fillTimer);
    fillTimer = setTimeout(fill, AGAIN_MS);
    return;
  }
  if (!$("clip").hidden || $("picture").getAttribute("src") === queue.events[0]?.picture) {
    return;
  }
  show();
}

function stopClip() {
  const clip = $("clip");
  if (!clip.hidden) {
    clip.hidden = true;
    clip.pause();
    clip.removeAttribute("src");
    clip.load();
  }
}

function playOrPause() {
  const clip = $("clip");
  const event = queue.events[0];
  if (!event?.clip) {
    return;
  }
  if (clip.hidden) {
    clip.hidden = false;
    $("picture").hidden = true;
    $("empty").hidden = true;
    clip.src = event.clip;
  }
  if (clip.paused) {
    clip.play().catch(() => {});
  } else {
    clip.pause();
  }
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, select, textarea")) {
    return;
  }
  const key = event.key.toLowerCase();
  if (key in KEYS && !event.repeat) {
    decide(KEYS[key]);
  } else if (key === "z" || key === "backspace") {
    undo();
  } else if (key === " " && !event.target.matches("button, a, summary, video")) {
    playOrPause();
  } else {
    return;
  }
  event.preventDefault();
});
for (const id of ["occupied", "unoccupied", "skip"]) {
  $(id).addEventListener("click", (event) => click(event, id));
}
$("undo").addEventListener("click", undo);
$("play").addEventListener("click", playOrPause);
sendOnChange($("filters"), [$("camera"), $("what")]);
onSwipe($("stage"), () => $("picture"), (direction) => {
  decide(direction === "left" ? "unoccupied" : "occupied");
});
window.addEventListener("beforeunload", (event) => {
  if (sender.unsent) {
    event.preventDefault();
  }
});
showLoaded($("picture"), () => ($("empty").textContent = NO_PICTURE));
$("picture").addEventListener("load", () => ($("empty").hidden = true));
ready();
fill();
