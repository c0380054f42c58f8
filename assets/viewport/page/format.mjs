/** Numbers as people read them: three significant digits at most, always with their unit. */

const GROUPED = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

export function count(value) {
  if (value < 10_000) return GROUPED.format(value);
  if (value < 1e6) return `${trimmed(value / 1e3)}k`;
  return `${trimmed(value / 1e6)}M`;
}

export function grouped(value) {
  return GROUPED.format(value);
}

export function bytes(value) {
  if (value < 1e6) return `${trimmed(value / 1e3)} kB`;
  return `${trimmed(value / 1e6)} MB`;
}

export function metres(value) {
  return Math.abs(value) < 0.995 ? `${trimmed(value * 100)} cm` : `${trimmed(value)} m`;
}

/** With one decimal, as in columns of a table; nothing is less than no metres. */
export function tenths(value) {
  return value.toFixed(1).replace(/^-(?=0\.0$)/, "");
}

export function duration(seconds) {
  if (seconds < 1) return "under 1 s";
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 90 * 60) return `${Math.round(seconds / 60)} min`;
  if (seconds < 36 * 3600) return `${trimmed(seconds / 3600)} h`;
  return `${Math.round(seconds / 86400)} days`;
}

export function ordinal(value) {
  const tens = value % 100;
  const suffix = tens > 10 && tens < 14 ? "th" : (["th", "st", "nd", "rd"][value % 10] ?? "th");
  return `${value}${suffix}`;
}

/**
 * A name in two parts, of which the first may be cut short: what tells scans apart is mostly their
 * end, and a place as narrow as a toolbar should show it.
 */
export function splitName(name, kept = 6, short = 14) {
  const at = name.length > short ? name.length - kept : name.length;
  return [name.slice(0, at), name.slice(at)];
}

function trimmed(value) {
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.max(Math.abs(value), 1))));
  return String(Number(value.toFixed(Math.abs(value) < 10 ? Math.min(digits, 2) : digits)));
}
