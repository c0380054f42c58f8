/**
 * How many points to draw. Points are stored in stratified order: any prefix is an even subsample,
 * so a camera that moves draws a prefix that the machine can afford, and a still one draws all.
 */

export const FIRST_BUDGET = 200_000; // points; corrected by the first measured pictures
const MIN_BUDGET = 20_000; // below this a picture costs little less, and the scene falls apart
const MAX_BUDGET = 8_000_000;
const TARGET_MS = 30; // a picture in motion; about 30 a second
const SLACK = 0.25; // leave the budget alone within this share of the target

export function pointsToDraw(total, budget, isMoving) {
  return isMoving ? Math.min(total, Math.max(Math.floor(budget), MIN_BUDGET)) : total;
}

/**
 * The next budget, from the time of a picture drawn in motion with `drawn` points. It falls at
 * once when pictures are late and rises slowly, and only if the budget was what held it back.
 */
export function nextBudget(budget, drawn, pictureMs) {
  const ratio = TARGET_MS / Math.max(pictureMs, 1);
  if (ratio > 1 - SLACK && ratio < 1 + SLACK) return budget;
  if (ratio > 1 && drawn < Math.floor(budget)) return budget;
  const next = ratio < 1 ? Math.min(budget, drawn) * Math.max(ratio, 0.4) : budget * 1.15;
  return Math.min(Math.max(next, MIN_BUDGET), MAX_BUDGET);
}

/** Fewer points are drawn a little larger, so that surfaces stay closed. */
export function sizeFactor(total, drawn) {
  return drawn > 0 ? Math.min(Math.sqrt(total / drawn), 1.8) : 1;
}
