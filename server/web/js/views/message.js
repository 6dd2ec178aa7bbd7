/** One message, with what can be done with it. */

import { attribute, h, setText } from "../dom.js";
import { tint } from "../emotions.js";
import { icon } from "../icons.js";
import { emotionName, t } from "../strings.js";
import { clock, fullDate } from "../time.js";
import { iconButton } from "./button.js";
import { markView } from "./conduct.js";
import { editorView } from "./editor.js";
import { portraitView } from "./portrait.js";
import { recollectionView } from "./recollection.js";
import { wordsView } from "./words.js";

/**
 * @param {object} item
 *   message, entry, variants: of `shown` in js/store.js; name: of the speaker; isLast; isBusy: the chat has a live turn;
 *   isEditing; face: the chat, where she has a face; look: of her, as it is now; note: {reason, error} or undefined; limit: characters; saved, used, asked: see `recollectionView`.
 * @param {object} act portrait, copy, mark, retry, edit, saveEdit, cancelEdit, remove, pick, sendAgain, takeBack, openMemories,
 *   answerForget, appeal
 */
export function messageView(item, act) {
  const isReply = item.message.role === "assistant";
  let now = item;
  let editor = null;

  const words = wordsView();
  const dots = h("div", { class: "thinking", role: "img", "aria-label": t("thinking", item.name) }, h("i"), h("i"), h("i"));
  const bubble = h("div", { class: "bubble" }, words.element, dots);
  const note = noteView(() => now, act);
  const recollection = recollectionView(() => now, act);
  const mark = markView(() => now, act);
  const chip = h("span", { class: "chip" }, h("span", { class: "chip-light" }), h("span", { class: "chip-word" }));
  const time = h("time", { class: "time" });
  const pager = pagerView(() => now, act);
  const tools = toolsView(isReply, () => now, act);
  const below = isReply ? [chip, pager.element, tools.element, time] : [time, tools.element, pager.element];
  const meta = h("div", { class: "meta" }, ...below);
  const speaker = h("span", { class: "hidden" }, isReply ? item.name : t("you"));
  const portrait = isReply ? portraitView(act.portrait) : null;
  const isNew = isReply ? item.message.status === "live" && !item.entry : item.entry !== null;
  const element = h(
    "li",
    { class: `message ${isReply ? "reply" : "user"}${isNew ? " new" : ""}` },
    portrait && portrait.element,
    h("div", { class: "body" }, speaker, bubble, note.element, mark.element, recollection.element, meta),
  );
  // On touch screens there is no hovering: a press on the words brings the tools up.
  bubble.addEventListener("click", () => {
    if (!String(getSelection())) element.classList.toggle("touched");
  });

  function update(next) {
    if (isSame(now, next) && now !== item) return;
    now = next;
    const { message, entry, isEditing } = next;
    const isLive = message.status === "live";
    element.dataset.message = message.id;
    edit(isEditing);
    words.update(message.text, isLive);
    words.element.hidden = isEditing || (isLive && !message.text);
    dots.hidden = isEditing || !isLive || Boolean(message.text);
    element.classList.toggle("pending", entry !== null && !isReply);
    element.classList.toggle("last", next.isLast);
    element.classList.toggle("editing", isEditing);
    attribute(element, "aria-busy", isLive ? "true" : null);
    note.update();
    mark.update();
    recollection.update();
    pager.update();
    tools.update();
    chip.hidden = !message.emotion;
    if (message.emotion) {
      tint(chip, message.emotion);
      setText(chip.lastChild, emotionName(message.emotion));
      chip.title = `${emotionName(message.emotion)} ${Math.round((message.strength ?? 0) * 100)}%`;
    }
    portrait?.update(next);
    setText(time, clock(message.created));
    time.dateTime = new Date(message.created * 1000).toISOString();
    time.title = [fullDate(message.created), message.model].filter(Boolean).join(" · ");
    meta.hidden = isEditing;
  }

  function edit(isEditing) {
    if (isEditing === (editor !== null)) return;
    editor?.element.remove();
    editor = null;
    if (!isEditing) return;
    editor = editorView({
      message: now.message,
      limit: now.limit,
      onSave: (text) => act.saveEdit(now.message.id, text),
      onCancel: () => act.cancelEdit(),
    });
    bubble.prepend(editor.element);
  }

  return { element, update };
}

function isSame(a, b) {
  return Object.keys(b).every((name) => (name === "variants" ? String(a.variants) === String(b.variants) : a[name] === b[name]));
}

