// The cameras of the page Now: live pictures, turning, and pictures and clips on request.

import { ask } from "./asked.js";
import { followParts } from "./live.js";
import { Turning } from "./turning.js";

const OLD_MS = 2000;
const LOOK_MS = 500;
const SETTLED_MS = 150;

/** One camera's card. */
export class Camera {
  constructor(card) {
    this.name = card.dataset.camera;
    this.card = card;
    this.picture = card.querySelector(".picture");
    this.image = card.querySelector("img.live");
    this.overlay = card.querySelector(".overlay");
    this.age = card.querySelector(".age");
    this.button = card.querySelector(".enlarge");
    this.arrivedAt = null;
    this.state = { state: "unknown", words: this.overlay.textContent };
    this.trouble = "";
    this.button.addEventListener("click", () => this.enlarge(!this.isEnlarged));
    this.image.addEventListener("click", () => this.enlarge(!this.isEnlarged));
    this.picture.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && this.isEnlarged) {
        this.enlarge(false);
      }
    });
    const result = card.querySelector(".result");
    for (const one of card.querySelectorAll("[data-ask]")) {
      one.addEventListener("click", () => ask(this.name, one.dataset.ask, one, result));
    }
    if (card.dataset.home) {
      this.turning = new Turning(card, this.name);
    }
  }

  get isEnlarged() {
    return this.picture.classList.contains("enlarged");
  }

  enlarge(isLarge) {
    this.picture.classList.toggle("enlarged", isLarge);
    this.button.setAttribute("aria-pressed", String(isLarge));
    document.body.classList.toggle("overflow-hidden", isLarge);
    if (isLarge) {
      this.button.focus();
    }
  }

  /** Show the camera's *state*; undefined while that is not known. */
  update(state) {
    if (state) {
      this.state = state;
      this.arrivedAt = state.state === "disarmed" ? null : this.arrivedAt;
      this.turning?.update(state);
    }
    this.showAge();
  }

  showPicture(bytes) {
    if (this.state.state === "disarmed") {
      return;
    }
    const before = this.image.src;
    this.image.src = URL.createObjectURL(new Blob([bytes], { type: "image/jpeg" }));
    this.image.hidden = false;
    if (before.startsWith("blob:")) {
      URL.revokeObjectURL(before);
    }
    this.arrivedAt = performance.now();
    this.trouble = "";
    this.showAge();
  }

  /** Show whether the picture is live, and else why not and how old it is. */
  showAge() {
    const age = this.arrivedAt === null ? Infinity : performance.now() - this.arrivedAt;
    const isOff = this.state.state === "disarmed";
    const isLive = !isOff && age <= OLD_MS;
    this.picture.classList.toggle("stale", !isLive);
    this.image.hidden = isOff || this.arrivedAt === null;
    this.overlay.hidden = isLive;
    const why = this.state.words || this.trouble || "Waiting for a picture …";
    if (!isLive && this.overlay.textContent !== why) {
      this.overlay.textContent = why;
    }
    this.age.hidden = isOff || this.arrivedAt === null;
    this.age.classList.toggle("is-live", isLive);
    this.age.textContent = isLive ? "Live" : `${Math.round(age / 1000)} s old`;
  }
}

/** Show the live pictures of those *cameras* that can be seen, in one stream. */
export function viewVisible(cameras) {
  const seen = new Set();
  let viewed = "";
  let stop = () => {};
  let timer = 0;

  function restart() {
    const wanted = document.hidden ? [] : cameras.filter((one) => seen.has(one) && isWanted(one));
    const query = wanted.map((one) => `camera=${one.name}`).join("&");
    if (query !== viewed) {
      viewed = query;
      stop();
      stop = query ? start(wanted, query) : () => {};
    }
  }

  function settle() {
    clearTimeout(timer);
    timer = setTimeout(restart, SETTLED_MS);
  }

  const observer = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      const camera = cameras.find((one) => one.picture === entry.target);
      seen[entry.isIntersecting ? "add" : "delete"](camera);
    }
    settle();
  });
  cameras.forEach((one) => observer.observe(one.picture));
  document.addEventListener("visibilitychange", restart);
  setInterval(() => {
    cameras.forEach((one) => one.showAge());
    restart();
  }, LOOK_MS);
}

function isWanted(camera) {
  return camera.state.state !== "disarmed";
}

function start(cameras, query) {
  return followParts(
    `/live?${query}`,
    (name, bytes) => cameras.find((one) => one.name === name)?.showPicture(bytes),
    (trouble) => cameras.forEach((one) => (one.trouble = trouble)),
  );
}
