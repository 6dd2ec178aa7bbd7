/** Starts the page. */

import { Session } from "./session.js";
import { onSettings, settings } from "./settings.js";
import { speak } from "./strings.js";
import { followTheme } from "./theme.js";
import { followKeyboard } from "./viewport.js";
import { watchDrops } from "./views/dropzone.js";
import { loginView } from "./views/login.js";
import { shellView } from "./views/shell.js";
import { toastsView } from "./views/toasts.js";

const root = document.getElementById("app");
const session = new Session(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws`);
const toasts = toastsView();
let view = null;
let isInside = false;

/** Which page fits: the way in, or the conversation once the server has let the user in. */
function show() {
  const belongsInside = session.state.account !== null;
  if (view === null || belongsInside !== isInside) mount();
  else view.update();
}

function mount() {
  view?.remove?.();
  isInside = session.state.account !== null;
  view = isInside ? shellView(session) : loginView(session);
  root.replaceChildren(view.element);
  view.update();
}

/** A login code in the address is used once and leaves the address at once, and with it the history. */
function takeLoginCode() {
  const code = new URLSearchParams(location.hash.slice(1)).get("login");
  if (code) history.replaceState(null, "", location.pathname + location.search);
  return code;
}

speak(settings().language);
followTheme();
followKeyboard();
document.body.append(toasts.element);
watchDrops(async (file) => {
  if (isInside) await view.importFile(file);
});
onSettings((now, changed) => {
  speak(now.language);
  // All texts are written when a view is made; a new language makes the views anew.
  if (changed.includes("language")) mount();
  else view.update();
});
session.addEventListener("phase", show);
session.addEventListener("notice", ({ detail }) => toasts.show(detail));
addEventListener("hashchange", () => {
  const code = takeLoginCode();
  if (code) session.logInWithCode(code);
});

const code = takeLoginCode();
if (code) session.logInWithCode(code);
else session.start();
