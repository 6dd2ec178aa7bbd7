/**
 * The state of the page, as a pure function of what the server said and what the user sent.
 *
 * Nothing here touches the document, the socket, the clock or storage: each function takes a state and returns the next,
 * sharing all that did not change, so that views can compare by identity and node can test it.
 *
 * State:
 *   account, userName, model, limits, version: from `welcome`; account is null before it.
 *   chats: summaries, newest first.
 *   open: chat id → Chat, of the chats this page holds.
 *   current: id of the chat on screen, or null.
 *   cards: card summaries, or null while unknown.
 *   hasFace: her face can be watched. look: changes when another face was chosen for her. hasMemory: she remembers what the user tells. saved: message id → memories that were taken from it just now.
 *   hasConduct: what is said is judged. ban: the ban that holds, or null. isOperator: may use the operator's page.
 *   outbox: what was said and is not yet seen in a chat, in order (see `queue`).
 *
 * Chat:
 *   seq: last event applied. stale: an event was missed, a new snapshot is needed.
 *   messages: id → message, in the order they were made. children: parent id (or null) → ids.
 *   active: last message of the line on screen. live: the reply being written, or null.
 *   face: the last `face.set`, or null. notes: message id → {reason, error} of turns that did not end well.
 *   decisions: message id → the warning, ban or offer of help that it brought.
 *   used: reply id → memories it recalls. asked: reply id → {ids, texts} she asks whether to forget.
 */

const EVENTS = new Set([
  "turn.start",
  "turn.delta",
  "turn.done",
  "turn.picked",
  "face.set",
  "message.added",
  "message.removed",
  "message.marked",
  "memory.used",
  "memory.forget_asked",
  "notice.warn",
  "notice.ban",
  "notice.care",
]);

export function initialState() {
  return {
    account: null,
    userName: "",
    model: null,
    limits: { text: 4000, frame: 65536, upload: 32 * 1024 * 1024 },
    version: "",
    chats: [],
    open: {},
    current: null,
    cards: null,
    hasMemory: false,
    hasFace: false,
    look: null,
    hasConduct: false,
    isOperator: false,
    ban: null,
    saved: {},
    outbox: [],
  };
}

// ------------------------------------------------------------------------------------------------ what the server says

/** The state after one message of the server. Messages of unknown type change nothing. */
export function apply(state, envelope) {
  const data = envelope.data ?? {};
  // As an event a ban tells what happened in the chat, perhaps long ago; told to everybody, what holds from now on.
  if (envelope.type === "notice.ban" && envelope.seq === undefined) return { ...state, ban: data.ban };
  if (EVENTS.has(envelope.type)) return applyEvent(state, envelope, data);
  switch (envelope.type) {
    case "welcome":
      return welcome(state, data);
    case "chat.list":
      return keepOnly({ ...state, chats: newestFirst(data.chats) });
    case "chat.changed":
      return { ...state, chats: withSummary(state.chats, data.chat) };
    case "chat.removed":
      return keepOnly({
        ...state,
        chats: state.chats.filter((chat) => chat.id !== envelope.chat),
        outbox: state.outbox.filter((entry) => entry.chat !== envelope.chat),
      });
    case "chat.snapshot":
      return snapshot(state, data);
    case "card.list":
      return { ...state, cards: data.cards };
    case "profile":
      return { ...state, userName: data.name };
    case "turn.ack":
      return acknowledged(state, data);
    case "memory.saved":
      return { ...state, saved: { ...state.saved, [data.message]: data.memories } };
    case "memory.changed":
      return memoryChanged(state, data.memory);
    case "memory.forgotten":
      return memoriesGone(state, data);
    case "face.chosen":
      return { ...state, look: data.current.face };
    case "notice.lifted":
      return data.decisions.reduce(decided, { ...state, ban: data.ban });
    case "conduct.changed":
      return decided(state, data.decision);
    default:
      return state;
  }
}

function welcome(state, data) {
  return keepOnly({
    ...state,
    account: data.account,
    userName: data.user_name,
    model: data.model,
    limits: { ...state.limits, ...data.limits },
    version: data.server,
    hasMemory: data.memory !== false,
    hasFace: data.face === true,
    hasConduct: data.conduct === true,
    isOperator: data.operator === true,
    ban: data.ban ?? null,
    chats: newestFirst(data.chats),
  });
}

