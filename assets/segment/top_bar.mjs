/** The head of a result: its name, how much it holds, and where to take it. */

import { make } from "../viewport/page/dom.mjs";
import { count } from "../viewport/page/format.mjs";

const FORMATS = {
  ply: ["PLY", "points with colours, instance ids and scores; any point cloud viewer"],
  npz: ["NPZ", "ids, scores, centroids, offsets; NumPy"],
  json: ["JSON", "the list of objects and how it was made"],
  coco: ["COCO-like JSON", "run lengths over the points; annotation tools"],
};

export class TopBar {
  /** @param {{onPolyscope: () => void, addressOf: (format: string) => string}} ask */
  constructor(ask) {
    this.ask = ask;
    this.root = document.getElementById("segment-top");
    this.name = make("h1");
    this.facts = make("span", { class: "sg-facts" });
    this.links = make("div", { class: "menu-list" });
    this.menu = make(
      "details",
      { class: "menu sg-menu" },
      make("summary", {}, make("span", { class: "menu-now", text: "Download" })),
      this.links,
    );
    this.polyscope = make("button", {
      class: "button",
      text: "Open in Polyscope",
      title: "In a window on the machine that the studio runs on",
      attributes: { type: "button" },
      on: { click: () => ask.onPolyscope() },
    });
    this.closer = ({ target }) => {
      if (!this.menu.contains(target) || target.closest("a")) this.menu.open = false;
    };
    document.addEventListener("click", this.closer);
    const back = make(
      "a",
      { class: "back-link", title: "All segmentations", attributes: { href: "/segment" } },
      make("span", { class: "back-mark", text: "‹" }),
      "Segment",
    );
    this.root?.replaceChildren(back, this.name, this.facts, this.menu, this.polyscope);
    this.key = "";
  }

  dispose() {
    document.removeEventListener("click", this.closer);
    this.root?.replaceChildren();
  }

  /** @param {{details, layer, shown, mayEdit}} now `shown` objects of the layer in the picture */
  update({ details, layer, shown, mayEdit }) {
    const key = JSON.stringify([details?.name, details?.points, layer, shown, mayEdit]);
    if (key === this.key) return;
    this.key = key;
    this.name.textContent = details?.name ?? "";
    this.name.title = details?.name ?? "";
    const facts = [];
    if (details?.points) facts.push(["points", count(details.points)]);
    if (layer) facts.push(["objects", count(shown)]);
    this.facts.replaceChildren(
      ...facts.map(([label, text]) =>
        make(
          "span",
          { class: "fact" },
          make("span", { class: "fact-label", text: label }),
          make("span", { class: "fact-value", text }),
        ),
      ),
    );
    this.menu.hidden = !layer;
    this.polyscope.hidden = !layer || !mayEdit;
    this.links.replaceChildren(
      ...Object.entries(FORMATS).map(([format, [name, about]]) =>
        make(
          "a",
          {
            class: "menu-item",
            attributes: { href: layer ? this.ask.addressOf(format) : "#", download: "" },
          },
          make("span", { text: name }),
          make("span", { class: "menu-detail", text: about }),
        ),
      ),
    );
  }
}
