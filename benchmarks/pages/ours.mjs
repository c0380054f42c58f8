/** The viewport's own view. `draw` draws every point; `move` does what a hand on the camera does. */

import { View } from "/assets/viewport/draw/view.mjs";
import { decodeFrame, decodeScene } from "/assets/viewport/draw/records.mjs";

export const version = "";

export async function open(root, { scene }) {
  const view = new View({ onDrawn: () => {}, onContext: () => {} });
  view.canvas.className = "";
  root.append(view.canvas);
  view.setScene(scene);
  view.setLook({ colouring: "height", walls: "all" });
  await new Promise((resolve) => new ResizeObserver(resolve).observe(view.canvas));
  return {
    view,
    frame: null,
    gl: view.renderer.gl,
    move: (camera) => view.setCamera(camera),
    draw: (camera) => {
      view.camera = camera;
      view.drawStill();
    },

    /** The scene and the second frame of a run folder. */
    async show(run) {
      const bytes = async (path) => (await fetch(`${run}/${path}`)).arrayBuffer();
      view.setScene(decodeScene(await bytes("scenes/hall.safetensors")));
      for (const step of [0, 10]) {
        const name = String(step).padStart(8, "0");
        this.frame = decodeFrame(await bytes(`frames/hall/${name}.safetensors`), step);
        const { numInstances } = this.frame;
        view.setFrame(this.frame, Int32Array.from({ length: numInstances }, (_, k) => k));
      }
      view.drawStill();
    },
  };
}
