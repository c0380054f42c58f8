/**
 * Plotly's Scatter3d with numbers and a colour scale for colours, its cheapest way. `draw` sets the
 * camera inside Plotly and calls its own redraw, which leaves out the pass for hovering.
 */

import "/plotly/plotly.min.js";
import { heightColor } from "/assets/viewport/draw/palette.mjs";
import { BACKGROUND, FOV, POINT_SIZE, cameraAt, eyeOf } from "./cloud.mjs";

const { Plotly } = window;
export const version = Plotly.version;

export async function open(root, { scene: points, coord, height, low, high }) {
  const axis = (k) => height.map((_, row) => coord[3 * row + k]);
  const scale = Array.from({ length: 17 }, (_, k) => [k / 16, `rgb(${heightColor(k / 16)})`]);
  const { distance } = cameraAt(0.25, { low, high });
  const pixels = root.clientHeight / (2 * Math.tan(FOV / 2) * distance); // a metre's
  const marker = { size: POINT_SIZE * points.spacing * pixels, color: height, colorscale: scale, cmin: 0, cmax: 1 };
  const data = { type: "scatter3d", mode: "markers", x: axis(0), y: axis(1), z: axis(2), marker };
  const hidden = { visible: false };
  const scene = { xaxis: hidden, yaxis: hidden, zaxis: hidden, aspectmode: "data", bgcolor: BACKGROUND };
  const margin = { l: 0, r: 0, t: 0, b: 0 };
  const layout = { width: root.clientWidth, height: root.clientHeight, margin, scene };
  await Plotly.newPlot(root, [data], { ...layout, paper_bgcolor: BACKGROUND }, { displayModeBar: false });
  const { glplot } = root._fullLayout.scene._scene;
  const turn = ({ yaw, pitch }) => {
    const eye = eyeOf({ target: [0, 0, 0], distance: 3, yaw, pitch });
    glplot.camera.lookAt(eye, [0, 0, 0], [0, 0, 1]);
  };
  return {
    gl: glplot.gl,
    move: turn, // its own loop sees that the camera moved
    draw: (view) => {
      turn(view);
      glplot.redraw();
    },
  };
}
