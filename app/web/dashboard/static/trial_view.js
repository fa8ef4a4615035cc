// What the detector finds in an event with some settings: events, a plot, and key pictures.

import { drawTiles, showFindings } from "./verdict.js";

/**
 * Shows the result of one run in *section*. *onTime* is called with the time of the key picture that
 * somebody has chosen.
 */
export class TrialView {
  constructor(section, onTime) {
    this.section = section;
    this.slider = this.part("input");
    this.isDone = false;
    this.pictures = [];
    this.slider.addEventListener("input", () => {
      this.showPicture();
      onTime(this.shownAt);
    });
  }

  part(selector) {
    return this.section.querySelector(selector);
  }

  say(name, text) {
    this.part(`[data-${name}]`).textContent = text ?? "";
  }

  begin() {
    this.isDone = false;
    this.hasFailed = false;
    this.events = [];
    this.pictures = [];
    this.notes = [];
    this.say("state", "It begins.");
    this.say("note", "");
    this.part("[data-events]").replaceChildren();
    this.part("[data-curves]").replaceChildren();
    this.part("[data-plot]").hidden = true;
    this.part("[data-pictures]").hidden = true;
  }

  /** Show a *message* of the run. */
  show(message) {
    if (message.kind === "progress") this.say("state", `At ${message.t_s} s of the clip.`);
    else if (message.kind === "settings") this.compare(message);
    else if (message.kind === "trace") this.showPlot(message.plot);
    else if (message.kind === "event") this.addEvent(message);
    else if (message.kind === "picture") this.addPicture(message);
    else if (message.kind === "error") this.fail(message.problems);
    else if (message.kind === "end") this.finish(message);
  }

  /** Note where the file that the run has read differs from what this page knows. */
  compare({ note, settings }) {
    this.note(note);
    const other = settings.filter(({ key, value }) => {
      const knob = document.getElementsByName(key)[0];
      return this.section.dataset.run === "present" && knob && !isSame(knob.dataset.present, value);
    });
    if (other.length > 0) {
      const values = other.map(({ key, value }) => `${key} is ${value}`).join(", ");
      this.note(`The file has changed since the programs started: ${values}.`);
    }
  }

  finish(message) {
    this.isDone = true;
    const count = this.events.length;
    const alerts = this.events.filter((one) => one.alert).length;
    this.say("state", count === 0 ? "No event opens." : `${counted(count, "event")} ${
      count === 1 ? "opens" : "open"}, ${alerts === 0 ? "no alert" : counted(alerts, "alert")}.`);
    if (message.learning_s > 0) {
      this.note(`It learned the scene until ${message.learning_s} s.`);
    }
    if (message.model) this.note(`The person model looked: ${message.model}.`);
    this.note(message.stopped);
  }

  /** Say so if the run ended without a result. */
  end() {
    if (!this.isDone && !this.hasFailed) this.fail(["The answer broke off."]);
  }

  fail(problems) {
    this.hasFailed = true;
    this.isDone = false;
    this.say("state", problems.join(" "));
  }

  note(text) {
    if (text) this.notes.push(text);
    this.say("note", this.notes.join(" "));
  }

  addEvent(event) {
    this.events.push(event);
    this.markPlot(event.opened_s);
    const item = document.createElement("li");
    const until = event.closed_s === null ? "" : ` to ${seconds(event.closed_s)}`;
    item.textContent = `From ${seconds(event.opened_s)}${until}: ` +
      `${event.alert ? "an alert" : "recorded without an alert"}${
        event.fate ? ` (${event.fate})` : ""}.`;
    this.part("[data-events]").append(item);
  }

  /** Show the curves in *plot*, which has their HTML and their times; null if there are none. */
  showPlot(plot) {
    this.plot = plot;
    if (plot === null) return;
    const parsed = new DOMParser().parseFromString(plot.html, "text/html");
    this.part("[data-curves]").replaceChildren(...parsed.body.children);
    this.part("[data-plot]").hidden = false;
  }

  /** Draw an upright line at *at* seconds into each curve. */
  markPlot(at) {
    for (const svg of this.section.querySelectorAll("[data-curves] svg")) {
      const x = ((at - this.plot.from_s) / (this.plot.to_s - this.plot.from_s)) *
        svg.viewBox.baseVal.width;
      const line = document.createElementNS(svg.namespaceURI, "line");
      const ends = { x1: x, x2: x, y1: 0, y2: svg.viewBox.baseVal.height, class: "curve-start" };
      for (const [name, value] of Object.entries(ends)) line.setAttribute(name, value);
      svg.prepend(line);
    }
  }

  addPicture(message) {
    const { jpeg, ...words } = message;
    const bytes = Uint8Array.from(atob(jpeg), (letter) => letter.charCodeAt(0));
    this.pictures.push({ jpeg: bytes, words });
    this.slider.max = this.pictures.length - 1;
    this.part("[data-pictures]").hidden = false;
    this.showNear(this.events[0]?.opened_s ?? 0);
  }

  /** The time of the key picture that is shown, in seconds. */
  get shownAt() {
    return this.pictures[this.slider.value]?.words.t_s ?? 0;
  }

  /** Show the key picture that is nearest to the time *at*, in seconds. */
  showNear(at) {
    if (this.pictures.length === 0) return;
    const distances = this.pictures.map((one) => Math.abs(one.words.t_s - at));
    this.slider.value = distances.indexOf(Math.min(...distances));
    this.showPicture();
  }

  async showPicture() {
    const { jpeg, words } = this.pictures[this.slider.value];
    const when = `at ${seconds(words.t_s)}, ${Number(this.slider.value) + 1} of ${this.pictures.length}`;
    this.say("when", when);
    this.slider.setAttribute("aria-valuetext", `${when}: ${words.headline}`);
    this.say("headline", words.headline);
    this.say("reason", [words.reason, words.event, words.decision].filter(Boolean).join(" · "));
    showFindings(this.part("table"), words.columns, words.findings);
    await drawTiles(this.part("[data-tiles]"), jpeg, words.tiles);
  }
}

function isSame(present, value) {
  if (Array.isArray(value)) return present === `[${value.join(", ")}]`;
  return typeof value === "number" ? Number(present) === value : present === value;
}

function counted(count, noun) {
  return count === 1 ? `1 ${noun}` : `${count} ${noun}s`;
}

function seconds(value) {
  return `${value.toFixed(1)} s`;
}
