/**
 * Mounts the viewport wherever the page shows the place for one, and takes it down when that goes:
 * `#viewport-root` with `#timeline-root` for a run, `#scene-view` for a scene of a collection. The
 * page's components come and go as its pages change, hence the observer.
 */

import { Api } from "./page/api.mjs";
import { SceneShell } from "./page/scene_shell.mjs";
import { Shell, linkedBy } from "./page/shell.mjs";

const RUN_PAGE = /^\/live\/([^/]+)\/?$/;

let mounted = null; // {shell, root, what}

/** The place that the page shows now, with what belongs there and how it is made. */
function wanted() {
  const root = document.getElementById("viewport-root");
  const timelineRoot = document.getElementById("timeline-root");
  const run = root?.dataset.run;
  if (timelineRoot && run) return { root, what: run, make: () => new Shell(root, timelineRoot) };
  const place = document.getElementById("scene-view");
  if (!place?.dataset.scene) return null;
  const { collection, scene } = place.dataset;
  return { root: place, what: `${collection}/${scene}`, make: () => new SceneShell(place) };
}

function reconcile() {
  const place = wanted();
  if (mounted && (mounted.root !== place?.root || mounted.what !== place.what)) {
    mounted.shell.dispose();
    mounted = null;
  }
  if (!mounted && place) {
    mounted = { root: place.root, what: place.what, shell: place.make() };
  }
}

/** What is chosen in the picture of a run; undefined on other pages. */
const choosing = () => mounted?.shell.choosing;
const selecting = () => choosing()?.selecting;

/** For the page's other scripts and for tests. Objects are {segment} or {instance: row}. */
window.pointinsViewport = {
  seek: (step) =>
    mounted?.shell.session?.steer?.((player) => {
      player.playing = false;
      player.seek(step);
    }),
  setScene: (id) => mounted?.shell.session?.openScene?.(id),
  state: () => mounted?.shell.state() ?? null,
  current: () => selecting()?.current() ?? null,
  selectLengths: (range) => selecting()?.selectLengths(range),
  selectCells: (cells, label) => selecting()?.selectCells(cells, label),
  clearSelection: () => selecting()?.clearSelection(),
  isolate: (object) => selecting()?.isolate(selecting().keyOf(object)),
  isolated: () => selecting()?.isolatedObject() ?? null,
  hover: (object) => selecting()?.hover(selecting().keyOf(object)),
  compare: (step) => choosing()?.compare(step),
};

new MutationObserver(reconcile).observe(document.body, {
  childList: true,
  subtree: true,
  attributes: true,
  attributeFilter: ["data-run", "data-scene"],
});
reconcile();

const [, run] = location.pathname.match(RUN_PAGE) ?? [];
if (run) {
  new Api(decodeURIComponent(run))
    .askAhead(linkedBy(location.href))
    .catch(() => {}); // the page asks again, and says what is wrong
}
