// The clip of an event: says when it cannot be played.
const clip = document.getElementById("clip");

clip?.addEventListener("error", () => {
  document.getElementById("clip-trouble").hidden = false;
});