/** The line below a message that did not go its usual way, with what can be done about it. */
function noteView(get, act) {
  const text = h("span");
  const buttons = h("span", { class: "note-actions" });
  const element = h("div", { class: "note" }, text, buttons);
  let kind = null;

  function update() {
    const found = noteOf(get());
    element.hidden = found === null;
    if (!found) return;
    setText(text, found.text);
    element.classList.toggle("bad", Boolean(found.isBad));
    if (found.kind === kind) return;
    kind = found.kind;
    buttons.replaceChildren(
      ...found.actions.map(([label, name]) =>
        h("button", { type: "button", class: "link", on: { click: () => act[name](get()) } }, t(label)),
      ),
    );
  }

  return { element, update };
}

function noteOf({ message, entry, note, isLast, isBusy, isBanned, isOnline }) {
  if (entry?.status === "failed") {
    const text = `${t("notSent")} · ${entry.error}`;
    return { kind: "unsent", text, isBad: true, actions: [["sendAgain", "sendAgain"], ["takeBack", "takeBack"]] };
  }
  if (entry && message.status !== "live") {
    return { kind: "sending", text: t(isOnline ? "sending" : "waiting"), actions: [] };
  }
  const again = isLast && !isBusy && !isBanned ? [["tryAgain", "retry"]] : [];
  const kind = `${message.status}${again.length}`;
  if (message.role === "user") return isLast && !isBusy ? { kind, text: t("unanswered"), actions: again } : null;
  switch (message.status) {
    case "failed":
      return { kind, text: message.error ?? note?.error ?? t("failed"), isBad: true, actions: again };
    case "interrupted":
      return { kind, text: t("interrupted"), actions: again };
    case "stopped":
      return { kind, text: t("stopped"), actions: [] };
    default:
      if (note?.reason === "length") return { kind: "length", text: t("lengthReached"), actions: [] };
      return message.edited ? { kind: "edited", text: t("edited"), actions: [] } : null;
  }
}

/** ‹ 1/3 ›: the versions of a message. */
function pagerView(get, act) {
  const count = h("span", { class: "pager-count" });
  const step = (by) => {
    const { message, variants } = get();
    act.pick(variants[variants.indexOf(message.id) + by]);
  };
  const previous = iconButton("left", t("previousVariant"), () => step(-1), "small");
  const next = iconButton("right", t("nextVariant"), () => step(1), "small");
  const element = h("span", { class: "pager", role: "group" }, previous, count, next);

  function update() {
    const { message, variants } = get();
    const index = variants.indexOf(message.id) + 1;
    element.hidden = variants.length < 2;
    setText(count, `${index}/${variants.length}`);
    element.setAttribute("aria-label", t("variants", index, variants.length));
    previous.disabled = index <= 1;
    next.disabled = index >= variants.length;
  }

  return { element, update };
}

function toolsView(isReply, get, act) {
  const tool = (name, label, run) => iconButton(name, label, run, "small");
  const thumb = (sign, label, good) =>
    h(
      "button",
      {
        type: "button",
        class: "icon-button small thumb",
        "aria-label": label,
        title: label,
        "aria-pressed": "false",
        on: { click: () => act.mark(get(), get().message.good === good ? null : good) },
      },
      sign,
    );
  const copy = tool("copy", t("copy"), async () => {
    if (!(await act.copy(get()))) return;
    const show = (name, label) => {
      copy.replaceChildren(icon(name));
      copy.setAttribute("aria-label", label);
    };
    show("check", t("copied"));
    setTimeout(() => show("copy", t("copy")), 1500);
  });
  const good = isReply ? thumb("👍", t("good"), true) : null;
  const bad = isReply ? thumb("👎", t("bad"), false) : null;
  const retry = isReply ? tool("retry", t("retry"), () => act.retry(get())) : null;
  const edit = tool("pencil", t(isReply ? "editReply" : "edit"), () => act.edit(get()));
  const remove = tool("trash", t("deleteMessage"), () => act.remove(get()));
  const all = [copy, good, bad, retry, edit, remove];
  const element = h("span", { class: "tools", role: "group", "aria-label": t("actions") }, ...all);

  function update() {
    const { message, entry, isBusy, isBanned } = get();
    element.hidden = entry !== null || message.status === "live";
    // The server refuses these while a turn is live or a ban holds; the buttons say so before.
    for (const button of [retry, edit]) if (button) button.disabled = isBusy || isBanned;
    remove.disabled = isBusy;
    // A greeting answers nothing that could be asked again.
    if (retry) retry.hidden = message.parent === null;
    for (const [button, mark] of [[good, true], [bad, false]]) {
      button?.setAttribute("aria-pressed", String(message.good === mark));
    }
  }

  return { element, update };
}