/** Lets go of what belongs to chats that are no longer listed. */
function keepOnly(state) {
  const listed = new Set(state.chats.map((chat) => chat.id));
  const open = Object.fromEntries(Object.entries(state.open).filter(([id]) => listed.has(id)));
  return { ...state, open, current: listed.has(state.current) ? state.current : null };
}

function newestFirst(chats) {
  return [...chats].sort((a, b) => b.updated - a.updated);
}

function withSummary(chats, summary) {
  return newestFirst([summary, ...chats.filter((chat) => chat.id !== summary.id)]);
}

function snapshot(state, data) {
  const id = data.chat.id;
  const chat = {
    id,
    seq: data.seq,
    stale: false,
    messages: new Map(data.messages.map((message) => [message.id, message])),
    children: childrenOf(data.messages),
    active: data.active,
    live: data.messages.find((message) => message.status === "live")?.id ?? null,
    face: data.face ?? null,
    notes: state.open[id]?.notes ?? {},
    decisions: Object.fromEntries((data.decisions ?? []).map((decision) => [decision.message, decision])),
    used: data.used ?? {},
    asked: Object.fromEntries((data.asked ?? []).map((asked) => [asked.message, asked])),
  };
  const arrived = new Set(data.messages.map((message) => message.client_id));
  const outbox = state.outbox.filter(
    (entry) => entry.chat !== id || !(arrived.has(entry.client_id) || entry.status === "acked"),
  );
  const saved = { ...state.saved, ...data.saved };
  return { ...withChat(state, chat), chats: withSummary(state.chats, data.chat), outbox, saved };
}

/** An object with each list filtered; lists that become empty leave. The same object where nothing changed. */
function without(lists, gone) {
  const left = {};
  let isSame = true;
  for (const [key, memories] of Object.entries(lists)) {
    const kept = memories.filter((memory) => !gone.has(memory.id));
    if (kept.length === memories.length) left[key] = memories;
    else isSame = false;
    if (kept.length > 0 && kept.length < memories.length) left[key] = kept;
  }
  return isSame ? lists : left;
}

function memoryChanged(state, memory) {
  const entries = Object.entries(state.saved).map(([message, memories]) => [
    message,
    memories.some((other) => other.id === memory.id)
      ? memories.map((other) => (other.id === memory.id ? memory : other))
      : memories,
  ]);
  return { ...state, saved: Object.fromEntries(entries) };
}

/** Memories are gone, or she keeps what she asked about: the question has its answer. */
function memoriesGone(state, { ids, message }) {
  const gone = new Set(ids);
  const open = Object.fromEntries(
    Object.entries(state.open).map(([id, chat]) => {
      const left = Object.entries(chat.asked).filter(
        ([reply, asked]) => reply !== message && asked.ids.some((memory) => !gone.has(memory)),
      );
      const asked = left.length === Object.keys(chat.asked).length ? chat.asked : Object.fromEntries(left);
      const used = without(chat.used, gone);
      return [id, asked === chat.asked && used === chat.used ? chat : { ...chat, asked, used }];
    }),
  );
  return { ...state, open, saved: without(state.saved, gone) };
}

/** A decision as it stands now: of the ban that holds, and in the chat where the page has it. */
function decided(state, decision) {
  const ban = state.ban?.decision === decision.id ? { ...state.ban, appealed: decision.appealed } : state.ban;
  const chat = state.open[decision.chat];
  const known = chat?.decisions[decision.message];
  return known ? withChat({ ...state, ban }, noted(chat, { ...known, ...decision })) : { ...state, ban };
}

function noted(chat, decision) {
  return { ...chat, decisions: { ...chat.decisions, [decision.message]: decision } };
}

function childrenOf(messages) {
  const children = new Map();
  for (const { id, parent } of messages) {
    if (children.has(parent)) children.get(parent).push(id);
    else children.set(parent, [id]);
  }
  return children;
}

function withChat(state, chat) {
  return { ...state, open: { ...state.open, [chat.id]: chat } };
}

