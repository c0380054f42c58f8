/**
 * The hand that selects: a box or a lasso while that tool is on, and a click that picks with any
 * tool. Sits in front of the hands on the camera, which get what it does not take.
 */

const CLICK_PIXELS = 4; // a pointer that moved less did not drag
const LEAST_STEP = 3; // pixels between two corners of a lasso

/** The polygon of a gesture: the box between its ends, or all its corners. */
export function polygonOf(tool, corners) {
  if (tool !== "box") return corners;
  const [[x0, y0], [x1, y1]] = [corners[0], corners.at(-1)];
  return [
    [x0, y0],
    [x1, y0],
    [x1, y1],
    [x0, y1],
  ];
}

/** What the keys that are held make of a gesture. */
export function modeOf({ shiftKey, altKey }) {
  if (altKey) return "remove";
  return shiftKey ? "add" : "replace";
}

/**
 * @param {HTMLElement} stage that holds the canvas
 * @param {HTMLCanvasElement} canvas
 * @param {{tool: () => string, onDraw: (polygon) => void, onSelect: (polygon, mode, tool) => void,
 *   onPick: (x: number, y: number, event: PointerEvent) => void, signal: AbortSignal}} hand
 */
export function attachLasso(stage, canvas, { tool, onDraw, onSelect, onPick, signal }) {
  let gesture = null; // {id, tool, corners} ; tool is null where only a click matters
  const placeOf = ({ clientX, clientY }) => {
    const box = canvas.getBoundingClientRect();
    return [Math.round(clientX - box.left), Math.round(clientY - box.top)];
  };
  const end = () => {
    gesture = null;
    onDraw(null);
  };
  const listen = (name, action) => stage.addEventListener(name, action, { signal, capture: true });

  listen("pointerdown", (event) => {
    if (event.target !== canvas || event.button !== 0) return;
    if (gesture) {
      end(); // a second finger: neither a click nor a lasso
      return;
    }
    const drawing = tool() === "orbit" ? null : tool();
    gesture = { id: event.pointerId, tool: drawing, corners: [placeOf(event)] };
    if (!drawing) return;
    stage.setPointerCapture(event.pointerId);
    stage.focus({ preventScroll: true });
    event.stopPropagation();
    event.preventDefault();
  });
  listen("pointermove", (event) => {
    if (gesture?.id !== event.pointerId) return;
    const [x, y] = placeOf(event);
    const [lastX, lastY] = gesture.corners.at(-1);
    if (Math.hypot(x - lastX, y - lastY) < LEAST_STEP) return;
    gesture.corners.push([x, y]);
    if (gesture.tool) onDraw(polygonOf(gesture.tool, gesture.corners));
  });
  listen("pointerup", (event) => {
    if (gesture?.id !== event.pointerId) return;
    const { tool: drawing, corners } = gesture;
    end();
    const [x, y] = placeOf(event);
    const reach = Math.max(
      ...corners.map(([a, b]) => Math.hypot(a - corners[0][0], b - corners[0][1])),
    );
    if (Math.max(reach, Math.hypot(x - corners[0][0], y - corners[0][1])) < CLICK_PIXELS)
      onPick(x, y, event);
    else if (drawing) onSelect(polygonOf(drawing, [...corners, [x, y]]), modeOf(event), drawing);
  });
  listen("pointercancel", end);
}
