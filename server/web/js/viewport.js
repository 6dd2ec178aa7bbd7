/**
 * iOS lays its keyboard over the page instead of making it smaller: the visible height is handed to the style sheet, so
 * that the box to write in stays above the keyboard.
 */
export function followKeyboard() {
  const view = window.visualViewport;
  if (!view) return;
  const root = document.documentElement;
  view.addEventListener("resize", () => {
    const isCovered = view.scale === 1 && innerHeight - view.height > 80;
    if (isCovered) root.style.setProperty("--visible-height", `${view.height}px`);
    else root.style.removeProperty("--visible-height");
  });
}
