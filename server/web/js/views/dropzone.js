/** Files dropped anywhere on the page. */

import { h } from "../dom.js";
import { icon } from "../icons.js";
import { t } from "../strings.js";

export function watchDrops(onFile) {
  const veil = h("div", { class: "dropzone", hidden: true }, icon("upload"), h("p", {}));
  document.body.append(veil);
  const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");
  let depth = 0; // dragenter and dragleave come for each element passed over

  addEventListener("dragenter", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    depth += 1;
    veil.querySelector("p").textContent = t("drop");
    // Above an open dialog, too.
    (document.querySelector("dialog[open]") ?? document.body).append(veil);
    veil.hidden = false;
  });
  addEventListener("dragleave", (event) => {
    if (!carriesFiles(event)) return;
    depth -= 1;
    if (depth <= 0) hide();
  });
  addEventListener("dragover", (event) => {
    if (carriesFiles(event)) event.preventDefault();
  });
  addEventListener("drop", async (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    hide();
    for (const file of event.dataTransfer.files) await onFile(file);
  });

  function hide() {
    depth = 0;
    veil.hidden = true;
    document.body.append(veil);
  }
}
