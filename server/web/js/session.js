/**
 * What the user can do, carried out: it holds the state, the connection and the outbox together.
 *
 * Events: "change" (the state), "phase" (login, connecting, ready, lost), "notice" ({kind, text, topic}), "draft" ({chat}: a text
 * came back to the box), "edit" ({message}: a text came back to an edit), "said" ({chat, message}: a reply is finished),
 * "words" (a live reply of the current chat grew), "picture" (a frame of her face, see js/frames.js), "memory" (what she remembers has changed),
 * "face" (she looks different: the `current` of `face.chosen`).
 */

import { Connection, NoAnswer, Refused } from "./connection.js";
import { forgetAllDrafts, readDraft, writeDraft, writeEdit } from "./drafts.js";
import { newId } from "./ids.js";
import { readFrame } from "./frames.js";
import { forgetOutbox, keepOutbox, storedOutbox } from "./outbox.js";
import { Portraits } from "./portraits.js";
import { read, remove, write } from "./storage.js";
import * as store from "./store.js";
import { errorText, t } from "./strings.js";
import { assemble, CannotUpload, isWhole, kindOf, save, upload } from "./upload.js";

const MEMORY_NEWS = new Set(["memory.saved", "memory.changed", "memory.forgotten"]);
const TYPING_MS = 2000;
const REQUESTS = {
  send: ({ client_id, text }) => ["turn.send", { client_id, text }],
  edit: ({ client_id, message, text }) => ["message.edit", { client_id, message, text }],
  retry: ({ client_id, message }) => ["turn.retry", { client_id, message }],
};

export class Session extends EventTarget {
  constructor(url) {
    super();
    this.state = store.initialState();
    this.phase = "login";
    this.loginProblem = null;
    this.code = null;
    this.isRestored = false;
    this.isGreeted = false;
    this.opening = new Set();
    this.typedAt = 0;
    this.clockAhead = 0; // seconds by which the server's clock is ahead of this one
    this.connection = new Connection({
      url,
      hello: () => ({ ...this.credentials(), last_seq: store.lastSeen(this.state) }),
      onMessage: (envelope, isAnswer) => this.receive(envelope, isAnswer),
      onPicture: (buffer) => this.picture(buffer),
      onStatus: (status, text) => this.connected(status, text),
    });
    this.portraits = new Portraits(this.connection);
  }

  // ------------------------------------------------------------------------------------------------------ in and out

  credentials() {
    return this.code ? { login: this.code } : { token: read("token") };
  }

  /** Connects with what is stored, if anything is. */
  start() {
    if (read("token")) this.connection.start();
    else this.enter("login");
  }

  logInWithCode(code) {
    this.code = code;
    this.connection.start();
  }

  logInWithToken(token) {
    this.code = null;
    write("token", token);
    this.connection.start();
  }

  logOut() {
    this.connection.stop();
    remove("token");
    remove("chat");
    forgetOutbox();
    forgetAllDrafts();
    this.isRestored = false;
    this.isGreeted = false;
    this.state = store.initialState();
    this.loginProblem = null;
    this.enter("login");
  }

  connected(status, text) {
    if (status === "refused") this.refusedLogin(text);
    else if (status === "ready") {
      this.restore();
      this.enter("ready");
      this.sync();
    } else {
      // Once inside, every attempt to come back is one "lost" to the user.
      this.enter(this.state.account === null ? "connecting" : "lost");
      this.set(store.disconnected(this.state));
    }
  }

  refusedLogin(text) {
    const wasCode = this.code !== null;
    this.code = null;
    // An old login link opened where somebody is logged in already: the kept token serves.
    if (wasCode && read("token")) {
      this.connection.start();
      return;
    }
    // What was said and not sent is kept on this device, and comes back when its account does.
    this.isRestored = false;
    this.state = store.initialState();
    this.loginProblem = wasCode ? t("loginCodeRefused") : errorText("loginRefused", text || t("loginRefused"));
    this.enter("login");
  }

  enter(phase) {
    this.phase = phase;
    this.dispatch("phase");
  }

