/** Three small axes in a corner: where x, y and z point, and a click to look along one. */

import { basis } from "./camera.mjs";
import { svg } from "../page/dom.mjs";

const AXES = [
  { name: "x", way: [1, 0, 0], preset: "side" },
  { name: "y", way: [0, 1, 0], preset: "front" },
  { name: "z", way: [0, 0, 1], preset: "top" },
];
const REACH = 27;

export class Gizmo {
  constructor(onPreset) {
    this.axes = AXES.map(({ name, way, preset }) => {
      const line = svg("line", { x1: 0, y1: 0 });
      const disc = svg("circle", { r: 8 });
      const text = svg("text", {});
      text.textContent = name;
      const label = `Look along ${name}`;
      const group = svg(
        "g",
        { class: "vp-axis", role: "button", tabindex: 0, "aria-label": label },
        disc,
        text,
      );
      group.addEventListener("click", () => onPreset(preset));
      group.addEventListener("keydown", ({ key }) => key === "Enter" && onPreset(preset));
      return { way, line, group };
    });
    this.element = svg(
      "svg",
      { class: "vp-gizmo", viewBox: "-38 -38 76 76", width: 76, height: 76 },
      ...this.axes.map(({ line }) => line),
      ...this.axes.map(({ group }) => group),
    );
  }

  update(camera) {
    const { right, up, back } = basis(camera);
    const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
    for (const { way, line, group } of this.axes) {
      const [x, y] = [dot(way, right) * REACH, -dot(way, up) * REACH];
      line.setAttribute("x2", x.toFixed(1));
      line.setAttribute("y2", y.toFixed(1));
      group.setAttribute("transform", `translate(${x.toFixed(1)} ${y.toFixed(1)})`);
      group.style.opacity = dot(way, back) < -0.2 ? "0.45" : "1";
    }
  }
}
