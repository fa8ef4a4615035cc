// The page Now.

import { show } from "./bind.js";
import { Camera, viewVisible } from "./cameras.js";
import { listen } from "./commands.js";
import { showLoaded, showPicture } from "./picture.js";
import { ready } from "./ready.js";
import { follow, repeat } from "./updates.js";

const cameras = [...document.querySelectorAll("[data-camera]")].map((card) => new Camera(card));
const connection = document.getElementById("connection");
const wasAway = Boolean(document.querySelector("[data-text=away]:not([hidden])"));

follow("all", (state) => {
  if (wasAway && !state.away) {
    window.location.reload();
    return;
  }
  show(state);
  showEvent(state.event);
  for (const camera of cameras) {
    camera.update(state.cameras?.[camera.name]);
  }
});

follow("connection", (text) => {
  connection.querySelector("span").textContent = text;
  connection.hidden = !text;
});

function showEvent(event) {
  const box = document.getElementById("event");
  if (!event || !box || box.dataset.event === event.id) {
    return;
  }
  box.dataset.event = event.id;
  const picture = document.getElementById("thumbnail");
  const link = picture.closest("a");
  link.href = link.dataset.template.replace("EVENT", event.id);
  showPicture(picture, picture.dataset.template.replace("EVENT", event.id));
}

const thumbnail = document.getElementById("thumbnail");
if (thumbnail) {
  showLoaded(thumbnail);
}

listen(document, repeat);
viewVisible(cameras);
ready();