  receive(envelope, isAnswer) {
    const { type, data, chat } = envelope;
    if (type === "welcome" && data.token) write("token", data.token);
    if (type === "welcome") {
      this.code = null;
      this.clockAhead = data.time ? data.time - Date.now() / 1000 : 0;
    }
    if (type === "face.chosen") this.portraits.know(data.current.face);
    this.set(store.apply(this.state, envelope));
    if (type === "face.chosen") this.dispatch("face", data.current);
    if (type === "error" && !isAnswer) this.notice("error", errorText(data.code, data.text));
    if (MEMORY_NEWS.has(type)) this.dispatch("memory");
    if (type === "turn.delta" && chat === this.state.current) this.dispatch("words");
    if (type === "turn.done" && chat === this.state.current) this.dispatch("said", { chat, message: data.reply });
  }

  picture(buffer) {
    const frame = readFrame(buffer);
    if (frame) this.dispatch("picture", frame);
  }

  set(state) {
    if (state === this.state) return;
    keepOutbox(this.state.outbox, state.outbox, state.account);
    const left = this.state.current !== null && state.current === null;
    this.state = state;
    this.dispatch("change");
    if (this.phase !== "ready") return;
    // The chat on screen is gone, by this tab or another: show the newest that is left.
    if (left && state.chats.length > 0) this.open(state.chats[0].id);
    for (const chat of store.staleChats(state)) this.fetch(chat);
    this.flush();
  }

  /** Brings back what this account had said before a reload. */
  restore() {
    if (this.isRestored) return;
    this.isRestored = true;
    const known = new Set(this.state.outbox.map((entry) => entry.client_id));
    const entries = storedOutbox(this.state.account).filter((entry) => !known.has(entry.client_id));
    this.set(entries.reduce(store.queue, this.state));
  }

  /** After each login: the chat on screen is fetched, and what waited is sent. */
  async sync() {
    const { current, chats } = this.state;
    const last = read("chat");
    if (current !== null) await this.open(current);
    else if (chats.some((chat) => chat.id === last)) await this.open(last);
    else if (chats.length > 0) await this.open(chats[0].id);
    // A newcomer is greeted; one who deleted the last chat is left alone.
    else if (!this.isGreeted) await this.newChat();
    this.isGreeted = true;
    for (const chat of store.staleChats(this.state)) this.fetch(chat);
    this.flush();
  }

  // ----------------------------------------------------------------------------------------------------------- chats

  /** Shows a chat. */
  async open(chat) {
    write("chat", chat);
    this.set({ ...this.state, current: chat });
    if (!this.state.open[chat]) await this.fetch(chat);
  }

  async fetch(chat) {
    if (this.opening.has(chat) || this.phase !== "ready") return;
    this.opening.add(chat);
    try {
      await this.connection.request("chat.open", {}, { chat });
    } catch (error) {
      this.failed(error);
      // Deleted meanwhile: off the list, and another one is shown.
      if (error.code === "not_found") this.set(store.apply(this.state, { type: "chat.removed", chat, data: {} }));
    } finally {
      this.opening.delete(chat);
    }
  }

  /** Begins a chat and shows it. */
  async newChat({ card, greeting } = {}) {
    const answer = await this.ask("chat.open", { card, greeting });
    if (answer) await this.open(answer[0].data.chat.id);
    return answer !== null;
  }

  rename(chat, title) {
    return this.tell("chat.rename", { title }, chat);
  }

  deleteChat(chat) {
    return this.tell("chat.delete", {}, chat);
  }

  async exportChat(chat) {
    const parts = await this.ask("chat.export", {}, { chat, until: isWhole });
    if (parts) save(assemble(parts));
  }

  async search(query) {
    const answer = await this.ask("chat.search", { query });
    return answer ? answer[0].data.hits : null;
  }

  /** Shows a chat with the line that `message` stands on. Resolves to whether it is there. */
  async show(chat, message) {
    await this.open(chat);
    const opened = this.state.open[chat];
    if (!opened?.messages.has(message)) return false;
    if (!store.line(opened).some((other) => other.id === message)) await this.pick(message);
    return true;
  }

  // ------------------------------------------------------------------------------------------------- saying something

  send(text) {
    this.queue({ kind: "send", text });
  }

  edit(message, text) {
    this.queue({ kind: "edit", message, text });
  }

  retry(message) {
    if (this.phase !== "ready") this.notice("info", t("offline"));
    else this.queue({ kind: "retry", message });
  }

  queue(entry) {
    this.set(
      store.queue(this.state, { client_id: newId("c"), chat: this.state.current, created: Date.now() / 1000, ...entry }),
    );
  }

