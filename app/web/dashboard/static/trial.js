// Settings on trial: runs the detector on an event with the present settings, and with others.

import { copyFrom } from "./copy.js";
import { ready } from "./ready.js";
import { post, Refusal } from "./requests.js";
import { TrialView } from "./trial_view.js";

const find = (id) => document.getElementById(id);
const page = find("trial");
const form = find("knobs");
const views = {};
for (const section of page.querySelectorAll("[data-run]")) {
  views[section.dataset.run] = new TrialView(section, (at) => {
    for (const view of Object.values(views)) if (view.section !== section) view.showNear(at);
  });
}
const knobs = [...form.querySelectorAll("[data-present]")];

/** Run the detector with the settings *fields*, and show what it finds in *view*. */
async function run(view, fields) {
  view.begin();
  try {
    const answer = await post(page.dataset.address, fields, true);
    for await (const line of linesOf(answer.body)) {
      const message = JSON.parse(line);
      if (message.kind === "lines") showLines(message.text);
      else view.show(message);
    }
    view.end();
  } catch (error) {
    view.fail([error instanceof Refusal ? error.message : "The answer broke off."]);
  }
}

/** Yield the lines of *body*, as they come. */
async function* linesOf(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    const lines = (rest + read.value).split("\n");
    rest = lines.pop();
    yield* lines;
  }
}

/** The settings of the form that are not the present ones. */
function changedFields() {
  const changed = knobs.filter((one) => one.value !== one.dataset.present && !isUnused(one));
  return Object.fromEntries(changed.map((one) => [one.name, one.value]));
}

function isUnused(knob) {
  return knob.closest("fieldset").hidden;
}

function showLines(text) {
  find("lines").textContent = text;
  find("result").hidden = text === "";
}

/** Show only the settings that the chosen method uses. */
function showUsed() {
  const value = (key) => form.elements[key].value;
  const method = value("motion.trigger") === "light" ? "light" : value("motion.method");
  for (const set of form.querySelectorAll("fieldset")) {
    const methods = set.dataset.methods.split(" ").filter(Boolean);
    set.hidden = methods.length > 0 && !methods.includes(method);
    set.disabled = set.hidden;
  }
  for (const knob of knobs) {
    const isChanged = knob.value !== knob.dataset.present;
    knob.classList.toggle("border-primary", isChanged);
    knob.closest(".col").querySelector("[data-now]").hidden = !isChanged;
  }
}

async function runAll() {
  const fields = changedFields();
  const hasChanges = Object.keys(fields).length > 0;
  find("run").disabled = true;
  find("problems").textContent = "";
  try {
    if (!views.present.isDone) await run(views.present, {});
    if (views.present.isDone && hasChanges) {
      await run(views.tried, fields);
      views.tried.showNear(views.present.shownAt);
    }
  } finally {
    find("run").disabled = false;
  }
}

form.addEventListener("input", showUsed);
form.addEventListener("reset", () => setTimeout(showUsed));
form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (views.present.isDone && Object.keys(changedFields()).length === 0) {
    find("problems").textContent = "These are the present settings: change at least one.";
  } else {
    runAll();
  }
});
find("copy").addEventListener("click", async () => {
  find("copied").textContent = await copyFrom(find("lines"));
});
showUsed();
ready();
runAll();