function applyEvent(state, envelope, data) {
  const chat = state.open[envelope.chat];
  if (!chat || chat.stale) return state;
  const { seq } = envelope;
  if (!(seq > chat.seq)) return state; // replayed: seen already
  if (seq > chat.seq + 1) return withChat(state, { ...chat, stale: true });
  const next = REDUCERS[envelope.type]({ ...chat, seq }, data);
  return { ...withChat(state, next), outbox: settled(state.outbox, next.id, envelope.type, data) };
}

const REDUCERS = {
  "turn.start": (chat, { user, reply }) => ({
    ...withMessages(chat, user ? [user, reply] : [reply]),
    active: reply.id,
    live: reply.id,
  }),

  "turn.delta": (chat, { message, text }) => changed(chat, message, (old) => ({ ...old, text: old.text + text })),

  // The face changes before the first word; the live reply takes its mark from it and keeps what `turn.done` says later.
  "face.set": (chat, { emotion, strength, attributes }) =>
    changed({ ...chat, face: { emotion, strength, attributes } }, chat.live, (old) => ({ ...old, emotion, strength })),

  "turn.done": (chat, { reply, reason, error }) => ({
    ...withMessages(chat, [reply]),
    live: chat.live === reply.id ? null : chat.live,
    notes: reason === "complete" ? chat.notes : { ...chat.notes, [reply.id]: { reason, error: error ?? null } },
  }),

  "turn.picked": (chat, { active }) => ({ ...chat, active }),

  "message.added": (chat, { message }) => ({ ...withMessages(chat, [message]), active: message.id }),

  "message.removed": (chat, { messages: gone, active }) => {
    const messages = new Map(chat.messages);
    for (const id of gone) messages.delete(id);
    const live = gone.includes(chat.live) ? null : chat.live;
    return { ...chat, messages, children: childrenOf(messages.values()), active, live };
  },

  "memory.used": (chat, { message, memories }) => ({
    ...chat,
    used: memories.length > 0 ? { ...chat.used, [message]: memories } : chat.used,
  }),

  // Of a question that was answered meanwhile only an empty one is replayed.
  "memory.forget_asked": (chat, asked) => ({
    ...chat,
    asked: asked.ids.length > 0 ? { ...chat.asked, [asked.message]: asked } : chat.asked,
  }),

  "notice.warn": (chat, { decision }) => noted(chat, decision),
  "notice.ban": (chat, { decision }) => noted(chat, decision),
  "notice.care": (chat, { decision }) => noted(chat, decision),

  "message.marked": (chat, { message, good }) => changed(chat, message, (old) => ({ ...old, good })),
};

function withMessages(chat, added) {
  const messages = new Map(chat.messages);
  for (const message of added) messages.set(message.id, message);
  const grown = messages.size !== chat.messages.size;
  return { ...chat, messages, children: grown ? childrenOf(messages.values()) : chat.children };
}

function changed(chat, id, change) {
  const old = chat.messages.get(id);
  if (!old) return chat;
  return { ...chat, messages: new Map(chat.messages).set(id, change(old)) };
}

/** Chats of which an event was missed. */
export function staleChats(state) {
  return Object.values(state.open)
    .filter((chat) => chat.stale)
    .map((chat) => chat.id);
}

/** What `hello` tells the server: the last event seen of each chat held, the newest 50 (the server's limit). */
export function lastSeen(state) {
  const held = state.chats.filter((chat) => state.open[chat.id]).slice(0, 50);
  return Object.fromEntries(held.map(({ id }) => [id, state.open[id].seq]));
}

// ------------------------------------------------------------------------------------------------- what the user sends

/**
 * Adds something said to the outbox.
 *
 * @param {object} entry
 *   client_id: chosen once; chat: where; created: seconds since 1970.
 *   kind: "send" (text), "edit" (message, text) or "retry" (message).
 *   status: "waiting" (for the connection), "sent", "acked" (on the server's disk) or "failed" (`error` says why).
 */
export function queue(state, entry) {
  return { ...state, outbox: [...state.outbox, { status: "waiting", error: null, ...entry }] };
}

export function changeEntry(state, clientId, values) {
  const outbox = state.outbox.map((entry) => (entry.client_id === clientId ? { ...entry, ...values } : entry));
  return { ...state, outbox };
}

export function forget(state, clientId) {
  return { ...state, outbox: state.outbox.filter((entry) => entry.client_id !== clientId) };
}

