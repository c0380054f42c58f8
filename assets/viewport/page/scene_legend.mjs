/** What is drawn of a scene, in words and colours, at the foot of the picture. */

import { make } from "./dom.mjs";
import { count, grouped } from "./format.mjs";
import { WALL_WORDS, bar, caption, categoriesOf, entry, heightScale } from "./legend.mjs";
import { categoryColor } from "../draw/palette.mjs";
import { NO_SEGMENT, inputKind } from "../draw/records.mjs";

const MOST_CLASSES = 8;

export class SceneLegend {
  constructor() {
    this.where = make("div", { class: "vp-legend-title" });
    this.drawn = make("div", { class: "vp-num vp-quiet" });
    this.votes = make("div", { class: "vp-legend-votes" });
    this.scale = make("div", { class: "vp-legend-scale" });
    const parts = [this.where, this.drawn, this.votes, this.scale];
    this.element = make("div", { class: "vp-legend" }, ...parts);
    this.element.hidden = true;
    this.key = "";
  }

  update({ id, session, look, drawn, colouring }) {
    const { scene, truth, facts } = session;
    this.element.hidden = !scene;
    if (!scene) return;
    this.where.textContent = id;
    const points =
      drawn < facts.points
        ? `drawing ${count(drawn)} of ${count(facts.points)} points`
        : `${grouped(facts.points)} points`;
    this.drawn.textContent = [points, WALL_WORDS[look.walls]].filter(Boolean).join(" · ");
    const key = JSON.stringify([colouring, look.centroids, look.unassigned, truth === null]);
    if (key === this.key) return;
    this.key = key;
    this.scale.replaceChildren(...scaleOf(colouring, scene, truth));
    const marks = truth?.numInstances && look.centroids;
    this.votes.replaceChildren(
      ...(marks
        ? [
            entry(
              "vp-dot vp-ring",
              { "data-quantity": "target" },
              `${grouped(truth.numInstances)} true centroids`,
            ),
          ]
        : []),
    );
  }
}

function scaleOf(colouring, scene, truth) {
  if (colouring === "height") return heightScale(scene);
  if (colouring === "plane") {
    return [
      entry("vp-swatch", { "data-quantity": "plane" }, "floor, walls, ceiling or ground"),
      entry("vp-swatch", { "data-quantity": "unassigned" }, "everything else"),
    ];
  }
  if (colouring === "segment" && truth) return classesOf(scene, truth);
  if (colouring === "truth") return categoriesOf("truth", scene, null);
  if (inputKind(scene) === "intensity") {
    return [
      caption("Intensity, square root"),
      bar("linear-gradient(to right, #2e2e2e, #f4f4f4)", "0", "1"),
    ];
  }
  return [caption("Colour as scanned")];
}

/** The classes with most cells, by name. */
function classesOf(scene, truth) {
  const sizes = new Map();
  for (const segment of truth.segment) sizes.set(segment, (sizes.get(segment) ?? 0) + 1);
  const named = [...sizes.keys()]
    .filter((segment) => segment !== NO_SEGMENT)
    .sort((a, b) => sizes.get(b) - sizes.get(a));
  const rows = named.slice(0, MOST_CLASSES).map((segment) => {
    const row = entry("vp-swatch", {}, scene.classNames[segment] ?? `class ${segment}`);
    row.firstChild.style.background = categoryColor(segment);
    return row;
  });
  const more = named.length - rows.length;
  if (more > 0) rows.push(caption(`and ${grouped(more)} more`));
  if (sizes.has(NO_SEGMENT)) {
    rows.push(entry("vp-swatch", { "data-quantity": "unassigned" }, "no class"));
  }
  return rows;
}
