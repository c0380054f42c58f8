/**
 * What the driver calls: `bench.load`, `bench.open`, then `bench.drawTimes` and `bench.intervals`.
 *
 * A draw counts until the GPU's work is done: reading one pixel back waits for it, where `finish`
 * may return at once. Times are milliseconds.
 */

import { cameraAt, loadCloud } from "./cloud.mjs";

const pixel = new Uint8Array(4);
let cloud = null;
let page = null; // what a page's `open` gave

function finished(gl) {
  gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, pixel);
}

async function timed(work) {
  const start = performance.now();
  await work();
  finished(page.gl);
  return performance.now() - start;
}

const nextPicture = () => new Promise(requestAnimationFrame);

window.bench = {
  get page() {
    return page;
  },
  get cloud() {
    return cloud;
  },
  timed,

  async load(numPoints) {
    cloud = await loadCloud(numPoints);
    return { points: cloud.scene.numPoints, cells: cloud.scene.numCells };
  },

  /** Arrays in memory and library loaded: the time to a finished first picture. */
  async open(name) {
    const library = await import(`./${name}.mjs`);
    const root = document.getElementById("stage");
    const start = performance.now();
    page = await library.open(root, cloud);
    page.draw(cameraAt(0, cloud));
    finished(page.gl);
    const first = performance.now() - start;
    await nextPicture();
    return { version: library.version, first };
  },

  /** Cameras `from` to `to` of a round trip of `count`, each drawn to its end; `limit` in ms. */
  async drawTimes(from, to, count, limit = Infinity) {
    const times = [];
    const begun = performance.now();
    for (let k = from; k < to && (k < from + 3 || performance.now() - begun < limit); k++) {
      await nextPicture();
      finished(page.gl); // what the page may have drawn of its own accord since
      times.push(await timed(() => page.draw(cameraAt((k + 0.5) / count, cloud))));
    }
    return times;
  },

  /** Between pictures on screen, while a hand keeps the camera moving. */
  async intervals(count, limit) {
    const times = [];
    const begun = performance.now();
    let last = await nextPicture();
    for (let k = 0; k < count && (k < 3 || performance.now() - begun < limit); k++) {
      page.move(cameraAt((k + 0.5) / count, cloud));
      const now = await nextPicture();
      times.push(now - last);
      last = now;
    }
    finished(page.gl);
    return times;
  },
};
