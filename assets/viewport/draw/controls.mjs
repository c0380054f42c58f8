/**
 * Hands on the camera: drag to turn, right or shift drag to move, wheel or pinch to zoom to the
 * pointer, W A S D Q E to fly while the view has focus.
 */

import { flown, orbited, panned, zoomed } from "./camera.mjs";

const TURN_PER_HEIGHT = Math.PI; // radians for a drag over the full height
const WHEEL_STEP = 0.0015;
const FLY_SHARE = 0.9; // of the camera's distance, a second
const FLY_KEYS = {
  w: { forward: 1 },
  s: { forward: -1 },
  a: { right: -1 },
  d: { right: 1 },
  q: { up: -1 },
  e: { up: 1 },
};

/**
 * @param {HTMLElement} surface
 * @param {{get: () => object, set: (camera: object) => void, boxAt: (x: number, y: number) =>
 *   {x: number, y: number, width: number, height: number}}} holder where the camera lives; the box
 *   of the picture around a place, in css pixels from the surface's top left corner
 */
export function attachControls(surface, holder) {
  const pointers = new Map();
  const keys = new Set();
  let flyFrom = null;

  const place = ({ clientX, clientY }) => {
    const { left, top } = surface.getBoundingClientRect();
    const [across, down] = [clientX - left, clientY - top];
    const box = holder.boxAt(across, down);
    return {
      x: ((across - box.x) / box.width) * 2 - 1,
      y: 1 - ((down - box.y) / box.height) * 2,
      aspect: box.width / box.height,
      box,
    };
  };

  surface.addEventListener("contextmenu", (event) => event.preventDefault());
  surface.addEventListener("pointerdown", (event) => {
    surface.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, event);
    surface.dataset.dragging = isPan(event) ? "pan" : "turn";
  });
  for (const name of ["pointerup", "pointercancel", "lostpointercapture"]) {
    surface.addEventListener(name, (event) => {
      pointers.delete(event.pointerId);
      if (!pointers.size) delete surface.dataset.dragging;
    });
  }
  surface.addEventListener("pointermove", (event) => {
    const before = pointers.get(event.pointerId);
    if (!before) return;
    const { box } = place(event);
    const dx = (event.clientX - before.clientX) / box.height;
    const dy = (event.clientY - before.clientY) / box.height;
    if (pointers.size === 2) holder.set(pinched(event, before, dx / 2, dy / 2));
    else if (isPan(event)) holder.set(panned(holder.get(), dx, dy));
    else holder.set(orbited(holder.get(), -dx * TURN_PER_HEIGHT, dy * TURN_PER_HEIGHT));
    pointers.set(event.pointerId, event);
  });
  surface.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      const { x, y, aspect } = place(event);
      const pixels = event.deltaY * (event.deltaMode === 1 ? 16 : 1);
      holder.set(zoomed(holder.get(), Math.exp(pixels * WHEEL_STEP), x, y, aspect));
    },
    { passive: false },
  );

  function pinched(event, before, dx, dy) {
    const other = [...pointers.values()].find((known) => known.pointerId !== event.pointerId);
    const gap = (at) => Math.hypot(at.clientX - other.clientX, at.clientY - other.clientY);
    const { x, y, aspect } = place(other);
    const factor = gap(before) / Math.max(gap(event), 1);
    return zoomed(panned(holder.get(), dx, dy), factor, x, y, aspect);
  }

  function fly(now) {
    if (!keys.size) {
      flyFrom = null;
      return;
    }
    const camera = holder.get();
    const metres =
      flyFrom === null ? 0 : FLY_SHARE * camera.distance * Math.min((now - flyFrom) / 1000, 0.1);
    flyFrom = now;
    const way = { forward: 0, right: 0, up: 0 };
    for (const key of keys) {
      for (const [axis, sign] of Object.entries(FLY_KEYS[key])) way[axis] += sign * metres;
    }
    holder.set(flown(camera, way));
    requestAnimationFrame(fly);
  }

  return {
    /** Take a key that flies; true if it was one. */
    keyDown(key) {
      if (!(key in FLY_KEYS)) return false;
      const isFirst = !keys.size;
      keys.add(key);
      if (isFirst) requestAnimationFrame(fly);
      return true;
    },
    keyUp: (key) => keys.delete(key),
    release: () => keys.clear(),
  };
}

function isPan(event) {
  return event.shiftKey || event.buttons === 2 || event.buttons === 4;
}
