/**
 * The face attributes as the stage shows them. Ranges are those of stylegan/attributes.py (a test compares the two).
 *
 * `unit` follows a written value; the names are keys of js/strings.js.
 */
export const ATTRIBUTES = {
  eyes: { low: 0, high: 1, neutral: 0.7 },
  mouth: { low: 0, high: 1, neutral: 0.05 },
  smile: { low: -1, high: 1, neutral: 0.1 },
  brow: { low: -1, high: 1, neutral: 0 },
  pose: { low: -45, high: 45, neutral: 0, unit: "°" },
  pitch: { low: -20, high: 20, neutral: 0, unit: "°" },
  hair_color: { low: 0, high: 1, neutral: 0.25 },
  hair_length: { low: 0, high: 1, neutral: 0.6 },
  background_mean: { low: 0, high: 1, neutral: 0.7 },
  background_std: { low: 0, high: 0.5, neutral: 0.05 },
  gender: { low: 0, high: 1, neutral: 1 },
  quality: { low: 0, high: 1, neutral: 1 },
};
