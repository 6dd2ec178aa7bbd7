/** The messages of the chat on screen, and where in them the user looks. */

import { h, keyed, setText } from "../dom.js";
import { icon } from "../icons.js";
import { isBusy, shown } from "../store.js";
import { t } from "../strings.js";
import { day, dayKey } from "../time.js";
import { messageView } from "./message.js";

const PAGE = 80; // messages in the document; earlier ones come when asked for
const NEAR_END = 48; // px from the end that still count as being there

/** @param {object} act see `messageView`; and newChat */
export function conversationView(act) {
  const list = h("ol", { class: "messages", "aria-label": t("conversation") });
  const older = h("button", { type: "button", class: "older", hidden: true, on: { click: showOlder } }, t("older"));
  const loading = h("p", { class: "loading", role: "status" }, t("loadingChat"));
  const empty = h(
    "div",
    { class: "empty" },
    h("img", { src: "/icon.svg", alt: "", width: "56", height: "56" }),
    h("h2", {}, t("emptyTitle")),
    h("p", {}, t("emptyText")),
    h("button", { type: "button", class: "button primary", on: { click: act.newChat } }, icon("plus"), t("newChat")),
  );
  const inner = h("div", { class: "scroll-inner" }, older, list, loading, empty);
  const scroller = h("div", { class: "scroll", tabindex: "-1" }, inner);
  const toEnd = h(
    "button",
    { type: "button", class: "to-end", hidden: true, on: { click: () => goToEnd(true) } },
    icon("down"),
    t("toEnd"),
  );
  const element = h("div", { class: "conversation" }, scroller, toEnd);
  const show = keyed(list, {
    key: (item) => item.key,
    create: (item) => (item.day ? dayRow(item) : messageView(item, act)),
  });

  let chatId = null;
  let count = PAGE;
  let total = 0;
  let isAtEnd = true;
  let lastKey = null;
  let latest = null;

  scroller.addEventListener("scroll", () => {
    isAtEnd = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < NEAR_END;
    toEnd.hidden = isAtEnd;
  });
  // Words arriving, the box below growing, a phone turned over: who reads the end keeps reading the end.
  const follow = new ResizeObserver(() => isAtEnd && goToEnd(false));
  follow.observe(inner);
  follow.observe(scroller);

  function goToEnd(isSmooth) {
    const still = !isSmooth || matchMedia("(prefers-reduced-motion: reduce)").matches;
    scroller.scrollTo({ top: scroller.scrollHeight, behavior: still ? "instant" : "smooth" });
  }

  function showOlder() {
    const fromEnd = scroller.scrollHeight - scroller.scrollTop;
    count += PAGE;
    update(...latest);
    scroller.scrollTop = scroller.scrollHeight - fromEnd;
  }

  function update(state, ui) {
    latest = [state, ui];
    const items = shown(state, state.current);
    if (state.current !== chatId) {
      chatId = state.open[state.current] ? state.current : null; // begins when its messages are there
      count = PAGE;
      isAtEnd = true;
      lastKey = null;
    }
    else count += Math.max(0, items.length - total); // what arrives pushes nothing out above
    total = items.length;
    const jump = items.findIndex((item) => item.message.id === ui.jump);
    if (jump !== -1) count = Math.max(count, items.length - jump + 10);
    const first = Math.max(0, items.length - count);
    show(rows(state, ui, items, first));
    older.hidden = first === 0;
    loading.hidden = !state.current || Boolean(state.open[state.current]);
    empty.hidden = state.current !== null;
    followOwn(items.at(-1));
    if (jump !== -1) jumpTo(ui);
    else if (isAtEnd) goToEnd(false);
  }

  /** What the user just said is looked at, wherever the page stood. */
  function followOwn(last) {
    const key = last?.entry && !last.entry.error ? last.message.id : null;
    if (key && key !== lastKey) {
      isAtEnd = true;
      toEnd.hidden = true;
    }
    if (key) lastKey = key;
  }

  function jumpTo(ui) {
    const row = list.querySelector(`[data-message="${CSS.escape(ui.jump)}"]`);
    ui.jump = null;
    isAtEnd = false;
    row.scrollIntoView({ block: "center", behavior: "instant" });
    row.classList.remove("found");
    requestAnimationFrame(() => row.classList.add("found"));
    row.addEventListener("animationend", () => row.classList.remove("found"), { once: true });
  }

  return { element, update, focus: () => scroller.focus() };
}

function rows(state, ui, items, first) {
  const chat = state.open[state.current];
  const summary = state.chats.find((other) => other.id === state.current);
  const busy = isBusy(state, state.current);
  const found = [];
  let lastDay = null;
  for (let i = first; i < items.length; i += 1) {
    const { message } = items[i];
    const today = dayKey(message.created);
    if (today !== lastDay) found.push({ key: `day ${today} ${message.id}`, day: message.created });
    lastDay = today;
    found.push({
      // A message keeps its row when the server's version takes the place of the one on its way.
      key: `${message.role} ${message.client_id ?? message.id}`,
      ...items[i],
      name: summary?.character ?? "오로라",
      isLast: i === items.length - 1,
      isBusy: busy,
      isEditing: ui.editing === message.id,
      isOnline: ui.isOnline,
      face: state.hasFace ? state.current : null,
      look: state.look,
      note: chat.notes[message.id],
      isBanned: state.ban !== null,
      decision: decisionOf(chat, message),
      saved: state.saved[message.id],
      used: chat.used[message.id],
      asked: chat.asked[message.id],
      limit: state.limits.text,
    });
  }
  return found;
}

/** A strike stands below the message it is about, an offer of help below her answer. */
function decisionOf(chat, { id, parent, role }) {
  const found = chat.decisions[role === "user" ? id : parent];
  return found && (found.step === "care") === (role === "assistant") ? found : null;
}

function dayRow(item) {
  const element = h("li", { class: "day" }, h("span"));
  return { element, update: () => setText(element.firstChild, day(item.day)) };
}
