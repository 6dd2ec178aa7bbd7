/** Pure functions on what is said. */

/** *Asterisks* around words, with no space inside the marks and none of them empty: an action, not a multiplication. */
const ACTION = /\*(?=\S)([^*\n]*[^*\s])\*/g;

/**
 * @param {string} text
 * @returns {Array<{action: boolean, text: string}>} the pieces in order; joined (with the asterisks) they are the text
 */
export function pieces(text) {
  const found = [];
  let end = 0;
  for (const match of text.matchAll(ACTION)) {
    if (match.index > end) found.push({ action: false, text: text.slice(end, match.index) });
    found.push({ action: true, text: match[1] });
    end = match.index + match[0].length;
  }
  if (end < text.length) found.push({ action: false, text: text.slice(end) });
  return found;
}

/**
 * Cuts `text` at every place where `query` stands, whatever the case.
 *
 * @returns {Array<{hit: boolean, text: string}>}
 */
export function marked(text, query) {
  const needle = query.trim().toLowerCase();
  const hay = text.toLowerCase();
  // Lower-casing may change the length of some letters (İ); positions would then not fit the original.
  if (!needle || hay.length !== text.length) return [{ hit: false, text }];
  const found = [];
  let end = 0;
  for (let at = hay.indexOf(needle); at !== -1; at = hay.indexOf(needle, end)) {
    if (at > end) found.push({ hit: false, text: text.slice(end, at) });
    found.push({ hit: true, text: text.slice(at, at + needle.length) });
    end = at + needle.length;
  }
  if (end < text.length) found.push({ hit: false, text: text.slice(end) });
  return found;
}

/** Number of characters as the server counts them (code points, not UTF-16 units). */
export function length(text) {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}

/** `word` with the particle that fits its last syllable: particle("오로라", "이", "가") → "오로라가". */
export function particle(word, afterConsonant, afterVowel) {
  const code = word.charCodeAt(word.length - 1) - 0xac00;
  const isSyllable = code >= 0 && code < 11172;
  return word + (isSyllable && code % 28 !== 0 ? afterConsonant : afterVowel);
}
