/** A plain three.js page: one Points with a PointsMaterial, as its manual shows it. */

import * as THREE from "/three/three.module.js";
import { BACKGROUND, FOV, POINT_SIZE, eyeOf } from "./cloud.mjs";

export const version = THREE.REVISION;

export function open(root, { scene, coord, color }) {
  THREE.ColorManagement.enabled = false; // colours as they are, as the other pages draw them
  const renderer = new THREE.WebGLRenderer({ antialias: false });
  renderer.outputColorSpace = THREE.LinearSRGBColorSpace;
  renderer.setSize(root.clientWidth, root.clientHeight);
  root.append(renderer.domElement);
  const world = new THREE.Scene();
  world.background = new THREE.Color(BACKGROUND);
  const geometry = new THREE.BufferGeometry();
  geometry.setAttribute("position", new THREE.BufferAttribute(coord, 3));
  geometry.setAttribute("color", new THREE.BufferAttribute(color, 3, true));
  // three takes sizes at a field of view of 90 degrees; this makes them metres at ours.
  const size = (POINT_SIZE * scene.spacing) / Math.tan(FOV / 2);
  world.add(new THREE.Points(geometry, new THREE.PointsMaterial({ size, vertexColors: true })));
  const aspect = root.clientWidth / root.clientHeight;
  const camera = new THREE.PerspectiveCamera((FOV * 180) / Math.PI, aspect, 0.5, 500);
  camera.up.set(0, 0, 1);
  const move = (view) => {
    camera.position.set(...eyeOf(view));
    camera.lookAt(...view.target);
    renderer.render(world, camera);
  };
  return { gl: renderer.getContext(), move, draw: move };
}
