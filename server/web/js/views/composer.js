/** The box to write in. */

import { readDraft, writeDraft } from "../drafts.js";
import { h, setText } from "../dom.js";
import { icon } from "../icons.js";
import { isComposing, isSend } from "../keys.js";
import { settings } from "../settings.js";
import { isBusy, line } from "../store.js";
import { t } from "../strings.js";
import { length } from "../text.js";
import { banView } from "./conduct.js";
import { fit } from "./growing.js";

const COUNT_FROM = 300; // characters left from which they are counted

/** @param {object} act send(text), typing, stop, editLast, wait: told that she has to finish first; and of `banView` */
export function composerView(act) {
  const box = h("textarea", { class: "composer-box", rows: "1", "aria-label": t("composer"), autocomplete: "off" });
  const counter = h("span", { class: "counter", id: "counter", role: "status" });
  const send = h("button", { type: "submit", class: "send", "aria-label": t("send"), title: t("send") }, icon("send"));
  const stop = h(
    "button",
    {
      type: "button",
      class: "send stop",
      "aria-label": t("stop"),
      title: `${t("stop")} (Esc)`,
      hidden: true,
      on: { click: act.stop },
    },
    icon("stop"),
  );
  const connection = h("p", { class: "connection", role: "status" });
  const form = h("form", { class: "composer-form" }, box, counter, send, stop);
  const ban = banView(act);
  const element = h("div", { class: "composer" }, connection, ban.element, form);

  let chat = null;
  let busy = false;
  let limit = Infinity;

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
  });
  box.addEventListener("input", () => {
    writeDraft(chat, box.value);
    changed();
    if (box.value) act.typing();
  });
  box.addEventListener("keydown", (event) => {
    if (isComposing(event)) return;
    if (isSend(event, settings().sendKey)) {
      event.preventDefault();
      submit();
    } else if (event.key === "ArrowUp" && box.value === "") {
      event.preventDefault();
      act.editLast();
    }
  });

  function submit() {
    const text = box.value.trim();
    if (!text || length(text) > limit) return;
    if (busy) {
      act.wait();
      return;
    }
    box.value = "";
    writeDraft(chat, "");
    changed();
    act.send(text);
  }

  function changed() {
    const left = limit - length(box.value);
    setText(counter, left < 0 ? t("tooLong", -left) : left < COUNT_FROM ? t("left", left) : "");
    counter.classList.toggle("over", left < 0);
    send.disabled = left < 0 || !box.value.trim();
    fit(box);
  }

  /** Shows the stored draft of the chat. */
  function load() {
    box.value = chat === null ? "" : readDraft(chat);
    changed();
  }

  function update(state) {
    const summary = state.chats.find((other) => other.id === state.current);
    busy = isBusy(state, state.current);
    const isLive = Boolean(state.open[state.current]?.live);
    limit = state.limits.text;
    element.hidden = state.current === null;
    ban.update(state.ban);
    form.hidden = state.ban !== null;
    box.placeholder = t("placeholder", summary?.character ?? "오로라");
    box.enterKeyHint = settings().sendKey === "enter" ? "send" : "enter";
    send.hidden = isLive;
    stop.hidden = !isLive;
    if (state.current !== chat) {
      chat = state.current;
      load();
    }
  }

  /** One quiet line about the connection; an empty text takes it away. */
  function tell(text, kind) {
    setText(connection, text);
    connection.className = `connection ${kind}`;
  }

  return { element, update, tell, remove: ban.remove, reload: load, focus: () => box.focus({ preventScroll: true }) };
}

/** The last message of the user on the active line, or null. */
export function lastOwn(state) {
  const chat = state.open[state.current];
  return chat ? (line(chat).findLast((message) => message.role === "user") ?? null) : null;
}
