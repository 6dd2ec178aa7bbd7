/** Finding what was said, in all chats. */

import { h } from "../dom.js";
import { isComposing } from "../keys.js";
import { t } from "../strings.js";
import { marked } from "../text.js";
import { brief } from "../time.js";
import { openDialog } from "./dialog.js";

const PAUSE_MS = 220;

/** @param {(hit) => void} onPick */
export function openSearch(session, onPick) {
  const input = h("input", {
    type: "search",
    class: "field",
    placeholder: t("searchPlaceholder"),
    "aria-label": t("searchLabel"),
    role: "combobox",
    "aria-expanded": "true",
    "aria-controls": "hits",
    "aria-autocomplete": "list",
    maxlength: "200",
    autocomplete: "off",
    enterkeyhint: "search",
  });
  const status = h("p", { class: "hits-status", role: "status" }, "");
  const list = h("ul", { class: "hits", id: "hits", role: "listbox", "aria-label": t("searchLabel") });
  const hint = h("p", { class: "hits-hint", "aria-hidden": "true" }, t("searchHint"));
  const dialog = openDialog({ title: t("search"), kind: "search", content: [input, status, list, hint] });
  let hits = [];
  let chosen = 0;
  let asked = 0;
  let timer;

  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(ask, PAUSE_MS);
  });
  input.addEventListener("keydown", (event) => {
    if (isComposing(event)) return;
    if (event.key === "ArrowDown") choose(chosen + 1);
    else if (event.key === "ArrowUp") choose(chosen - 1);
    else if (event.key === "Enter" && hits[chosen]) pick(hits[chosen]);
    else return;
    event.preventDefault();
  });
  input.focus();

  async function ask() {
    const query = input.value.trim();
    asked += 1;
    const mine = asked;
    const found = query ? await session.search(query) : [];
    // A slower answer to an earlier question is of no interest any more.
    if (mine !== asked || found === null || !dialog.open) return;
    hits = found;
    list.replaceChildren(...hits.map((hit, index) => row(hit, index, query)));
    status.textContent = !query ? "" : hits.length ? t("searchCount", hits.length) : t("searchNone", query);
    choose(0);
  }

  function row(hit, index, query) {
    const name = session.state.chats.find((chat) => chat.id === hit.chat)?.character ?? "오로라";
    const passage = marked(hit.text, query).map((part) => (part.hit ? h("mark", {}, part.text) : part.text));
    return h(
      "li",
      { class: "hit", id: `hit-${index}`, role: "option", on: { click: () => pick(hit), pointermove: () => choose(index) } },
      h("span", { class: "hit-top" }, h("span", { class: "hit-title" }, hit.title), h("span", {}, brief(hit.created))),
      h("span", { class: "hit-text" }, h("b", {}, hit.role === "user" ? t("you") : name), " ", ...passage),
    );
  }

  function choose(index) {
    chosen = Math.max(0, Math.min(hits.length - 1, index));
    [...list.children].forEach((element, i) => element.setAttribute("aria-selected", String(i === chosen)));
    if (hits.length) input.setAttribute("aria-activedescendant", `hit-${chosen}`);
    else input.removeAttribute("aria-activedescendant");
    list.children[chosen]?.scrollIntoView({ block: "nearest" });
  }

  function pick(hit) {
    dialog.close();
    onPick(hit);
  }
}
