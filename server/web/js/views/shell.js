/** The page of somebody who is logged in: list, conversation and stage, and what the keyboard does. */

import { copyText } from "../clipboard.js";
import { h } from "../dom.js";
import { isComposing, isLetter } from "../keys.js";
import { isBusy } from "../store.js";
import { t } from "../strings.js";
import { announcerView } from "./announcer.js";
import { openCards } from "./cards.js";
import { composerView, lastOwn } from "./composer.js";
import { openAppeal } from "./conduct.js";
import { conversationView } from "./conversation.js";
import { confirm, isDialogOpen } from "./dialog.js";
import { headerView } from "./header.js";
import { openMemories } from "./memories.js";
import { openSearch } from "./search.js";
import { openSettings } from "./settings.js";
import { sidebarView } from "./sidebar.js";
import { stageView } from "./stage.js";

const LOST_AFTER_MS = 900; // a blink of the network is not worth a word
const BACK_FOR_MS = 2500;

/** @returns {{element: Element, update: () => void, remove: () => void}} */
export function shellView(session) {
  const ui = { editing: null, jump: null, stageOpen: false, isOnline: session.phase === "ready" };
  const wide = matchMedia("(min-width: 1080px)");
  let frame = null;
  let connectionTimer = null;
  let isLostTold = false;

  const go = {
    newChat: async () => {
      closeDrawer();
      if (await session.newChat()) composer.focus();
    },
    openCards: () => {
      closeDrawer();
      openCards(session);
    },
    openSearch: () => {
      closeDrawer();
      openSearch(session, jumpTo);
    },
    openSettings: () => {
      closeDrawer();
      openSettings(session);
    },
    openChat: async (chat) => {
      closeDrawer();
      ui.editing = null;
      await session.open(chat);
      if (matchMedia("(hover: hover)").matches) composer.focus();
    },
    openMemories: (memory = null) => {
      closeDrawer();
      if (session.state.hasMemory) openMemories(session, characterName(), memory);
    },
    openDrawer,
    closeDrawer,
    toggleStage: () => {
      ui.stageOpen = !ui.stageOpen;
      element.classList.toggle("stage-shown", ui.stageOpen);
      update();
    },
    importFile,
  };
  const act = {
    newChat: go.newChat,
    send: (text) => session.send(text),
    typing: () => session.typing(),
    portrait: (chat, emotion, strength) => session.portrait(chat, emotion, strength),
    stop: () => session.stopTurn(),
    wait: () => session.notice("info", t("waitForEnd", characterName())),
    copy: async ({ message }) => {
      const isCopied = await copyText(message.text);
      if (!isCopied) session.notice("error", t("copyFailed"));
      return isCopied;
    },
    mark: ({ message }, good) => session.mark(message.id, good),
    retry: ({ message }) => session.retry(message.id),
    edit: ({ message }) => edit(message.id),
    editLast: () => {
      const message = lastOwn(session.state);
      if (message && !session.state.ban && !isBusy(session.state, session.state.current)) edit(message.id);
    },
    saveEdit: (message, text) => {
      ui.editing = null;
      session.edit(message, text);
      composer.focus();
    },
    cancelEdit: () => {
      edit(null);
      composer.focus();
    },
    remove: async ({ message }) => {
      if (await confirm({ title: t("deleteMessageTitle"), text: t("deleteMessageText") })) session.deleteMessage(message.id);
    },
    pick: (message) => session.pick(message),
    sendAgain: ({ entry }) => session.sendAgain(entry.client_id),
    takeBack: ({ entry }) => session.takeBack(entry.client_id),
    openMemories: go.openMemories,
    now: () => session.now(),
    banOver: () => session.banOver(),
    appeal: (decision) => openAppeal(session, decision.id),
    answerForget: ({ message }, isYes) => session.answerForget(session.state.current, message.id, isYes),
  };

  const sidebar = sidebarView(session, go);
  const header = headerView(go);
  const conversation = conversationView(act);
  const composer = composerView(act);
  const stage = stageView(session);
  const announcer = announcerView();
  const scrim = h("div", { class: "scrim", on: { click: closeDrawer } });
  const talk = h("main", { class: "talk" }, header.element, header.hint, conversation.element, composer.element);
  const element = h("div", { class: "shell" }, sidebar.element, scrim, talk, stage.element, announcer.element);

  const listeners = [
    [session, "change", schedule],
    [session, "phase", phaseChanged],
    [session, "draft", ({ detail }) => detail.chat === session.state.current && composer.reload()],
    [session, "edit", ({ detail }) => edit(detail.message)],
    [session, "words", () => stage.speak()],
    [session, "said", ({ detail }) => announcer.say(characterName(), detail.message.text)],
    [document, "keydown", onKey],
    [wide, "change", closeDrawer],
  ];
  for (const [source, type, handler] of listeners) source.addEventListener(type, handler);
  queueMicrotask(() => {
    update();
    if (matchMedia("(hover: hover)").matches) composer.focus();
  });

  function characterName() {
    return session.state.chats.find((chat) => chat.id === session.state.current)?.character ?? "오로라";
  }

  function edit(message) {
    ui.editing = message;
    update();
  }

  async function jumpTo(hit) {
    ui.jump = hit.message;
    if (await session.show(hit.chat, hit.message)) schedule();
    else {
      ui.jump = null;
      session.notice("info", t("jumpFailed"));
    }
  }

  async function importFile(file) {
    const done = await session.importFile(file);
    if (!done?.card) return;
    closeDrawer();
    if (!isDialogOpen()) openCards(session, done.card);
  }

  function openDrawer() {
    element.classList.add("drawer-open");
    talk.inert = true;
    sidebar.element.querySelector("button.only-drawer").focus();
  }

  function closeDrawer() {
    if (!element.classList.contains("drawer-open")) return;
    element.classList.remove("drawer-open");
    talk.inert = false;
    talk.querySelector("button.only-drawer").focus();
  }

  function phaseChanged() {
    const wasOnline = ui.isOnline;
    ui.isOnline = session.phase === "ready";
    if (ui.isOnline !== wasOnline) tellConnection(); // and not again for each attempt in vain
    schedule();
  }

  function tellConnection() {
    clearTimeout(connectionTimer);
    if (!ui.isOnline) {
      connectionTimer = setTimeout(() => {
        isLostTold = true;
        composer.tell(t("lost"), "lost");
      }, LOST_AFTER_MS);
    } else if (isLostTold) {
      isLostTold = false;
      composer.tell(t("back"), "good");
      connectionTimer = setTimeout(() => composer.tell("", ""), BACK_FOR_MS);
    }
  }

  function onKey(event) {
    if (isComposing(event) || isDialogOpen()) return;
    const isCommand = event.ctrlKey || event.metaKey;
    if (isCommand && !event.altKey && !event.shiftKey && isLetter(event, "k")) go.openSearch();
    else if (event.altKey && !isCommand && !event.shiftKey && isLetter(event, "n")) go.newChat();
    else if (event.altKey && !isCommand && !event.shiftKey && isLetter(event, "m")) go.openMemories();
    else if (event.key === "Escape") escape();
    else return;
    event.preventDefault();
  }

  /** The innermost thing that can be left. */
  function escape() {
    if (element.classList.contains("drawer-open")) closeDrawer();
    else if (ui.editing) act.cancelEdit();
    else if (session.state.open[session.state.current]?.live) session.stopTurn();
  }

  /** One update for all that changes before the next frame; a hidden page has no frames. */
  function schedule() {
    if (frame !== null) return;
    frame = document.hidden ? setTimeout(update, 100) : requestAnimationFrame(update);
  }

  function update() {
    frame = null;
    const { state } = session;
    if (ui.editing && !state.open[state.current]?.messages.has(ui.editing)) ui.editing = null;
    sidebar.update(state);
    header.update(state, ui);
    conversation.update(state, ui);
    composer.update(state);
    stage.update(state);
  }

  function remove() {
    for (const [source, type, handler] of listeners) source.removeEventListener(type, handler);
    clearTimeout(connectionTimer);
    stage.remove();
    composer.remove();
    element.remove();
  }

  return { element, update: schedule, remove, importFile };
}
