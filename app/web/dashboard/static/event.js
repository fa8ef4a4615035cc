// The clip of an event: says when it cannot be played.
const clip = document.getElementById("clip");

function sayTrouble() {
  document.getElementById("clip-trouble").hidden = false;
}

clip?.addEventListener("error", sayTrouble);
// It may have failed before this script ran.
if (clip?.error) {
  sayTrouble();
}
