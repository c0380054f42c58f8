/**
 * Mounts the steering card, the log and the launch form wherever the page shows a place for one, and
 * takes them down when that goes; the page's components come and go as its pages change.
 */

import { Launch } from "./launch.mjs";
import { RunLog } from "./run_log.mjs";
import { Steering } from "./steering.mjs";

const PARTS = { "steering-root": Steering, "log-root": RunLog, "launch-root": Launch };
const mounted = new Map(); // id of the place -> {root, part}

function reconcile() {
  for (const [id, Part] of Object.entries(PARTS)) {
    const root = document.getElementById(id);
    const now = mounted.get(id);
    if (now && now.root !== root) {
      now.part.dispose();
      mounted.delete(id);
    }
    if (root && !mounted.has(id)) mounted.set(id, { root, part: new Part(root) });
  }
}

window.pointinsSteering = {
  commands: () => mounted.get("steering-root")?.part.commands() ?? [],
};

new MutationObserver(reconcile).observe(document.body, { childList: true, subtree: true });
reconcile();
