/**
 * The look of a picture as the end of an address, so that a copied link opens the same picture.
 * Pure: text in, values out. What makes no sense is left out.
 */

const WALLS = new Set(["all", "cut", "hidden"]);
const DIGITS = 4; // significant, of every number

/** @param {{colouring: string, walls: string, t: number, size: number, camera: ?object}} look */
export function writeLook({ colouring, walls, t, size, camera }) {
  const parts = new URLSearchParams({ colouring, walls });
  if (t > 0) parts.set("t", short(t));
  if (size !== 1) parts.set("size", short(size));
  if (camera) {
    const { target, distance, yaw, pitch } = camera;
    parts.set("camera", [...target, distance, yaw, pitch].map(short).join(","));
  }
  return `#${parts.toString().replaceAll("%2C", ",")}`;
}

/** The values that an address holds, each only if it is possible. */
export function readLook(hash, colourings) {
  const parts = new URLSearchParams(hash.replace(/^#/, ""));
  const look = {};
  const number = (name, low, high) => {
    const value = Number.parseFloat(parts.get(name));
    if (value >= low && value <= high) look[name] = value;
  };
  if (colourings.includes(parts.get("colouring"))) look.colouring = parts.get("colouring");
  if (WALLS.has(parts.get("walls"))) look.walls = parts.get("walls");
  number("t", 0, 1);
  number("size", 0.1, 10);
  const numbers = (parts.get("camera") ?? "").split(",").map(Number);
  if (numbers.length === 6 && numbers.every(Number.isFinite) && numbers[3] > 0) {
    const [x, y, z, distance, yaw, pitch] = numbers;
    look.camera = { target: [x, y, z], distance, yaw, pitch };
  }
  return look;
}

function short(value) {
  return String(Number(value.toPrecision(DIGITS)));
}
