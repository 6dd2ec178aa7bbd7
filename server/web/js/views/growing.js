/** Makes a text box as high as its text; the style sheet sets the most. */
export function fit(box) {
  box.style.height = "auto";
  box.style.height = `${box.scrollHeight}px`;
}
