/** How the layer in the picture was made, and what its owner should know of the scan. */

import { make } from "../viewport/page/dom.mjs";
import { duration, grouped, metres } from "../viewport/page/format.mjs";
import { checkpointWords } from "./group_form.mjs";

/** Rows of [name, text] of a layer, and of the scan's notes. Pure. */
export function factsOf({ settings = {}, seconds = {}, provenance = {} }, { name, notes = [] }) {
  const { network, domain, scale, cell_size_m: cell } = provenance;
  const chosen = Object.entries(settings)
    .filter(([key, value]) => value !== null && key !== "max_tile_points" && value !== "auto")
    .map(([key, value]) => `${key.replaceAll("_", " ")} ${value}`);
  const spent = Object.entries(seconds).map(([key, value]) => `${key} ${duration(value)}`);
  const trained = network?.steps ? `, ${grouped(network.steps)} steps without labels` : "";
  const rows = [
    ["Network", network?.checkpoint ? checkpointWords(network.checkpoint) + trained : ""],
    ["Taken as", [domain, cell && `cells of ${metres(cell)}`].filter(Boolean).join(", ")],
    ["Scale", scale && scale !== 1 ? `${Number(scale.toPrecision(3))} times as large` : ""],
    ["Settings", chosen.join(", ")],
    ["Time", spent.join(", ")],
    ...notes.map((text) => ["Note", text.replace(`${name}: `, "").replace(/^scan\.\w+: /, "")]),
  ];
  return rows.filter(([, text]) => text);
}

export class MadeCard {
  constructor() {
    this.element = make("dl", { class: "run-facts sg-made" });
    this.key = "";
  }

  /** Whether there is anything to tell. */
  update(layer, details) {
    const rows = factsOf(layer, details);
    const key = JSON.stringify(rows);
    if (key === this.key) return rows.length > 0;
    this.key = key;
    this.element.replaceChildren(
      ...rows.flatMap(([name, text]) => [make("dt", { text: name }), make("dd", { text })]),
    );
    return rows.length > 0;
  }
}
