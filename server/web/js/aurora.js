/**
 * A night sky over the sea, with an aurora that moves as she feels.
 *
 * Three ribbons are drawn column by column as stretched strips of light on a small canvas, which is then enlarged: the
 * softness comes from the enlargement, and 20 slow frames a second are enough (about 3 ms each on one core without a graphics
 * card). It rests while it cannot be seen. Changes of feeling are eased. With reduced motion a single still picture is drawn
 * for each feeling.
 */

import { CALM, lightOf } from "./emotions.js";
import { isLight, wantsStillness } from "./theme.js";

const COLUMNS = 96;
const ROWS = 100;
const FRAME_MS = 1000 / 20;
const EASE_SECONDS = 1.1;
const STARS = 46;
const SKY = {
  dark: ["#070b19", "#0d1730", "#1d2b4f"],
  light: ["#1a2447", "#2f3d70", "#6a6a9c"],
};
const SEA_LINE = 0.8; // share of the height above the horizon

/** Repeatable noise: the same stars every night. */
function random(seed) {
  let state = seed;
  return () => {
    state = (state * 1664525 + 1013904223) % 4294967296;
    return state / 4294967296;
  };
}

function target(emotion, strength) {
  const calm = lightOf(CALM);
  const felt = lightOf(emotion);
  const towards = (name) => calm[name] + (felt[name] - calm[name]) * (0.35 + 0.65 * strength);
  return {
    colors: felt.colors.flat(),
    speed: towards("speed"),
    swing: towards("swing"),
    ripple: towards("ripple"),
    reach: towards("reach"),
    lift: towards("lift"),
    tremble: felt.tremble * strength,
    glow: towards("glow") * (0.7 + 0.3 * strength),
  };
}

