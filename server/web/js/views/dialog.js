/** Windows above the page. */

import { h } from "../dom.js";
import { t } from "../strings.js";
import { iconButton } from "./button.js";

/**
 * Opens a window. Esc, the close button and a press beside it close it; the browser keeps the focus inside and gives it back.
 *
 * @param {object} options title; kind: class name; content: nodes; onClose: called after it is gone
 * @returns {HTMLDialogElement}
 */
export function openDialog({ title, kind, content, onClose = () => {} }) {
  const heading = h("h2", { id: `title-${kind}` }, title);
  const close = iconButton("close", t("close"), () => dialog.close());
  const dialog = h(
    "dialog",
    { class: `dialog ${kind}`, "aria-labelledby": heading.id },
    h("header", { class: "dialog-head" }, heading, close),
    ...content,
  );
  dialog.addEventListener("pointerdown", (event) => {
    if (event.target === dialog && isBeside(dialog, event)) dialog.close();
  });
  dialog.addEventListener("close", () => {
    dialog.remove();
    onClose();
  });
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

function isBeside(dialog, { clientX, clientY }) {
  const box = dialog.getBoundingClientRect();
  return clientX < box.left || clientX > box.right || clientY < box.top || clientY > box.bottom;
}

/** Is a window open? Shortcuts of the page rest meanwhile. */
export function isDialogOpen() {
  return document.querySelector("dialog[open]") !== null;
}

/** Asks before something is lost. Resolves to the answer. */
export function confirm({ title, text, action = t("delete") }) {
  return new Promise((resolve) => {
    let answer = false;
    const no = h("button", { type: "button", class: "button" }, t("cancel"));
    const yes = h("button", { type: "button", class: "button danger" }, action);
    const dialog = openDialog({
      title,
      kind: "confirm",
      content: [h("p", { class: "dialog-text" }, text), h("div", { class: "dialog-actions" }, no, yes)],
      onClose: () => resolve(answer),
    });
    no.addEventListener("click", () => dialog.close());
    yes.addEventListener("click", () => {
      answer = true;
      dialog.close();
    });
    no.focus();
  });
}

/** Asks for a line of text. Resolves to it, or to null. */
export function prompt({ title, label, value, limit }) {
  return new Promise((resolve) => {
    let answer = null;
    const input = h("input", { type: "text", class: "field", "aria-label": label, maxlength: limit, prop: { value } });
    const form = h(
      "form",
      { class: "dialog-form" },
      input,
      h(
        "div",
        { class: "dialog-actions" },
        h("button", { type: "button", class: "button", on: { click: () => dialog.close() } }, t("cancel")),
        h("button", { type: "submit", class: "button primary" }, t("save")),
      ),
    );
    const dialog = openDialog({ title, kind: "prompt", content: [form], onClose: () => resolve(answer) });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      answer = input.value.trim() || null;
      dialog.close();
    });
    input.select();
  });
}
