/** The list of conversations. */

import { h, keyed, setText } from "../dom.js";
import { icon } from "../icons.js";
import { t } from "../strings.js";
import { brief, section } from "../time.js";
import { iconButton } from "./button.js";
import { confirm, prompt } from "./dialog.js";

/**
 * @param {import("../session.js").Session} session
 * @param {object} go what the shell does: newChat, openCards, openSearch, openSettings, openChat(id), closeDrawer,
 *   importFile(file)
 */
export function sidebarView(session, go) {
  const list = h("ul", { class: "chats" });
  const none = h("p", { class: "chats-none" }, t("noChats"));
  const show = keyed(list, {
    key: (item) => item.key,
    create: (item) => (item.heading ? headingRow(item) : chatRow(session, go, item.chat.id)),
  });
  const picker = h("input", { type: "file", hidden: true, accept: ".png,.json,.jsonl", tabindex: "-1" });
  picker.addEventListener("change", async () => {
    for (const file of picker.files) await go.importFile(file);
    picker.value = "";
  });
  const account = h("span", { class: "account" });

  const element = h(
    "aside",
    { class: "sidebar", id: "sidebar", "aria-label": t("chats") },
    h(
      "header",
      { class: "sidebar-head" },
      h("img", { src: "/icon.svg", alt: "", width: "28", height: "28" }),
      h("span", { class: "brand" }, "Oh-LoRA", h("em", {}, "오로라")),
      iconButton("close", t("closeMenu"), go.closeDrawer, "only-drawer"),
    ),
    h(
      "div",
      { class: "sidebar-new" },
      h("button", { type: "button", class: "button new-chat", on: { click: go.newChat } }, icon("plus"), t("newChat")),
      iconButton("card", t("newChatWith"), go.openCards, "outlined"),
    ),
    h(
      "button",
      { type: "button", class: "search-open", on: { click: go.openSearch } },
      icon("search"),
      h("span", {}, t("search")),
      h("kbd", {}, /Mac|iP/.test(navigator.platform) ? "⌘K" : "Ctrl K"),
    ),
    h("nav", { class: "chats-scroll", "aria-label": t("chats") }, none, list),
    h(
      "footer",
      { class: "sidebar-foot" },
      account,
      iconButton("upload", t("importFile"), () => picker.click()),
      iconButton("settings", t("settings"), go.openSettings),
    ),
    picker,
  );

  let shown = null;

  function update({ chats, current, open, account: name }) {
    const liveChats = Object.values(open).filter((chat) => chat.live !== null).map((chat) => chat.id);
    const now = [chats, current, name, liveChats.join(" ")];
    // Every word of a reply comes by here; the list has nothing to do with it.
    if (shown?.every((value, index) => value === now[index])) return;
    shown = now;
    const items = [];
    let last = null;
    for (const chat of chats) {
      const part = section(chat.updated);
      if (part !== last) items.push({ key: `# ${part}`, heading: part });
      last = part;
      const isLive = open[chat.id] ? open[chat.id].live !== null : chat.live;
      items.push({ key: chat.id, chat, isCurrent: chat.id === current, isLive });
    }
    show(items);
    none.hidden = chats.length > 0;
    setText(account, name ?? "");
  }

  return { element, update };
}

function headingRow({ heading }) {
  return { element: h("li", { class: "chats-heading" }, t(heading)), update: () => {} };
}

function chatRow(session, go, id) {
  let chat = null;
  const title = h("span", { class: "chat-title" });
  const preview = h("span", { class: "chat-preview" });
  const time = h("span", { class: "chat-time" });
  const dot = h("span", { class: "live-dot", role: "img", "aria-label": t("live"), hidden: true });
  const open = h(
    "button",
    { type: "button", class: "chat-open", on: { click: () => go.openChat(id) } },
    h("span", { class: "chat-top" }, title, dot, time),
    preview,
  );
  const rename = async () => {
    const value = await prompt({ title: t("renameTitle"), label: t("renameLabel"), value: chat.title, limit: 120 });
    if (value && value !== chat.title) session.rename(id, value);
  };
  const remove = async () => {
    if (await confirm({ title: t("deleteChatTitle"), text: t("deleteChatText", chat.title) })) session.deleteChat(id);
  };
  const element = h(
    "li",
    { class: "chat", data: { chat: id } },
    open,
    h(
      "span",
      { class: "chat-tools" },
      iconButton("pencil", t("rename"), rename, "small"),
      iconButton("download", t("exportChat"), () => session.exportChat(id), "small"),
      iconButton("trash", t("deleteChat"), remove, "small"),
    ),
  );

  function update(item) {
    chat = item.chat;
    setText(title, chat.title);
    // One line, without the marks of *actions*.
    setText(preview, chat.preview.replaceAll("*", "") || "…");
    setText(time, brief(chat.updated));
    dot.hidden = !item.isLive;
    element.classList.toggle("current", item.isCurrent);
    if (item.isCurrent) open.setAttribute("aria-current", "page");
    else open.removeAttribute("aria-current");
  }

  return { element, update };
}