export class Aurora {
  /** @param {HTMLCanvasElement} canvas kept as fine as its box */
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.small = document.createElement("canvas");
    this.small.width = COLUMNS;
    this.small.height = ROWS;
    this.lights = this.small.getContext("2d");
    this.strip = document.createElement("canvas");
    this.strip.width = 3;
    this.strip.height = 64;
    const next = random(12);
    this.stars = Array.from({ length: STARS }, () => [next(), next() ** 1.4, next(), next() * 7]); // x, y, size, phase
    this.goal = target(CALM, 0.4);
    this.now = { ...this.goal, colors: [...this.goal.colors] };
    this.clock = 40; // seconds of drift; begins where the ribbons look good when still
    this.voice = 0;
    this.last = 0;
    this.isVisible = false;
    this.frame = null;
    this.resizing = new ResizeObserver(() => this.resize());
    this.resizing.observe(canvas);
    this.sighting = new IntersectionObserver((entries) => this.seen(entries.at(-1).isIntersecting));
    this.sighting.observe(canvas);
    this.leaving = new AbortController();
    for (const type of ["visibilitychange", "themechange"]) {
      document.addEventListener(type, () => this.wake(), { signal: this.leaving.signal });
    }
  }

  /** The canvas is gone for good. */
  remove() {
    this.resizing.disconnect();
    this.sighting.disconnect();
    this.leaving.abort();
    this.isVisible = false;
  }

  /** @param {boolean} isFirst what she feels as the chat is opened */
  feel(emotion, strength, isFirst) {
    this.goal = target(emotion, strength);
    // A change that nobody sees needs no transition.
    if (!this.isVisible || isFirst) this.settle(1);
    this.wake();
  }

  /** A word was spoken: the light swells a little. */
  speak() {
    this.voice = Math.min(1, this.voice + 0.22);
  }

  seen(isVisible) {
    this.isVisible = isVisible;
    this.wake();
  }

  resize() {
    const scale = Math.min(devicePixelRatio || 1, 2);
    const { clientWidth, clientHeight } = this.canvas;
    if (!clientWidth || !clientHeight) return;
    this.canvas.width = Math.round(clientWidth * scale);
    this.canvas.height = Math.round(clientHeight * scale);
    this.draw();
  }

  wake() {
    if (wantsStillness()) {
      this.settle(1);
      this.voice = 0;
      if (this.isVisible) this.draw();
    } else if (this.frame === null && this.isVisible && !document.hidden) {
      this.last = performance.now();
      this.frame = requestAnimationFrame((time) => this.tick(time));
    }
  }

  tick(time) {
    this.frame = null;
    if (!this.isVisible || document.hidden || wantsStillness()) return;
    if (time - this.last >= FRAME_MS) {
      const seconds = Math.min(0.1, (time - this.last) / 1000);
      this.last = time;
      this.settle(1 - Math.exp(-seconds / EASE_SECONDS));
      this.voice *= Math.exp(-seconds / 0.5);
      this.clock += seconds * this.now.speed * (1 + this.voice * 0.5);
      this.draw();
    }
    this.frame = requestAnimationFrame((next) => this.tick(next));
  }

  /** Moves what is shown a share of the way to what is felt. */
  settle(share) {
    for (const name of Object.keys(this.goal)) {
      if (name === "colors") this.now.colors = this.now.colors.map((c, i) => c + (this.goal.colors[i] - c) * share);
      else this.now[name] += (this.goal[name] - this.now[name]) * share;
    }
  }

  draw() {
    const { context, canvas } = this;
    const { width, height } = canvas;
    if (!width || !height) return;
    const horizon = height * SEA_LINE;
    this.drawLights();
    const sky = context.createLinearGradient(0, 0, 0, height);
    const colors = SKY[isLight() ? "light" : "dark"];
    sky.addColorStop(0, colors[0]);
    sky.addColorStop(SEA_LINE * 0.6, colors[1]);
    sky.addColorStop(SEA_LINE, colors[2]);
    sky.addColorStop(1, colors[0]);
    context.globalCompositeOperation = "source-over";
    context.globalAlpha = 1;
    context.fillStyle = sky;
    context.fillRect(0, 0, width, height);
    this.drawStars(width, horizon);
    context.globalCompositeOperation = "lighter";
    context.imageSmoothingQuality = "high";
    context.drawImage(this.small, 0, 0, width, horizon);
    this.drawSea(width, height, horizon);
  }

  drawLights() {
    const { lights, now } = this;
    lights.globalCompositeOperation = "source-over";
    lights.globalAlpha = 1;
    lights.clearRect(0, 0, COLUMNS, ROWS);
    lights.globalCompositeOperation = "lighter";
    for (let ribbon = 0; ribbon < 3; ribbon += 1) this.drawRibbon(ribbon, now);
  }

  drawRibbon(ribbon, { swing, ripple, reach, lift, tremble, glow }) {
    const { lights, clock, voice } = this;
    this.paintStrip(ribbon);
    const pace = clock * (0.5 + ribbon * 0.17);
    const middle = ROWS * (1.02 - lift * 0.62 - (ribbon - 1) * 0.16);
    const restless = tremble * 2;
    for (let x = 0; x < COLUMNS; x += 1) {
      const u = x / COLUMNS;
      const wave =
        Math.sin(u * 4.1 * ripple + pace + ribbon * 2.1) * 0.6 +
        Math.sin(u * 7.3 * ripple - pace * 0.8 + ribbon) * 0.3 +
        Math.sin(u * 1.7 + pace * 0.4 + ribbon * 4) * 0.5;
      const shake = restless * Math.sin(u * 61 + clock * 9 + ribbon) * Math.sin(u * 37 - clock * 7);
      const foot = middle + wave * swing * ROWS * 0.16 + shake;
      // Rays: slow curtains, with finer ones that wander the other way.
      const ray = 0.55 + 0.3 * Math.sin(u * 13 * ripple + pace * 1.7 + ribbon * 3) + 0.15 * Math.sin(u * 43 - pace * 2.3);
      const tall = ROWS * reach * (0.55 + 0.45 * ray) * (0.75 + ribbon * 0.12) * (1 + voice * 0.16);
      const edge = Math.min(1, u * 5, (1 - u) * 5);
      lights.globalAlpha = Math.max(0, Math.min(1, glow * (0.25 + 0.6 * ray) * (1 + voice * 0.35) * (0.45 + 0.55 * edge)));
      lights.drawImage(this.strip, ribbon, 0, 1, 64, x, foot - tall, 1, tall * 1.12);
    }
  }

  /** One column of light: veil above, bright near the foot, then quickly dark. */
  paintStrip(ribbon) {
    const context = this.strip.getContext("2d");
    const color = (index, alpha) => {
      // Each ribbon leads with another of the three colours.
      const from = ((index + (ribbon === 1 ? 1 : 0)) % 3) * 3;
      const [r, g, b] = this.now.colors.slice(from, from + 3).map(Math.round);
      return `rgba(${r}, ${g}, ${b}, ${alpha})`;
    };
    const gradient = context.createLinearGradient(0, 0, 0, 64);
    gradient.addColorStop(0, color(2, 0));
    gradient.addColorStop(0.35, color(2, 0.16));
    gradient.addColorStop(0.68, color(1, 0.38));
    gradient.addColorStop(0.86, color(0, 0.74));
    gradient.addColorStop(0.92, color(0, 0.5));
    gradient.addColorStop(1, color(0, 0));
    context.clearRect(ribbon, 0, 1, 64);
    context.fillStyle = gradient;
    context.fillRect(ribbon, 0, 1, 64);
  }

  drawStars(width, horizon) {
    const { context } = this;
    const unit = Math.max(1, width / 300);
    context.fillStyle = "#eef2ff";
    for (const [x, y, size, phase] of this.stars) {
      context.globalAlpha = (0.25 + 0.55 * size) * (0.75 + 0.25 * Math.sin(this.clock * 2 + phase));
      context.beginPath();
      context.arc(x * width, y * horizon * 0.92, unit * (0.35 + size * 0.65), 0, Math.PI * 2);
      context.fill();
    }
    context.globalAlpha = 1;
  }

  /** The lights upside down on dark water, broken by slow swell. */
  drawSea(width, height, horizon) {
    const { context, clock } = this;
    const depth = height - horizon;
    context.globalCompositeOperation = "source-over";
    context.fillStyle = isLight() ? "rgba(24, 30, 62, 0.72)" : "rgba(5, 9, 22, 0.72)";
    context.fillRect(0, horizon, width, depth);
    context.globalCompositeOperation = "lighter";
    const slices = 14;
    for (let i = 0; i < slices; i += 1) {
      const near = i / slices;
      const sway = Math.sin(clock * 1.3 + i * 1.1) * width * 0.012 * (0.4 + near);
      context.globalAlpha = 0.42 * (1 - near * 0.7);
      const source = ROWS * (1 - (near * 0.75 + 0.06));
      context.drawImage(this.small, 0, source, COLUMNS, ROWS * 0.055, sway, horizon + depth * near, width, depth / slices);
    }
    context.globalAlpha = 1;
    context.globalCompositeOperation = "source-over";
  }
}
