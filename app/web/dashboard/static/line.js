// Work behind the page that must be done in the order in which somebody wanted it.

/**
 * Does one piece of work after the other. What still waits when the page is left or hidden is begun at
 * once: a phone may end the page before the answers come.
 */
export class Line {
  constructor() {
    this.waiting = [];
    this.isBusy = false;
    window.addEventListener("pagehide", () => this.hurry());
    document.addEventListener("visibilitychange", () => document.hidden && this.hurry());
  }

  /** Do *work* after all that came before; resolves to what it returns. */
  add(work) {
    return new Promise((resolve, reject) => {
      this.waiting.push(() => work().then(resolve, reject));
      this.run();
    });
  }

  async run() {
    if (this.isBusy) {
      return;
    }
    this.isBusy = true;
    while (this.waiting.length) {
      await this.waiting.shift()();
    }
    this.isBusy = false;
  }

  hurry() {
    this.waiting.splice(0).forEach((work) => work());
  }
}
