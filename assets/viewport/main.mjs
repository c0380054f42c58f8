/**
 * Mounts the viewport wherever the page shows `#viewport-root` and `#timeline-root`, and takes it
 * down when they go. The page's components come and go as its pages change, hence the observer.
 */

import { Shell } from "./shell.mjs";

let mounted = null; // {shell, root, run}

function reconcile() {
  const root = document.getElementById("viewport-root");
  const timelineRoot = document.getElementById("timeline-root");
  const run = root?.dataset.run;
  const isWanted = Boolean(root && timelineRoot && run);
  if (mounted && (!isWanted || mounted.root !== root || mounted.run !== run)) {
    mounted.shell.dispose();
    mounted = null;
  }
  if (!mounted && isWanted) mounted = { root, run, shell: new Shell(root, timelineRoot) };
}

window.pointinsViewport = {
  seek: (step) =>
    mounted?.shell.session?.steer((player) => {
      player.playing = false;
      player.seek(step);
    }),
  setScene: (id) => mounted?.shell.session?.openScene(id),
  state: () => (mounted?.shell.session ? mounted.shell.state() : null),
};

new MutationObserver(reconcile).observe(document.body, {
  childList: true,
  subtree: true,
  attributes: true,
  attributeFilter: ["data-run"],
});
reconcile();
