// The Timeline says how many events have come since the page was made.
const newer = document.getElementById("newer");
const link = newer.querySelector("a");
const EVERY_MS = 5000;

async function look() {
  if (document.hidden) return;
  const address = new URL(newer.dataset.ask, location.href);
  address.searchParams.set("than", newer.dataset.than);
  const answer = await fetch(address).catch(() => null);
  if (!answer?.ok || answer.redirected) return;
  const { count, most } = await answer.json();
  if (count) {
    const number = count >= most ? `${most} or more` : count;
    link.textContent = `${number} new event${count === 1 ? "" : "s"}`;
    newer.classList.remove("d-none");
  }
}

// Only the newest page without a chosen day grows.
if (!new URLSearchParams(location.search).get("before")) {
  setInterval(look, EVERY_MS);
  document.addEventListener("visibilitychange", look);
}
