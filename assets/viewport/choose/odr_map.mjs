/**
 * A small drawing of what ODR does to one offset: from its length up to its rank among the
 * teacher's lengths, across at that rank to the prior, down to the length that the rank has there.
 */

import { svg } from "../page/dom.mjs";
import { metres } from "../page/format.mjs";
import { quantileLevel } from "./pick_facts.mjs";

const [WIDTH, HEIGHT] = [340, 112];
const [LEFT, RIGHT, TOP, BOTTOM] = [22, 8, 8, 22];

/** @param {{beforeLength, level, afterLength}} facts @param {{before, prior}} quantiles */
export function drawOdrMap({ beforeLength, level, afterLength }, { before, prior }) {
  const most = Math.max(before.at(-3), prior.at(-3), beforeLength, afterLength) * 1.04;
  const x = (length) => LEFT + Math.min(length / most, 1) * (WIDTH - LEFT - RIGHT);
  const y = (share) => HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM);
  const curve = (quantiles) =>
    quantiles
      .map(
        (length, k) =>
          `${k ? "L" : "M"}${at(x(length))} ${at(y(quantileLevel(k, quantiles.length)))}`,
      )
      .join("");
  const way = [
    `M${at(x(beforeLength))} ${at(y(0))}V${at(y(level))}`,
    `H${at(x(afterLength))}`,
    `V${at(y(0))}`,
  ].join("");
  const label = (value, length, quantity, anchor) =>
    svg(
      "text",
      {
        x: at(x(length)),
        y: HEIGHT - 6,
        "text-anchor": anchor,
        class: `vp-map-text is-${quantity}`,
      },
      metres(value),
    );
  const isRight = afterLength >= beforeLength;
  return svg(
    "svg",
    {
      class: "vp-map",
      viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
      role: "img",
      "aria-label":
        `ODR takes length ${metres(beforeLength)} to rank ${level.toFixed(3)} ` +
        `and length ${metres(afterLength)}`,
    },
    svg("path", { d: `M${LEFT} ${y(1)}V${y(0)}H${WIDTH - RIGHT}`, class: "vp-map-axis" }),
    svg("text", { x: LEFT - 5, y: y(1) + 4, "text-anchor": "end", class: "vp-map-text" }, "1"),
    svg("text", { x: LEFT - 5, y: y(0) + 3, "text-anchor": "end", class: "vp-map-text" }, "0"),
    svg("path", { d: curve(before), class: "vp-map-curve is-before" }),
    svg("path", { d: curve(prior), class: "vp-map-curve is-prior" }),
    svg("path", { d: way, class: "vp-map-way" }),
    svg("path", { d: arrowHead(x(afterLength), y(0)), class: "vp-map-head" }),
    svg("circle", { cx: at(x(beforeLength)), cy: at(y(level)), r: 3, class: "is-before" }),
    svg("circle", { cx: at(x(afterLength)), cy: at(y(level)), r: 3, class: "is-after" }),
    label(beforeLength, beforeLength, "before", anchorOf(x(beforeLength), isRight)),
    label(afterLength, afterLength, "after", anchorOf(x(afterLength), !isRight)),
  );
}

/** Labels lean away from each other, and stay inside. */
function anchorOf(place, leansLeft) {
  if (place < LEFT + 34) return "start";
  if (place > WIDTH - RIGHT - 34) return "end";
  return leansLeft ? "end" : "start";
}

function arrowHead(x, y) {
  return `M${at(x)} ${at(y)}l-3.5 -7h7z`;
}

function at(value) {
  return value.toFixed(1);
}
