/** Her portraits, each asked of the server once. */

import { NoAnswer, Refused } from "./connection.js";

const LEVELS = 4; // the server paints a quarter, a half, three quarters and the whole of an emotion

export class Portraits {
  /** @param {import("./connection.js").Connection} connection */
  constructor(connection) {
    this.connection = connection;
    this.asked = new Map(); // key → Promise of a data: address, or null
    this.face = null;
  }

  /** She looks different from what is kept: it is asked for anew. */
  know(face) {
    if (this.face !== null && this.face !== face) this.asked.clear();
    this.face = face;
  }

  /**
   * @param {object} of chat; card: whose table of emotions holds; emotion; strength; size in pixels
   * @returns {Promise<string|null>} a data: address; null where there is none now
   */
  get({ chat, card, emotion, strength, size = 128 }) {
    const level = Math.max(1, Math.round((strength ?? 0.5) * LEVELS)) / LEVELS;
    const key = `${card} ${emotion} ${level} ${size}`;
    if (!this.asked.has(key)) {
      const asked = this.ask(chat, { emotion, strength: level, size }).then((address) => {
        if (address === null && this.asked.get(key) === asked) this.asked.delete(key); // it may be had later
        return address;
      });
      this.asked.set(key, asked);
    }
    return this.asked.get(key);
  }

  async ask(chat, data) {
    try {
      const [{ data: found }] = await this.connection.request("face.still", data, { chat });
      this.know(found.face);
      return `data:${found.media_type};base64,${found.base64}`;
    } catch (error) {
      if (error instanceof Refused || error instanceof NoAnswer) return null;
      throw error;
    }
  }
}
