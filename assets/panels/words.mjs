/** Numbers in words, as `layouts/words.py` has them: three significant digits and a unit. */

export function metres(value) {
  return `${digits(value)} m`;
}

export function percent(share) {
  return `${digits(100 * share)} %`;
}

export function digits(value) {
  if (value === 0) return "0";
  if (Math.abs(value) < 1e-3) return value > 0 ? "< 0.001" : "> -0.001";
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString("en");
  return String(Number(value.toPrecision(3)));
}