/** The connection is gone: what had no answer will be sent again. */
export function disconnected(state) {
  const outbox = state.outbox.map((entry) => (entry.status === "sent" ? { ...entry, status: "waiting" } : entry));
  return { ...state, outbox };
}

/** Entries to send now. One live turn per chat: the rest of a chat waits for the end of it. */
export function ready(state) {
  return state.outbox.filter((entry, index) => {
    if (entry.status !== "waiting" || state.open[entry.chat]?.live) return false;
    const earlier = state.outbox.slice(0, index);
    return !earlier.some((other) => other.chat === entry.chat && other.status !== "failed");
  });
}

function acknowledged(state, { client_id: clientId, message, duplicate }) {
  const entry = state.outbox.find((other) => other.client_id === clientId);
  if (!entry) return state;
  const shown = entry.kind !== "retry" && state.open[entry.chat]?.messages.has(message);
  return duplicate || shown ? forget(state, clientId) : changeEntry(state, clientId, { status: "acked", answered: message });
}

/** The outbox without what an event brought into the chat. */
function settled(outbox, chatId, type, data) {
  if (type !== "turn.start" && type !== "message.added") return outbox;
  const added = type === "turn.start" ? [data.user, data.reply].filter(Boolean) : [data.message];
  const isHere = (entry) => {
    if (entry.chat !== chatId) return false;
    if (added.some((message) => message.client_id === entry.client_id || message.id === entry.answered)) return true;
    // A retry brings no message of the user: the reply that begins after its acknowledgement is its answer.
    return entry.kind === "retry" && type === "turn.start" && data.user === null && entry.status !== "failed";
  };
  return outbox.some(isHere) ? outbox.filter((entry) => !isHere(entry)) : outbox;
}

// ------------------------------------------------------------------------------------------------------ what is looked at

/** Messages from the beginning of the chat to its active end. */
export function line(chat) {
  const found = [];
  const seen = new Set();
  let message = chat.messages.get(chat.active);
  while (message && !seen.has(message.id)) {
    seen.add(message.id);
    found.push(message);
    message = chat.messages.get(message.parent);
  }
  return found.reverse();
}

/** What she feels in a chat: the last `face.set`, or before any (a greeting, an import) the mark of her last reply; or null. */
export function feeling(chat) {
  if (chat.face) return chat.face;
  const reply = line(chat).findLast((message) => message.emotion);
  return reply ? { emotion: reply.emotion, strength: reply.strength, attributes: {} } : null;
}

/** The versions that stand beside a message (itself included), oldest first. */
export function variants(chat, message) {
  return chat.children.get(message.parent) ?? [message.id];
}

/**
 * What the conversation shows: the active line, with what is still in the outbox in its place.
 *
 * @returns {Array<{message: object, entry: object|null, variants: string[]}>} `entry` is set on what is not confirmed yet
 */
export function shown(state, chatId) {
  const chat = state.open[chatId];
  if (!chat) return [];
  let items = line(chat).map((message) => ({ message, entry: null, variants: variants(chat, message) }));
  for (const entry of state.outbox) {
    if (entry.chat !== chatId) continue;
    const at = entry.kind === "send" ? -1 : items.findIndex((item) => item.message.id === entry.message);
    const replaced = at === -1 ? null : items[at].message;
    const role = entry.kind === "retry" ? "assistant" : (replaced?.role ?? "user");
    // A retry of a user's message (one that has no reply yet) stays and gets its reply; all else takes a message's place.
    if (replaced) items = items.slice(0, entry.kind === "retry" && replaced.role === "user" ? at + 1 : at);
    items.push({ message: pending(entry, role), entry, variants: [] });
  }
  return items;
}

function pending(entry, role) {
  return {
    id: entry.client_id,
    parent: null,
    role,
    text: entry.text ?? "",
    status: entry.kind === "retry" ? "live" : "complete",
    emotion: null,
    strength: null,
    created: entry.created,
    good: null,
  };
}

/** Is a reply being written, or something on its way that will bring one? */
export function isBusy(state, chatId) {
  if (state.open[chatId]?.live) return true;
  return state.outbox.some((entry) => entry.chat === chatId && entry.status !== "failed");
}
