/**
 * What a selection of a frame's cells looks like against the prior.
 *
 * A cell counts once, as in ODR; cells that ODR left alone do not count. Levels of quantiles are
 * (k - 0.5) / n, as in the stored statistics.
 */

export const ZERO_LENGTH = 0.02; // metres; shorter offsets count as zero

/**
 * Sorted lengths of the selected cells that ODR counted.
 * @param {Float32Array} lengths one a cell
 * @param {Uint8Array} mask 1 = selected
 * @param {?Uint16Array} level rank levels of ODR, 0 = left alone; null where none are known
 */
export function selectedLengths(lengths, mask, level) {
  const found = new Float32Array(lengths.length);
  let count = 0;
  for (let cell = 0; cell < lengths.length; cell++) {
    if (mask[cell] && (!level || level[cell])) found[count++] = lengths[cell];
  }
  return found.subarray(0, count).sort();
}

/** Shares of sorted lengths in equal bins up to `high`; the last bin takes all that is longer. */
export function binShares(sorted, high, numBins) {
  const shares = new Float64Array(numBins);
  for (const length of sorted) {
    shares[Math.min(Math.floor((length / high) * numBins), numBins - 1)] += 1;
  }
  return Array.from(shares, (count) => count / Math.max(sorted.length, 1));
}

/** Quantiles of sorted values at `count` levels (k - 0.5) / count, straight between values. */
export function quantilesOf(sorted, count) {
  return Array.from({ length: count }, (_, k) => {
    const at = ((k + 0.5) / count) * (sorted.length - 1);
    const low = Math.floor(at);
    const high = Math.min(low + 1, sorted.length - 1);
    return sorted[low] + (sorted[high] - sorted[low]) * (at - low);
  });
}

/** Wasserstein-1 distance in metres of two quantile functions at the same levels. */
export function distance(quantiles, prior) {
  return quantiles.reduce((sum, value, k) => sum + Math.abs(value - prior[k]), 0) / prior.length;
}

/**
 * A selection against the prior.
 * @returns {?{count: number, mean: number, zeroShare: number, w1: number, quantiles: number[]}}
 *   null for no cell
 */
export function summarise(sorted, prior) {
  if (!sorted.length) return null;
  const quantiles = quantilesOf(sorted, prior.length);
  let sum = 0;
  let zeros = 0;
  for (const length of sorted) {
    sum += length;
    if (length < ZERO_LENGTH) zeros += 1;
  }
  const [count, mean] = [sorted.length, sum / sorted.length];
  return { count, mean, zeroShare: zeros / count, w1: distance(quantiles, prior), quantiles };
}

/** x and y of the selection's trace in a chart of lengths; `meta` is the chart's. */
export function traceOf(meta, sorted, summary) {
  const count = meta.prior.length;
  const levels = Array.from({ length: count }, (_, k) => (k + 0.5) / count);
  if (!summary) return { x: [], y: [] };
  if (meta.view === "cdf") return { x: summary.quantiles, y: levels };
  if (meta.view === "qq") return { x: meta.prior, y: summary.quantiles };
  const shares = binShares(sorted, meta.max_m, meta.num_bins);
  const width = meta.max_m / meta.num_bins;
  const edges = Array.from({ length: meta.num_bins + 1 }, (_, k) => k * width);
  return { x: edges, y: [...shares, shares.at(-1)] };
}

/**
 * Slope of ODR's map at a length: of the straight line between the quantiles around it that are at
 * least `least` metres apart; infinite where there are none.
 */
export function slopeAt(before, after, length, least) {
  let high = before.findIndex((value) => value > length);
  if (high < 0) high = before.length - 1;
  high = Math.max(high, 1);
  let low = high - 1;
  while (before[high] - before[low] < least && (low > 0 || high < before.length - 1)) {
    if (low > 0) low -= 1;
    if (high < before.length - 1) high += 1;
  }
  const step = before[high] - before[low];
  return step > 0 ? (after[high] - after[low]) / step : Infinity;
}

/** At most `most` of the selected cells that ODR counted, evenly picked. */
export function sampleCells(mask, level, most) {
  const cells = [];
  for (let cell = 0; cell < mask.length; cell++) {
    if (mask[cell] && (!level || level[cell])) cells.push(cell);
  }
  const stride = Math.max(cells.length / most, 1);
  const length = Math.min(cells.length, most);
  return Array.from({ length }, (_, k) => cells[Math.floor(k * stride)]);
}
