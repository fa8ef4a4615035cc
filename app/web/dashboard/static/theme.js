// Dark or light, as the person has chosen here, or else as the device is set. This runs before the
// page is drawn.
(() => {
  const dark = window.matchMedia("(prefers-color-scheme: dark)");

  function chosen() {
    try {
      const found = localStorage.getItem("theme");
      return found === "dark" || found === "light" ? found : "auto";
    } catch {
      return "auto"; // the browser keeps nothing for this page
    }
  }

  function show() {
    const choice = chosen();
    const isDark = choice === "dark" || (choice === "auto" && dark.matches);
    document.documentElement.dataset.bsTheme = isDark ? "dark" : "light";
    document.querySelector("meta[name=theme-color]").content = isDark ? "#1b1f24" : "#ffffff";
  }

  dark.addEventListener("change", show);
  window.addEventListener("storage", show);
  document.addEventListener("themechange", show);
  show();
})();
