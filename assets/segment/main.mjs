/**
 * Mounts the page that takes scans and the page of a result wherever there is a place for them, and
 * takes them down when that goes. A button with `data-segment-scene` segments that scene.
 */

import { fromScene } from "./api.mjs";
import { ResultShell } from "./result_shell.mjs";
import { StartPage } from "./start_page.mjs";

const PARTS = { "segment-start": StartPage, "segment-view": ResultShell };
const mounted = new Map(); // id of the place -> {root, what, part}

function reconcile() {
  for (const [id, Part] of Object.entries(PARTS)) {
    const root = document.getElementById(id);
    const what = root?.dataset.segmentation ?? "";
    const now = mounted.get(id);
    if (now && (now.root !== root || now.what !== what)) {
      now.part.dispose();
      mounted.delete(id);
    }
    if (root && !mounted.has(id)) mounted.set(id, { root, what, part: new Part(root) });
  }
}

document.addEventListener("click", async ({ target }) => {
  const button = target.closest?.("[data-segment-scene]");
  if (!button || button.disabled) return;
  const { segmentCollection: collection, segmentScene: scene } = button.dataset;
  button.disabled = true;
  try {
    const { id } = await fromScene({ collection, scene });
    location.assign(`/segment/${encodeURIComponent(id)}`);
  } catch (error) {
    button.title = error.message;
    button.textContent = `Not started: ${error.message}`;
  }
});

/** For tests. */
window.pointinsSegment = {
  state: () => mounted.get("segment-view")?.part.state() ?? null,
};

new MutationObserver(reconcile).observe(document.body, {
  childList: true,
  subtree: true,
  attributes: true,
  attributeFilter: ["data-segmentation"],
});
reconcile();
