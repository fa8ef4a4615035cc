// New lines of the logs are added at the end while the page is visible.
import { ready, sendOnChange } from "./ready.js";
import { ask } from "./requests.js";
import { whileVisible } from "./visible.js";

const EVERY_S = 2;
const MOST_LINES = 3000;

const log = document.getElementById("log");
const note = document.getElementById("log-note");
const follow = document.getElementById("follow");

function element(line) {
  const row = document.createElement("div");
  row.className = "log-line";
  row.dataset.level = line.level;
  if (log.dataset.several) {
    const program = document.createElement("span");
    program.className = "log-program";
    program.textContent = line.program;
    row.append(program, " ");
  }
  row.append(line.text);
  return row;
}

function isAtEnd() {
  return log.scrollHeight - log.scrollTop - log.clientHeight < 40;
}

function add(lines) {
  const atEnd = isAtEnd();
  document.getElementById("log-empty")?.remove();
  log.append(...lines.map(element));
  while (log.childElementCount > MOST_LINES) {
    log.firstElementChild.remove();
  }
  if (atEnd) {
    log.scrollTop = log.scrollHeight;
  }
}

async function look() {
  if (!follow.checked) {
    return;
  }
  const fields = new URLSearchParams(window.location.search);
  fields.set("at", log.dataset.at);
  try {
    const found = await (await ask(`${log.dataset.address}?${fields}`)).json();
    log.dataset.at = found.at;
    note.textContent = found.skipped ? "Some lines came too fast to be shown." : "";
    if (found.lines.length) {
      add(found.lines);
    }
  } catch (error) {
    note.textContent = error.message;
  }
}

const choices = [...document.querySelectorAll("#program, #level")];
sendOnChange(choices[0].form, choices);
log.scrollTop = log.scrollHeight;
ready();
whileVisible(look, EVERY_S);
