/** What a key press means. */

/**
 * Is a syllable still being composed?
 *
 * Korean input sends the Enter that finishes a syllable as a key press of its own: acting on it would send the text with the
 * last syllable doubled or torn off. Chromium and Firefox set `isComposing`; Safari ends the composition first and then
 * reports key code 229.
 */
export function isComposing(event) {
  return event.isComposing || event.keyCode === 229;
}

/** The letter of a shortcut, whatever the layout: with the Korean one on, Ctrl+K arrives as "ㅏ". */
export function isLetter(event, letter) {
  return event.code === `Key${letter.toUpperCase()}` || event.key.toLowerCase() === letter;
}

/** Does this press send the text, by the user's choice of key? */
export function isSend(event, sendKey) {
  if (event.key !== "Enter" || isComposing(event)) return false;
  return sendKey === "ctrl" ? event.ctrlKey || event.metaKey : !event.shiftKey && !event.altKey;
}
