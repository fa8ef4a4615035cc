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
    this.turnedAt = -Infinity;
    this.sending = 0;
    this.isWaiting = false;
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
    if (state.pan !== null && !this.sending && performance.now() - this.turnedAt > MOVING_MS) {
      this.target = [state.pan, state.tilt];
    }
  }

  async turn(step) {
    const change = step === "home" ? null : step.split(" ").map(Number);
    this.target = change
      ? this.target.map((deg, axis) => Math.max(-MOST_DEG, Math.min(MOST_DEG, deg + change[axis])))
      : [...this.home];
    this.turnedAt = performance.now();
    if (this.isWaiting) {
      return; // what waits takes the newest target along
    }
    this.isWaiting = true;
    this.sending += 1;
    await send("/command/rotate", () => {
      this.isWaiting = false;
      return { text: `${this.name} ${this.target.join(" ")}` };
    });
    this.sending -= 1;
  }
}
