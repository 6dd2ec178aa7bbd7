// A classic, blocking script: it runs before the first paint, so that a stored light theme never flashes dark.
// js/theme.js does the same work again whenever a setting changes; the two agree on these attribute names.
(() => {
  let settings = {};
  try {
    settings = JSON.parse(localStorage.getItem("ohlora.settings") ?? "{}");
  } catch {
    // Storage is switched off or its content is not ours: the defaults serve.
  }
  const root = document.documentElement;
  const light = matchMedia("(prefers-color-scheme: light)").matches;
  root.dataset.theme = settings.theme === "light" || settings.theme === "dark" ? settings.theme : light ? "light" : "dark";
  root.dataset.text = settings.text ?? "normal";
  root.lang = settings.language === "en" ? "en" : "ko";
})();
