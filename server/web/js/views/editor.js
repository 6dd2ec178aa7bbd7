/** The box in which a message is changed in its place. */

import { forgetEdit, readEdit, writeEdit } from "../drafts.js";
import { h } from "../dom.js";
import { isComposing, isSend } from "../keys.js";
import { settings } from "../settings.js";
import { t } from "../strings.js";
import { length } from "../text.js";
import { fit } from "./growing.js";

/** @param {object} how message; limit (characters); onSave(text); onCancel() */
export function editorView({ message, limit, onSave, onCancel }) {
  const box = h("textarea", { class: "field editor-box", rows: "1", "aria-label": t("editLabel") });
  box.value = readEdit(message.id) ?? message.text;
  const over = h("span", { class: "counter", role: "status" });
  const label = t(message.role === "user" ? "saveEdit" : "saveReplyEdit");
  const save = h("button", { type: "submit", class: "button primary small" }, label);
  const element = h(
    "form",
    { class: "editor" },
    box,
    h(
      "div",
      { class: "editor-actions" },
      over,
      h("button", { type: "button", class: "button small", on: { click: cancel } }, t("cancel")),
      save,
    ),
  );

  function cancel() {
    forgetEdit(message.id);
    onCancel();
  }

  function submit() {
    const text = box.value.trim();
    if (!text || length(text) > limit) return;
    forgetEdit(message.id);
    if (text === message.text.trim()) onCancel();
    else onSave(text);
  }

  function changed() {
    const left = limit - length(box.value);
    over.textContent = left < 0 ? t("tooLong", -left) : "";
    save.disabled = left < 0 || !box.value.trim();
    fit(box);
  }

  element.addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
  });
  box.addEventListener("input", () => {
    writeEdit(message.id, box.value);
    changed();
  });
  box.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !isComposing(event)) {
      event.stopPropagation();
      cancel();
    } else if (isSend(event, settings().sendKey)) {
      event.preventDefault();
      submit();
    }
  });
  // Once it stands in the page: only then has it a height and can take the focus.
  queueMicrotask(() => {
    changed();
    box.focus();
    box.setSelectionRange(box.value.length, box.value.length);
  });
  return { element };
}
