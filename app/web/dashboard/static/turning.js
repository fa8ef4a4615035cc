// Turns a camera by the buttons of its card, and by arrow keys while its picture has the focus.

import { send } from "./commands.js";

const MOST_DEG = 90;
/** The time after a turn for which the camera may not have come to its new direction. */
const MOVING_MS = 3000;

export class Turning {
  constructor(card, name) {
    this.name = name;
    this.home = card.dataset.home.split(" ").map(Number);
    this.target = [...this.home];
    this.turnedAt = 0;
    this.isSending = false;
    this.steps = {};
    for (const button of card.querySelectorAll("[data-turn]")) {
      const step = button.dataset.turn;
      button.addEventListener("click", () => this.turn(step));
      this.steps[`Arrow${button.getAttribute("aria-label").split(" ").at(-1)}`.toLowerCase()] = step;
    }
    card.querySelector(".picture").addEventListener("keydown", (event) => {
      const step = this.steps[event.key.toLowerCase()];
      if (step && !event.altKey && !event.ctrlKey && !event.metaKey) {
        event.preventDefault();
        this.turn(step);
      }
    });
  }

  /** Take the direction in *state*, unless the camera is on its way to another. */
  update(state) {
    if (state.pan !== null && !this.isSending && Date.now() - this.turnedAt > MOVING_MS) {
      this.target = [state.pan, state.tilt];
    }
  }

  async turn(step) {
    const change = step === "home" ? null : step.split(" ").map(Number);
    this.target = change
      ? this.target.map((deg, axis) => Math.max(-MOST_DEG, Math.min(MOST_DEG, deg + change[axis])))
      : [...this.home];
    this.turnedAt = Date.now();
    if (this.isSending) {
      return;
    }
    this.isSending = true;
    let sent = "";
    while (sent !== this.target.join(" ")) {
      sent = this.target.join(" ");
      await send("/command/rotate", { text: `${this.name} ${sent}` });
    }
    this.isSending = false;
  }
}
