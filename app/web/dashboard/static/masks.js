// The page of masks and zones: draws them, and shows the lines for the configuration.

import { cornerText, faultOf, linesOf, shapeFault } from "./areas.js";
import { copyFrom } from "./copy.js";
import { Draft } from "./draft.js";
import { Drawing } from "./drawing.js";
import { ready } from "./ready.js";

const find = (id) => document.getElementById(id);
const page = find("masks");
const { areas: configured, kinds, then, resolution } = JSON.parse(page.dataset.masks);
const kindOf = (area) => kinds.find((kind) => kind.name === area.kind);

/** What is drawn: see `Drawing`. */
const board = { areas: structuredClone(configured), selected: null, isOpen: false, label };
const draft = new Draft(`masks of ${page.dataset.camera}`, configured);
/** The lines that somebody has copied. */
let copied = null;
const drawing = new Drawing(find("drawing"), board, act);

function titleOf(area) {
  const kind = kindOf(area);
  const same = board.areas.filter((one) => one.kind === area.kind);
  return kind.settings && area.name.trim() ? area.name.trim()
    : `${kind.name} ${same.indexOf(area) + 1}`;
}

function effectOf(area) {
  return kindOf(area).settings ? then[area.then] : kindOf(area).effect;
}

function label(area) {
  return [titleOf(area), effectOf(area)];
}

function act(what, detail) {
  if (what === "close") close();
  else if (what === "cancel") remove(board.selected);
  else if (what === "select") select(detail);
  else if (what === "removed") removeCorner(detail);
  else if (what === "added") say(`${cornerCount()} set.`);
  else if (what === "cursor") say(cornerText(detail));
  else if (what === "moved" && detail !== undefined) say(cornerText(selectedArea().corners[detail]));
  show();
}

function selectedArea() {
  return board.areas[board.selected];
}

function cornerCount() {
  const count = selectedArea().corners.length;
  return count === 1 ? "1 corner" : `${count} corners`;
}

function begin(kind) {
  if (board.isOpen) remove(board.selected);
  const settings = { name: "", then: Object.keys(then)[0], min_size: null };
  board.areas.push({ kind, corners: [], ...settings });
  board.selected = board.areas.length - 1;
  board.isOpen = true;
  show();
  say("Set the corners in the picture.");
  find("drawing").focus();
}

function close() {
  if (selectedArea().corners.length < 3) {
    say("An area needs at least three corners.");
    return;
  }
  board.isOpen = false;
  say(`The ${selectedArea().kind} is closed.`);
  show();
  if (kindOf(selectedArea()).settings && !selectedArea().name) find("name").focus();
}

function remove(number) {
  board.areas.splice(number, 1);
  board.selected = null;
  board.isOpen = false;
  say("The area is removed.");
  show();
}

function removeCorner(at) {
  const { corners } = selectedArea();
  if (at === undefined) corners.pop();
  else if (board.isOpen || corners.length > 3) corners.splice(at, 1);
  else {
    say("An area needs at least three corners.");
    return;
  }
  say(`${cornerCount()} left.`);
}

function select(number) {
  if (board.isOpen) return;
  board.selected = number === board.selected ? null : number;
  show();
}

function show() {
  keepDraft();
  drawing.draw();
  showTools();
  showList();
  showForm();
  showLines();
}

/** Keep what is whole, for a page that a phone has ended or that was loaded again. */
function keepDraft() {
  if (!board.isOpen) draft.keep(isChanged() ? board.areas : null);
}

function takeDraft() {
  const kept = draft.take();
  if (kept === null) return;
  board.areas = kept;
  say("These are the areas that you drew before. The file has others.");
}

function showTools() {
  find("open-tools").hidden = !board.isOpen;
  find("hint").hidden = !board.isOpen;
  const fault = board.isOpen ? shapeFault(selectedArea().corners, false) : null;
  showText("open-fault", fault);
  find("close").disabled = !board.isOpen || selectedArea().corners.length < 3;
}

function showList() {
  const items = board.areas.map((area, number) => itemOf(area, number));
  find("areas").replaceChildren(...items);
  find("no-areas").hidden = items.length > 0;
}

