/**
 * Colours: one a quantity everywhere, twenty for segments and instances, one scale for height.
 *
 * The quantities are the Okabe-Ito colours. The twenty were searched for so that they stay apart in
 * ordinary sight and under simulated deuteranopia, stand off from the quantities, and are readable
 * on a dark and a light canvas; neighbours in the list differ most, so that they are dealt out in
 * order. Six of the eight Okabe-Ito hues are taken, so a few categories come from the list as well.
 * `tests/viewport/palette.test.mjs` holds the distances.
 */

export const QUANTITIES = {
  prior: "#E69F00",
  before: "#56B4E9",
  after: "#009E73",
  student: "#CC79A7",
  target: "#F0E442",
  truth: "#D55E00",
};

/** Floor, walls, ceiling and ground; what is not on them is drawn as unassigned. */
export const PLANE = "#4C8DD6";

// prettier-ignore
export const CATEGORIES = [
  "#34c458", "#1058d0", "#10a0a0", "#f4c434", "#3488f4", "#70a070", "#c47c10", "#7c40b8",
  "#f4b8b8", "#b83410", "#c47cf4", "#c4d094", "#70587c", "#58641c", "#88d0e8", "#d0d064",
  "#a04064", "#406494", "#10d0b8", "#a07cc4",
];

// Nine support points of viridis (Smith and van der Walt); rises evenly in lightness.
// prettier-ignore
const HEIGHT_STOPS = [
  "#440154", "#482878", "#3e4989", "#31688e", "#26828e", "#1f9e89", "#35b779", "#6ece58", "#fde725",
];

/** Red, green, blue as 0..255 of "#rrggbb" or of a computed "rgb(r, g, b)". */
export function parseColor(text) {
  if (text.startsWith("#")) {
    return [1, 3, 5].map((at) => Number.parseInt(text.slice(at, at + 2), 16));
  }
  return text
    .match(/[\d.]+/g)
    .slice(0, 3)
    .map(Number);
}

export function categoryColor(index) {
  return CATEGORIES[((index % CATEGORIES.length) + CATEGORIES.length) % CATEGORIES.length];
}

/** Colour of a share 0..1 on the height scale, 0..255 a channel. */
export function heightColor(share) {
  const at = Math.min(Math.max(share, 0), 1) * (HEIGHT_STOPS.length - 1);
  const low = Math.min(Math.floor(at), HEIGHT_STOPS.length - 2);
  const a = parseColor(HEIGHT_STOPS[low]);
  const b = parseColor(HEIGHT_STOPS[low + 1]);
  return a.map((value, channel) => Math.round(value + (b[channel] - value) * (at - low)));
}

/** The height scale as `size` RGBA texels. */
export function heightRamp(size = 256) {
  const texels = new Uint8Array(size * 4);
  for (let k = 0; k < size; k++) texels.set([...heightColor(k / (size - 1)), 255], k * 4);
  return texels;
}

/** RGBA texels for labels 0..count-1; `slots` deals the colours out, by default in order. */
export function categoryTexels(count, slots = null) {
  const texels = new Uint8Array(count * 4);
  for (let k = 0; k < count; k++) {
    texels.set([...parseColor(categoryColor(slots ? slots[k] : k)), 255], k * 4);
  }
  return texels;
}

/** The height scale, or a part of it, as a background. */
export function cssGradient(from = 0, to = 1) {
  const stops = HEIGHT_STOPS.map((_, k) => {
    const color = heightColor(from + ((to - from) * k) / (HEIGHT_STOPS.length - 1));
    return `rgb(${color.join(", ")})`;
  });
  return `linear-gradient(to right, ${stops.join(", ")})`;
}
