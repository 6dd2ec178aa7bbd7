/** A canvas on which pictures of her face follow each other softly. */

import { fadeAfter } from "./frames.js";

export class FaceCanvas {
  /** @param {HTMLCanvasElement} canvas hidden until there is a picture */
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.before = document.createElement("canvas");
    this.next = null; // the bitmap that is coming up
    this.begun = 0;
    this.span = 0;
    this.milliseconds = 0; // of the frame shown last
    this.isDecoding = false;
    this.waiting = null;
    this.frame = null;
    this.isGone = false;
  }

  /**
   * Shows a picture, when it is decoded. Of pictures that come meanwhile only the last is kept.
   *
   * @param {Blob} picture
   * @param {object} options milliseconds: when the frame was taken; null for a still, which takes its place at once
   */
  async show(picture, { milliseconds = null } = {}) {
    if (this.isDecoding) {
      this.waiting = [picture, { milliseconds }];
      return;
    }
    this.isDecoding = true;
    try {
      const bitmap = await createImageBitmap(picture);
      if (this.isGone) bitmap.close();
      else this.take(bitmap, milliseconds);
    } catch (error) {
      if (!(error instanceof DOMException)) throw error; // a damaged picture: the next one is whole
    } finally {
      this.isDecoding = false;
    }
    const waiting = this.waiting;
    this.waiting = null;
    if (waiting) await this.show(...waiting);
  }

  take(bitmap, milliseconds) {
    const { canvas, before } = this;
    const isFirst = canvas.hidden || canvas.width !== bitmap.width;
    if (isFirst) {
      for (const each of [canvas, before]) each.width = each.height = bitmap.width;
    }
    before.getContext("2d").drawImage(canvas, 0, 0); // where the last fade has come to
    this.next?.close();
    this.next = bitmap;
    this.span = isFirst || milliseconds === null ? 0 : fadeAfter(milliseconds - this.milliseconds);
    this.milliseconds = milliseconds ?? 0;
    this.begun = performance.now();
    cancelAnimationFrame(this.frame);
    canvas.hidden = false;
    this.draw(this.begun);
  }

  draw(now) {
    this.frame = null;
    if (this.isGone || !this.next) return;
    const { context } = this;
    const share = this.span > 0 ? Math.min(1, Math.max(0, (now - this.begun) / this.span)) : 1;
    context.globalAlpha = 1;
    if (share < 1) context.drawImage(this.before, 0, 0);
    context.globalAlpha = share;
    context.drawImage(this.next, 0, 0);
    if (share < 1) this.frame = requestAnimationFrame((time) => this.draw(time));
  }

  /** Nothing is shown until the next picture. */
  clear() {
    this.canvas.hidden = true;
  }

  remove() {
    this.isGone = true;
    cancelAnimationFrame(this.frame);
    this.next?.close();
    this.next = null;
  }
}
