/**
 * The eight emotions as light: three colours each, and how the aurora moves.
 *
 * colors: bright lower edge, body, upper veil of a ribbon, as [red, green, blue].
 * speed: pace of the drift. swing: how far ribbons wander up and down. ripple: waves along a ribbon. reach: height of the
 * rays. lift: where the ribbons hang (0 horizon, 1 zenith). tremble: restlessness. glow: brightness.
 */
export const EMOTIONS = {
  평온: {
    colors: [[98, 232, 190], [70, 170, 214], [110, 128, 235]],
    speed: 0.35, swing: 0.5, ripple: 1, reach: 0.5, lift: 0.5, tremble: 0, glow: 0.72,
  },
  기쁨: {
    colors: [[255, 214, 122], [110, 236, 178], [255, 140, 190]],
    speed: 0.85, swing: 0.85, ripple: 1.35, reach: 0.72, lift: 0.55, tremble: 0, glow: 1,
  },
  슬픔: {
    colors: [[104, 152, 238], [70, 104, 200], [96, 84, 178]],
    speed: 0.2, swing: 0.35, ripple: 0.7, reach: 0.62, lift: 0.32, tremble: 0, glow: 0.62,
  },
  분노: {
    colors: [[255, 118, 92], [226, 58, 92], [140, 40, 110]],
    speed: 1.25, swing: 0.75, ripple: 2.3, reach: 0.6, lift: 0.45, tremble: 0.5, glow: 0.95,
  },
  놀람: {
    colors: [[246, 240, 190], [120, 214, 255], [190, 150, 255]],
    speed: 1.05, swing: 0.9, ripple: 1.8, reach: 0.9, lift: 0.66, tremble: 0.15, glow: 0.86,
  },
  두려움: {
    colors: [[152, 164, 222], [92, 92, 170], [62, 60, 120]],
    speed: 0.6, swing: 0.3, ripple: 2.1, reach: 0.34, lift: 0.36, tremble: 0.85, glow: 0.6,
  },
  부끄러움: {
    colors: [[255, 176, 178], [244, 128, 172], [186, 140, 236]],
    speed: 0.5, swing: 0.6, ripple: 1.1, reach: 0.55, lift: 0.46, tremble: 0.12, glow: 0.9,
  },
  혐오: {
    colors: [[196, 204, 96], [128, 150, 74], [104, 92, 116]],
    speed: 0.55, swing: 0.5, ripple: 1.7, reach: 0.42, lift: 0.38, tremble: 0.3, glow: 0.66,
  },
};

export const CALM = "평온";

export function lightOf(emotion) {
  return Object.hasOwn(EMOTIONS, emotion) ? EMOTIONS[emotion] : EMOTIONS[CALM];
}

/** Hands an emotion's colours to the style sheets, as --light-1 … --light-3 of an element. */
export function tint(element, emotion) {
  lightOf(emotion).colors.forEach((color, index) => {
    element.style.setProperty(`--light-${index + 1}`, `rgb(${color.join(" ")})`);
  });
}