  sendAgain(clientId) {
    this.set(store.changeEntry(this.state, clientId, { status: "waiting", error: null }));
  }

  /** Takes a message that was not sent back into the box. */
  takeBack(clientId) {
    const entry = this.state.outbox.find((other) => other.client_id === clientId);
    if (entry) this.giveBack(entry);
  }

  giveBack(entry) {
    this.set(store.forget(this.state, entry.client_id));
    if (entry.kind === "edit" && this.state.open[entry.chat]?.messages.has(entry.message)) {
      writeEdit(entry.message, entry.text);
      this.dispatch("edit", { message: entry.message });
    } else if (entry.text !== undefined) {
      const begun = readDraft(entry.chat);
      writeDraft(entry.chat, begun ? `${entry.text}\n${begun}` : entry.text);
      this.dispatch("draft", { chat: entry.chat });
    }
  }

  flush() {
    if (this.phase !== "ready") return;
    for (const entry of store.ready(this.state)) this.deliver(entry);
  }

  async deliver(entry) {
    const id = entry.client_id;
    // Each change of the state flushes: this entry may have left in the course of an earlier one.
    if (!this.state.outbox.includes(entry)) return;
    this.set(store.changeEntry(this.state, id, { status: "sent" }));
    try {
      const [type, data] = REQUESTS[entry.kind](entry);
      await this.connection.request(type, data, { chat: entry.chat });
    } catch (error) {
      if (error instanceof NoAnswer) this.undelivered(id);
      else if (error instanceof Refused) this.refused(entry, error);
      else throw error;
    }
  }

  /** No answer in time: the same `client_id` again is harmless. */
  undelivered(id) {
    const entry = this.state.outbox.find((other) => other.client_id === id);
    if (entry?.status === "sent") this.set(store.changeEntry(this.state, id, { status: "waiting" }));
  }

  refused(entry, { code, message }) {
    const text = errorText(code, message);
    if (code === "banned") this.giveBack(entry); // the banner tells why
    else if (entry.kind === "retry" || code === "turn_live") {
      this.giveBack(entry);
      this.notice("error", text);
    } else {
      this.set(store.changeEntry(this.state, entry.client_id, { status: "failed", error: text }));
    }
  }

  stopTurn() {
    return this.tell("turn.stop");
  }

  pick(message) {
    return this.tell("turn.pick", { message });
  }

  deleteMessage(message) {
    return this.tell("message.delete", { message });
  }

  mark(message, good) {
    return this.tell("feedback", { message, good });
  }

  // -------------------------------------------------------------------------------------------------- cards and profile

  async loadCards() {
    await this.ask("card.list");
  }

  deleteCard(card) {
    return this.ask("card.delete", { card });
  }

  async exportCard(card) {
    const parts = await this.ask("card.export", { card, format: "png" }, { until: isWhole });
    if (parts) save(assemble(parts));
  }

  setName(name) {
    return this.ask("profile.set", { name });
  }

  // ---------------------------------------------------------------------------------------------------------- conduct

  /** The server's clock, in seconds since 1970. */
  now() {
    return Date.now() / 1000 + this.clockAhead;
  }

  /** The user's own warnings and bans, newest first, or null when they cannot be had. */
  async listDecisions() {
    const answer = await this.ask("conduct.list");
    return answer ? answer[0].data.decisions : null;
  }

  /** Resolves to whether the objection was taken. */
  async appeal(decision, text) {
    return (await this.ask("conduct.appeal", { decision, text })) !== null;
  }

  /** The time of the ban has passed. */
  banOver() {
    this.set({ ...this.state, ban: null });
    this.notice("info", t("banOver"), "ban");
  }

  // ------------------------------------------------------------------------------------------------------- her face

  /** Has frames of her face sent, or (null) no more. Resolves to the server's answer, or null when it is not to be had. */
  async watchFace(chat, fps) {
    try {
      const request = chat === null ? { on: false } : { on: true, fps };
      const [{ data }] = await this.connection.request("face.watch", request, { chat });
      if (data.on) this.portraits.know(data.face);
      return data.on ? data : null;
    } catch (error) {
      if (error instanceof Refused || error instanceof NoAnswer) return null;
      throw error;
    }
  }

  /** Her portrait with an emotion: a promise of an address for an image, or of null. */
  portrait(chat, emotion, strength, size) {
    const card = this.state.chats.find((summary) => summary.id === chat)?.card;
    return this.portraits.get({ chat, card, emotion, strength, size });
  }

