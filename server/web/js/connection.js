/**
 * The socket: login, requests with answers, and coming back after a loss.
 *
 * It knows nothing of chats: `hello()` says what to log in with and what was seen last, `onMessage` gets every envelope.
 */

const REQUEST_TIMEOUT = 15_000;
const WELCOME_TIMEOUT = 10_000;
const PING_INTERVAL = 25_000;
const PING_TIMEOUT = 10_000;
const FIRST_DELAY = 500;
const LONGEST_DELAY = 8_000; // somebody may be sitting there waiting

const CLOSE_POLICY = 1008;
const CLOSE_TRY_LATER = 1013;

/** The server said no. `code` is one of the protocol's error codes, `message` the server's Korean sentence. */
export class Refused extends Error {
  constructor(code, text) {
    super(text);
    this.code = code;
  }
}

/** No answer: the connection was not there, was lost, or the time ran out. */
export class NoAnswer extends Error {}

/** How long to wait before attempt number `attempt` (from 0), in ms: doubling, capped, and spread so that clients do not
 * come back in step after a restart of the server. */
export function backoff(attempt, random = Math.random) {
  const full = Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** attempt);
  return full * (0.5 + random() / 2);
}

export class Connection {
  /**
   * @param {object} options
   *   url: of the websocket.
   *   hello: () => data of the first message, made anew at each connection.
   *   onMessage: (envelope) => void. onPicture: (ArrayBuffer) => void, for binary frames.
   *   onStatus: ("connecting" | "ready" | "lost" | "refused", text?) => void. "refused": the login was not accepted, and no
   *     further attempt is made until `start`.
   */
  constructor({ url, hello, onMessage, onPicture, onStatus }) {
    Object.assign(this, { url, hello, onMessage, onPicture, onStatus });
    this.socket = null;
    this.isReady = false;
    this.attempt = 0;
    this.lastId = 0;
    this.waiting = new Map(); // request id → {type, parts, until, resolve, reject}
    this.timers = { retry: null, welcome: null, ping: null };
    const hurry = () => this.hurry();
    addEventListener("online", hurry);
    document.addEventListener("visibilitychange", () => document.hidden || hurry());
  }

  start() {
    this.stop();
    this.attempt = 0;
    this.connect();
  }

  /** Closes for good, until `start`. */
  stop() {
    this.letGo(1000);
    this.cancelRetry();
  }

  cancelRetry() {
    clearTimeout(this.timers.retry);
    this.timers.retry = null;
  }

  connect() {
    this.cancelRetry();
    this.onStatus("connecting");
    const socket = new WebSocket(this.url);
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    // A socket that was let go may still report; nobody listens to it any more.
    const on = (type, handler) => socket.addEventListener(type, (event) => socket === this.socket && handler(event));
    on("open", () => this.write("hello", this.hello(), { id: this.nextId() }));
    on("message", (event) => this.receive(event.data));
    on("close", (event) => this.closed(event.code, event.reason));
    this.timers.welcome = setTimeout(() => this.lose(), WELCOME_TIMEOUT);
  }

  /** Takes leave of the socket without waiting for the other side, which may be unreachable. */
  letGo(code) {
    const { socket } = this;
    this.socket = null;
    this.isReady = false;
    clearTimeout(this.timers.welcome);
    clearInterval(this.timers.ping);
    if (socket && socket.readyState <= WebSocket.OPEN) socket.close(code);
    for (const request of [...this.waiting.values()]) request.reject(new NoAnswer("connection lost"));
  }

  /** The socket is silent or gone: try again after a while. */
  lose(least = 0) {
    this.letGo(4000);
    this.onStatus("lost");
    const delay = Math.max(least, backoff(this.attempt));
    this.attempt += 1;
    this.timers.retry = setTimeout(() => this.connect(), delay);
  }

  closed(code, reason) {
    const wasReady = this.isReady;
    if (code === CLOSE_POLICY && !wasReady) this.refuse(reason);
    else this.lose(code === CLOSE_TRY_LATER ? 5000 * (0.5 + Math.random() / 2) : 0);
  }

  refuse(text) {
    this.stop();
    this.onStatus("refused", text);
  }

  /** The network is back or the user looks at the page: do not wait for the next attempt; a socket that looks alive is asked. */
  hurry() {
    if (this.isReady) this.ping();
    else if (this.timers.retry !== null) {
      this.attempt = 0;
      this.connect();
    }
  }