function itemOf(area, number) {
  const item = find("item").content.cloneNode(true);
  const isOpen = board.isOpen && number === board.selected;
  item.querySelector("[data-title]").textContent = titleOf(area);
  item.querySelector("[data-effect]").textContent = `${area.kind}: ${effectOf(area)}`;
  item.querySelector("[data-fault]").textContent = isOpen
    ? "It is not closed yet." : faultOf(area, kindOf(area)) ?? "";
  const [edit, discard] = item.querySelectorAll("button");
  edit.setAttribute("aria-label", `Change ${titleOf(area)}`);
  edit.setAttribute("aria-pressed", number === board.selected);
  edit.disabled = board.isOpen;
  edit.addEventListener("click", () => { select(number); refocus(number, 0); });
  discard.setAttribute("aria-label", `Delete ${titleOf(area)}`);
  discard.addEventListener("click", () => { remove(number); refocus(number, 1); });
  return item;
}

/** Give the focus back to a button of the list, which was made anew. */
function refocus(number, button) {
  const items = find("areas").children;
  const item = items[Math.min(number, items.length - 1)];
  (item?.querySelectorAll("button")[button] ?? find("drawing")).focus();
}

function showForm() {
  const area = board.selected === null ? null : selectedArea();
  find("settings").hidden = area === null;
  if (area === null) return;
  find("kind").value = area.kind;
  find("zone-settings").hidden = !kindOf(area).settings;
  for (const [id, value] of [["name", area.name], ["then", area.then]]) {
    if (document.activeElement !== find(id)) find(id).value = value ?? "";
  }
  if (document.activeElement !== find("min-size")) find("min-size").value = area.min_size ?? "";
}

function showLines() {
  const isWhole = !board.isOpen && board.areas.every((area) => !faultOf(area, kindOf(area)));
  find("lines").textContent = isWhole ? linesOf(board.areas, kinds) : "";
  find("result").hidden = !isWhole;
  showText("unfinished", isWhole ? "" : "The lines are here when each area is whole: see above.");
  showText("changed", isChanged() ? "Changed here, not in the file." : "As the file says.");
  find("reset").disabled = !isChanged();
}

function isChanged() {
  return JSON.stringify(board.areas) !== JSON.stringify(configured);
}

function showText(id, text) {
  if (find(id).textContent !== (text ?? "")) find(id).textContent = text ?? "";
}

function say(text) {
  showText("said", text);
}

/** Keep what somebody enters in the field *id* as *key* of the selected area. */
function keep(id, key, value = (text) => text) {
  find(id).addEventListener("input", (event) => {
    selectedArea()[key] = value(event.target.value);
    show();
  });
}

function load() {
  const picture = new Image();
  picture.addEventListener("load", () => {
    find("drawing").querySelector("image").setAttribute("href", picture.src);
    find("drawing").querySelector("text").setAttribute("visibility", "hidden");
    drawing.resize(picture.naturalWidth, picture.naturalHeight);
  });
  picture.addEventListener("error", () => say("There is no picture now."));
  picture.src = `${page.dataset.picture}?${Date.now()}`;
}

for (const button of document.querySelectorAll("[data-begin]")) {
  button.addEventListener("click", () => begin(button.dataset.begin));
}
keep("kind", "kind");
keep("name", "name");
keep("then", "then");
keep("min-size", "min_size", (text) => (text.trim() === "" ? null : Number(text)));
find("close").addEventListener("click", close);
find("remove-corner").addEventListener("click", () => act("removed"));
find("cancel").addEventListener("click", () => act("cancel"));
find("newest").addEventListener("click", load);
find("copy").addEventListener("click", async () => {
  copied = find("lines").textContent;
  say(await copyFrom(find("lines")));
});
addEventListener("beforeunload", (event) => {
  if (isChanged() && find("lines").textContent !== copied) event.preventDefault();
});
find("reset").addEventListener("click", () => {
  Object.assign(board, { areas: structuredClone(configured), selected: null, isOpen: false });
  say("As the file says.");
  show();
});
drawing.resize(...resolution);
load();
takeDraft();
show();
ready();