  /** Faces to choose hers from (the server draws them at first), or null when they cannot be had. */
  async faceGallery(round, gender) {
    const answer = await this.ask("face.gallery", { round, gender }, { chat: this.state.current, timeout: 60_000 });
    return answer ? answer[0].data : null;
  }

  /** Resolves to how many faces are rated now, or null when it failed. */
  async rateFace(face, rating) {
    const answer = await this.ask("face.rate", { face, rating });
    return answer ? answer[0].data.ratings : null;
  }

  /** Resolves to whether it was done; so does the next. */
  async chooseFace(face) {
    return (await this.ask("face.choose", { face })) !== null;
  }

  async resetFace(ratings) {
    return (await this.ask("face.reset", { ratings })) !== null;
  }

  /** The user is writing: she looks up. */
  typing() {
    const now = Date.now();
    if (!this.state.hasFace || now - this.typedAt < TYPING_MS) return;
    this.typedAt = now;
    this.connection.hint("turn.typing", {}, { chat: this.state.current });
  }

  // ----------------------------------------------------------------------------------------------------------- memory

  /** A page of what she remembers: {memories, more, counts}, or null when it failed. */
  async listMemories(kind = null, before = null) {
    const answer = await this.ask("memory.list", { ...(kind && { kind }), ...(before && { before }) });
    return answer ? answer[0].data : null;
  }

  async searchMemories(text) {
    const answer = await this.ask("memory.search", { text });
    return answer ? answer[0].data : null;
  }

  /** Resolves to whether it was done; so do the next two. */
  async addMemory(kind, text) {
    return (await this.ask("memory.add", { kind, text })) !== null;
  }

  async editMemory(id, changes) {
    return (await this.ask("memory.edit", { id, ...changes })) !== null;
  }

  async forgetMemory(id) {
    return (await this.ask("memory.delete", { id })) !== null;
  }

  /** Answers a reply that asks whether to forget. */
  async answerForget(chat, message, isYes) {
    await this.ask("memory.forget", { message, confirm: isYes }, { chat });
  }

  /** Takes in a dropped or chosen file. Resolves to {card} or {chat}, or null when it failed (the user was told). */
  async importFile(file) {
    try {
      const kind = await kindOf(file);
      if (kind === null) {
        this.notice("error", t("unknownFile", file.name));
        return null;
      }
      this.notice("info", t("importing", file.name), "file");
      const id = await upload(this.connection, kind, file, this.state.limits.upload);
      return kind === "card" ? await this.importCard(id) : await this.importChat(id);
    } catch (error) {
      this.failed(error, "file");
      return null;
    }
  }

  async importCard(id) {
    const [{ data }] = await this.connection.request("card.import", { upload: id });
    const name = data.cards.find((card) => card.id === data.imported)?.name ?? "";
    this.notice("info", t("cardImported", name), "file");
    return { card: data.imported };
  }

  async importChat(id) {
    const [{ data }] = await this.connection.request("chat.import", { upload: id }, { timeout: 60_000 });
    await this.open(data.chat.id);
    this.notice("info", t("chatImported"), "file");
    return { chat: data.chat.id };
  }

  // ----------------------------------------------------------------------------------------------------------- helpers

  /** A request whose answer is wanted: the envelopes, or null when it failed (the user was told). */
  async ask(type, data = {}, options = {}) {
    try {
      return await this.connection.request(type, data, options);
    } catch (error) {
      this.failed(error);
      return null;
    }
  }

  /** A request whose effect comes as an event. */
  async tell(type, data = {}, chat = this.state.current) {
    try {
      await this.connection.tell(type, data, { chat });
    } catch (error) {
      this.failed(error);
    }
  }

  failed(error, topic) {
    if (error instanceof Refused) this.notice("error", errorText(error.code, error.message), topic);
    else if (error instanceof CannotUpload) this.notice("error", t(error.reason), topic);
    else if (error instanceof NoAnswer) this.notice("info", t(this.phase === "ready" ? "noAnswer" : "offline"), topic);
    else throw error;
  }

  /** @param {string} [topic] a later notice on the same topic takes the place of this one */
  notice(kind, text, topic) {
    this.dispatch("notice", { kind, text, topic });
  }

  dispatch(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
