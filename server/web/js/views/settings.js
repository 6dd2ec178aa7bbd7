/** What the user can set. */

import { h } from "../dom.js";
import { isComposing } from "../keys.js";
import { change, settings } from "../settings.js";
import { t } from "../strings.js";
import { conductSetting } from "./conduct.js";
import { confirm, openDialog } from "./dialog.js";
import { tasteSetting } from "./taste.js";

/** @param {string|null} focused name of the setting that gets the focus: after a change of language the window is built anew */
export function openSettings(session, focused = null) {
  const isMac = /Mac|iP/.test(navigator.platform);
  const meta = isMac ? "⌘" : "Ctrl";
  const dialog = openDialog({
    title: t("settings"),
    kind: "settings",
    content: [
      h(
        "div",
        { class: "dialog-scroll" },
        nameRow(session),
        choice("language", t("language"), { ko: "한국어", en: "English" }, () => {
          dialog.close();
          openSettings(session, "language");
        }),
        choice("theme", t("theme"), { system: t("themeSystem"), dark: t("themeDark"), light: t("themeLight") }),
        choice("text", t("textSize"), {
          small: t("textSmall"),
          normal: t("textNormal"),
          large: t("textLarge"),
          huge: t("textHuge"),
        }),
        choice("sendKey", t("sendKey"), { enter: "Enter", ctrl: `${meta}+Enter` }, () => {}, t("sendKeyHint")),
        h(
          "section",
          { class: "setting" },
          h("h3", {}, t("shortcuts")),
          h(
            "dl",
            { class: "shortcuts" },
            ...shortcut(`${meta}+K`, t("shortcutSearch")),
            ...shortcut("Alt+N", t("shortcutNew")),
            ...(session.state.hasMemory ? shortcut("Alt+M", t("shortcutMemory")) : []),
            ...shortcut("Esc", t("shortcutStop")),
            ...shortcut("↑", t("shortcutEdit")),
          ),
        ),
        ...[tasteSetting(session, characterName(session)), conductSetting(session)].filter(Boolean),
        h(
          "section",
          { class: "setting account-row" },
          h("div", {}, h("h3", {}, t("account")), h("p", { class: "setting-hint" }, about(session.state))),
          h("button", { type: "button", class: "button", on: { click: leave } }, t("logOut")),
        ),
      ),
    ],
  });
  dialog.querySelector(focused ? `input[name="${focused}"]:checked` : ".dialog-head button").focus();

  async function leave() {
    const unsent = session.state.outbox.some((entry) => entry.text !== undefined && entry.status !== "acked");
    const text = unsent ? `${t("logOutText")} ${t("logOutUnsent")}` : t("logOutText");
    if (!(await confirm({ title: t("logOutTitle"), text, action: t("logOut") }))) return;
    dialog.close();
    session.logOut();
  }
}

function characterName({ state }) {
  return state.chats.find((chat) => chat.id === state.current)?.character ?? "오로라";
}

function about({ account, version, model }) {
  return [account, t("version", version), model?.name].filter(Boolean).join(" · ");
}

function shortcut(key, text) {
  return [h("dt", {}, h("kbd", {}, key)), h("dd", {}, text)];
}

/** A row of choices, of which one holds. */
function choice(name, label, options, onChange = () => {}, hint = null) {
  return h(
    "section",
    { class: "setting" },
    h("h3", { id: `choice-${name}` }, label),
    h(
      "div",
      { class: "choices", role: "radiogroup", "aria-labelledby": `choice-${name}` },
      ...Object.entries(options).map(([value, text]) =>
        h(
          "label",
          {},
          h("input", {
            type: "radio",
            name,
            value,
            checked: settings()[name] === value,
            on: {
              change: () => {
                change({ [name]: value });
                onChange();
              },
            },
          }),
          h("span", {}, text),
        ),
      ),
    ),
    hint && h("p", { class: "setting-hint" }, hint),
  );
}

function nameRow(session) {
  const input = h("input", {
    type: "text",
    class: "field",
    id: "user-name",
    maxlength: "40",
    autocomplete: "nickname",
    placeholder: t("userNamePlaceholder"),
    "aria-describedby": "user-name-hint",
    prop: { value: session.state.userName },
  });
  const done = h("span", { class: "setting-done", role: "status" });
  const form = h(
    "form",
    { class: "setting" },
    h("label", { for: "user-name" }, t("userName")),
    h("div", { class: "row" }, input, h("button", { type: "submit", class: "button" }, t("save")), done),
    h("p", { class: "setting-hint", id: "user-name-hint" }, t("userNameHint")),
  );
  input.addEventListener("input", () => (done.textContent = ""));
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && isComposing(event)) event.preventDefault();
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (await session.setName(input.value.trim())) done.textContent = t("saved");
  });
  return form;
}
