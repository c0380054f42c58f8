/** The points that every page draws: positions in metres and a colour by height, one camera path. */

import { heightColor } from "/assets/viewport/draw/palette.mjs";
import { decodeScene } from "/assets/viewport/draw/records.mjs";

export const BACKGROUND = "#0b0e12";
export const FOV = 0.65; // vertical, radians
export const POINT_SIZE = 1.9; // a point's width over the points' spacing, as in our viewport

export async function loadCloud(numPoints) {
  const bytes = await (await fetch(`/data/scenes/${numPoints}.safetensors`)).arrayBuffer();
  const scene = decodeScene(bytes);
  const coord = Float32Array.from(scene.coord, (value) => value * scene.scale);
  const { low, high } = scene.core;
  const color = new Uint8Array(coord.length);
  const height = new Float32Array(scene.numPoints); // share of the scene's height
  for (let k = 0; k < scene.numPoints; k++) {
    height[k] = (coord[3 * k + 2] - low[2]) / (high[2] - low[2]);
    color.set(heightColor(height[k]), 3 * k);
  }
  return { scene, coord, color, height, low, high };
}

/** The camera at a share of its round trip: an orbit that also rises and comes nearer. */
export function cameraAt(share, { low, high }) {
  const extent = Math.max(...high.map((value, axis) => value - low[axis]));
  return {
    target: low.map((value, axis) => (value + high[axis]) / 2),
    distance: extent * (1.6 + 0.3 * Math.cos(2 * Math.PI * share)),
    yaw: 2 * Math.PI * share,
    pitch: 0.6 + 0.2 * Math.sin(2 * Math.PI * share),
    fov: FOV,
  };
}

export function eyeOf({ target, distance, yaw, pitch }) {
  const flat = distance * Math.cos(pitch);
  return [
    target[0] + flat * Math.cos(yaw),
    target[1] + flat * Math.sin(yaw),
    target[2] + distance * Math.sin(pitch),
  ];
}
