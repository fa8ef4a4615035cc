// What each page has: the button that switches between dark, light, and what the device is set to.

const NEXT = { auto: "dark", dark: "light", light: "auto" };
const WORDS = { auto: "as the device", dark: "dark", light: "light" };
const button = document.getElementById("theme");

function stored() {
  const found = localStorage.getItem("theme");
  return found in NEXT ? found : "auto";
}

function show() {
  const theme = stored();
  for (const part of button.querySelectorAll("[data-theme]")) {
    part.hidden = part.dataset.theme !== theme;
  }
  const words = `Colours: ${WORDS[theme]}. Change to ${WORDS[NEXT[theme]]}.`;
  button.setAttribute("aria-label", words);
  button.title = words;
}

function change() {
  localStorage.setItem("theme", NEXT[stored()]);
  document.dispatchEvent(new Event("themechange"));
  show();
}

// The browser may show a page again as it was when it was left: old, or after a logout.
window.addEventListener("pageshow", (event) => event.persisted && window.location.reload());

try {
  show();
  button.addEventListener("click", change);
  window.addEventListener("storage", show);
  button.hidden = false;
} catch {
  button.hidden = true; // the browser keeps nothing for this page
}
