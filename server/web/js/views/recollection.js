/** What stands below a message about her memory: kept from it, recalled in it, or asked whether to forget. */

import { h } from "../dom.js";
import { icon } from "../icons.js";
import { t } from "../strings.js";
import { day } from "../time.js";

const NAMED = 3; // sentences that a question names

/**
 * @param {() => object} get the item of the message: saved, used, asked (of js/store.js), isLast, isBusy
 * @param {object} act openMemories(id), answerForget(item, yes)
 */
export function recollectionView(get, act) {
  const element = h("div", { class: "recollection" });
  let shown = {};

  function update() {
    const { saved, used, asked, isLast, isBusy, message } = get();
    const now = {
      saved: saved ?? null,
      used: used ?? null,
      asked: isLast && !isBusy && message.status !== "live" ? (asked ?? null) : null,
    };
    if (Object.keys(now).every((name) => now[name] === shown[name])) return;
    // Who reads what was recalled keeps reading it.
    const isOpen = element.querySelector("details")?.open ?? false;
    shown = now;
    const parts = [now.saved && savedChip(now.saved), now.used && usedList(now.used, isOpen), now.asked && question(now.asked)];
    element.replaceChildren(...parts.filter(Boolean));
    element.hidden = element.childElementCount === 0;
  }

  function savedChip(memories) {
    const text = memories.map((memory) => memory.text).join(" ");
    return h(
      "button",
      { type: "button", class: "kept", title: t("memoryShow"), on: { click: () => act.openMemories(memories[0].id) } },
      icon("memory"),
      h("span", {}, `${t("memorySaved")} · ${text}`),
    );
  }

  function usedList(memories, isOpen) {
    return h(
      "details",
      { class: "recalled", open: isOpen },
      h("summary", {}, icon("memory"), h("span", {}, t("memoryUsed")), icon("fold")),
      h(
        "ul",
        {},
        ...memories.map((memory) =>
          h(
            "li",
            {},
            h("button", { type: "button", title: t("memoryShow"), on: { click: () => act.openMemories(memory.id) } }, memory.text),
            h("span", {}, day(memory.said)),
          ),
        ),
      ),
    );
  }

  function question({ ids, texts }) {
    const yes = h("button", { type: "button", class: "button small" }, t("forgetYes"));
    const no = h("button", { type: "button", class: "button small" }, t("forgetNo"));
    const answer = async (isYes) => {
      yes.disabled = true;
      no.disabled = true;
      await act.answerForget(get(), isYes);
      yes.disabled = false;
      no.disabled = false;
    };
    yes.addEventListener("click", () => answer(true));
    no.addEventListener("click", () => answer(false));
    const rest = ids.length - Math.min(NAMED, texts.length);
    return h(
      "div",
      { class: "forget-ask", role: "group", "aria-label": t("forgetAsk") },
      h("b", {}, t("forgetAsk")),
      h(
        "ul",
        {},
        ...texts.slice(0, NAMED).map((text) => h("li", {}, text)),
        rest > 0 ? h("li", {}, t("forgetMore", rest)) : null,
      ),
      h("span", { class: "forget-answers" }, yes, no),
    );
  }

  return { element, update };
}
