/** The way in for those who come without a login link. */

import { h, setText } from "../dom.js";
import { t } from "../strings.js";

/** The code of a pasted login link, or null. */
function codeIn(text) {
  return /#login=([^&\s]+)/.exec(text)?.[1] ?? null;
}

export function loginView(session) {
  const problem = h("p", { class: "login-problem", id: "login-problem", role: "alert" });
  const input = h("input", {
    type: "password",
    class: "field",
    id: "token",
    autocomplete: "current-password",
    autocapitalize: "off",
    spellcheck: "false",
    "aria-describedby": problem.id,
  });
  const form = h(
    "form",
    { class: "login-form" },
    h("label", { for: "token" }, t("loginLabel")),
    input,
    problem,
    h("button", { type: "submit", class: "button primary" }, t("loginButton")),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const text = input.value.trim();
    const code = codeIn(text);
    if (!text) setText(problem, t("loginEmpty"));
    else if (code) session.logInWithCode(decodeURIComponent(code));
    else session.logInWithToken(text);
  });
  const waiting = h("p", { class: "login-waiting", role: "status" }, t("connecting"));
  const element = h(
    "main",
    { class: "login" },
    h("img", { class: "login-mark", src: "/icon.svg", alt: "", width: "72", height: "72" }),
    h("h1", {}, t("loginTitle")),
    waiting,
    h("div", { class: "login-way" }, h("p", {}, t("loginText")), form),
    h("p", { class: "login-help" }, t("loginHelp"), " ", h("code", {}, "python -m server account login local")),
  );

  function update() {
    const isAsking = session.phase === "login";
    element.classList.toggle("asking", isAsking);
    setText(problem, isAsking ? (session.loginProblem ?? "") : "");
    if (isAsking) input.focus();
  }

  return { element, update };
}