  receive(data) {
    if (typeof data !== "string") {
      this.onPicture(data);
      return;
    }
    const envelope = JSON.parse(data);
    if (envelope.type === "welcome") this.welcomed();
    if (envelope.type === "error" && !this.isReady && envelope.data.code === "unauthorized") {
      this.refuse(envelope.data.text);
      return;
    }
    const request = this.waiting.get(envelope.id ?? envelope.data.ref) ?? this.uploadRefusedBy(envelope);
    // The state first, then whoever asked: they find the state as their answer left it.
    this.onMessage(envelope, request !== undefined);
    if (!request) return;
    if (envelope.type === "error") request.reject(new Refused(envelope.data.code, envelope.data.text));
    else {
      request.parts.push(envelope);
      if (request.until(request.parts)) request.resolve();
    }
  }

  /** A refused binary frame has no id to refer to: the upload under way is meant. */
  uploadRefusedBy({ type, id, data }) {
    if (type !== "error" || id || data.ref) return undefined;
    return [...this.waiting.values()].find((request) => request.type === "upload.start");
  }

  welcomed() {
    clearTimeout(this.timers.welcome);
    this.isReady = true;
    this.attempt = 0;
    this.timers.ping = setInterval(() => this.ping(), PING_INTERVAL);
    // The state is told of the welcome first; then the page may send.
    queueMicrotask(() => this.isReady && this.onStatus("ready"));
  }

  ping() {
    const { socket } = this;
    this.request("ping", {}, { timeout: PING_TIMEOUT }).catch(() => {
      // Only a silent socket is given up, not one that was replaced meanwhile.
      if (this.socket === socket && this.isReady) this.lose();
    });
  }

  nextId() {
    this.lastId += 1;
    return `r${this.lastId}`;
  }

  write(type, data, { chat, id } = {}) {
    this.socket.send(JSON.stringify({ v: 1, type, id, chat: chat ?? undefined, data }));
  }

  /**
   * Sends a request and waits for its answer.
   *
   * @param {string} type
   * @param {object} data
   * @param {object} options chat: of the envelope; timeout: ms between parts of the answer; until: (parts) => is it whole?
   * @returns {Promise<Array<object>>} the envelopes of the answer, one for all but files
   * @throws {Refused} the server answered with an error
   * @throws {NoAnswer} not connected, connection lost, or timeout
   */
  request(type, data = {}, { chat, timeout = REQUEST_TIMEOUT, until = () => true } = {}) {
    if (!this.isReady) return Promise.reject(new NoAnswer("not connected"));
    const id = this.nextId();
    return new Promise((resolve, reject) => {
      let timer;
      const restart = () => {
        clearTimeout(timer);
        timer = setTimeout(() => settle(reject, new NoAnswer(`no answer to ${type}`)), timeout);
      };
      const settle = (how, value) => {
        clearTimeout(timer);
        this.waiting.delete(id);
        how(value);
      };
      const parts = [];
      this.waiting.set(id, {
        type,
        parts,
        until: (all) => until(all) || (restart(), false),
        resolve: () => settle(resolve, parts),
        reject: (error) => settle(reject, error),
      });
      restart();
      this.write(type, data, { chat, id });
    });
  }

  /**
   * Sends a request whose effect comes as an event to everybody; only a refusal comes back.
   *
   * @returns {Promise<void>} rejected by a refusal, else resolved after a while
   */
  async tell(type, data = {}, { chat } = {}) {
    try {
      await this.request(type, data, { chat, timeout: 8000 });
    } catch (error) {
      if (error instanceof Refused || !this.isReady) throw error;
    }
  }

  /** Says something that has no answer and is not worth repeating. */
  hint(type, data = {}, { chat } = {}) {
    if (this.isReady) this.write(type, data, { chat });
  }

  /** Sends bytes; waits while much is still on its way. Throws NoAnswer when the connection is lost meanwhile. */
  async sendBytes(bytes) {
    const { socket } = this;
    while (socket && socket === this.socket && socket.bufferedAmount > 1_000_000) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    if (!this.isReady || socket !== this.socket) throw new NoAnswer("connection lost");
    socket.send(bytes);
  }
}
