/**
 * What the picture of a segmentation shows, as the end of an address: the look of every picture,
 * and the layers and thresholds. Pure.
 */

import { readLook, writeLook } from "../viewport/page/address.mjs";

const LAYER = /^[a-z0-9_-]{1,64}$/;
const VOTES = new Set(["before", "target"]);

/** @param {{look: object, layer: string, beside: ?string, least: {score, points}}} view */
export function writeView({ look, layer, beside, least }) {
  const parts = new URLSearchParams({ layer });
  if (beside) parts.set("beside", beside);
  if (least.score > 0) parts.set("score", String(least.score));
  if (least.points > 0) parts.set("points", String(least.points));
  if (look.votes !== "target") parts.set("votes", look.votes);
  return `${writeLook(look)}&${parts}`;
}

/** Each value only if it is possible. */
export function readView(hash, colourings) {
  const parts = new URLSearchParams(hash.replace(/^#/, ""));
  const view = { look: readLook(hash, colourings), least: { score: 0, points: 0 } };
  for (const name of ["layer", "beside"]) {
    if (LAYER.test(parts.get(name) ?? "")) view[name] = parts.get(name);
  }
  const score = Number.parseFloat(parts.get("score"));
  if (score >= 0 && score <= 1) view.least.score = score;
  const points = Number.parseInt(parts.get("points"), 10);
  if (points >= 0 && points <= 1e9) view.least.points = points;
  if (VOTES.has(parts.get("votes"))) view.look.votes = parts.get("votes");
  return view;
}
