"""Simulated rooms as a hand-held depth camera sees them. A seed is a room, bit for bit.

`simulate_room` reads top to bottom: plan the room, walk a camera through it, cast rays, add the
faults of the sensor, paint. `floor_plans.py` decides what stands where.
"""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float

from pointins_engine.geometry import rotation
from pointins_engine.scenes.simulate.floor_plans import RoomPlan, plan_room
from pointins_engine.scenes.simulate.materials import Light, draw_palette, paint
from pointins_engine.scenes.simulate.scanners import DepthCamera
from pointins_engine.scenes.simulate.solids import SolidSet, cast
from pointins_engine.types import Scene

ROOM_CLASSES = (
    "wall", "floor", "ceiling", "cabinet", "bed", "chair", "sofa", "table", "door", "window",
    "bookshelf", "picture", "counter", "desk", "curtain", "refrigerator", "television", "toilet",
    "sink", "lamp", "bathtub", "nightstand", "dresser", "monitor", "plant", "books", "box", "bin",
    "pillow", "whiteboard",
)  # fmt: skip
STUFF = ("wall", "floor", "ceiling")

_NUM_VIEWS = 9
_SPARE_RAYS = 1.4  # rays cast a point kept: some go astray
_EYE_HEIGHT = (1.35, 1.7)  # metres
_GRAZING = 0.12  # cosine: flatter surfaces are mostly lost


def simulate_room(seed: int, num_points: int = 48_000, noise: float = 1.0) -> Scene:
    """One room with exact instances, seen from 9 places by a noisy depth camera.

    Args:
        seed: The room: plan, furniture, colours, camera path, noise.
        num_points: Points kept (a room may give a few less).
        noise: Factor on the depth noise; 0 puts every point exactly on a surface.

    Returns:
        A scene with colour, normals facing the camera, `semantic_label` into `ROOM_CLASSES` and
        `instance_label` (-1 on walls, floor and ceiling). Turned by a random angle about z; z = 0
        is the floor.
    """
    rng = np.random.default_rng(seed)
    plan = plan_room(rng)
    solids = SolidSet(plan.solids)
    camera = DepthCamera()
    parts = []
    for view, (eye, target) in enumerate(_walk(plan, rng)):
        rays = camera.directions(
            eye, target, rng.normal(0, 0.05), int(num_points * _SPARE_RAYS / _NUM_VIEWS), rng
        )
        chance = rng.random((3, len(rays)))
        hits = cast(solids, eye, rays, chance[0])
        facing = -(hits.normal * rays).sum(axis=1)
        glass = plan.is_glass[hits.solid]
        seen = (
            (hits.distance > camera.min_range)
            & (hits.distance < camera.max_range)
            & (facing > _GRAZING * chance[1])
            & (~glass | (chance[2] < 0.1))
        )
        spread = camera.depth_noise(hits.distance[seen]) * rng.normal(size=int(seen.sum()))
        exact = eye + hits.distance[seen, None] * rays[seen]
        parts.append(
            (exact, exact + noise * spread[:, None] * rays[seen], hits.normal[seen],
             hits.solid[seen], np.full(int(seen.sum()), view))
        )  # fmt: skip
    exact, coord, normal, solid, view = (np.concatenate(p) for p in zip(*parts, strict=True))
    if len(coord) > num_points:
        keep = np.sort(rng.choice(len(coord), num_points, replace=False))
        exact, coord, normal = exact[keep], coord[keep], normal[keep]
        solid, view = solid[keep], view[keep]
    color = paint(
        solids.material, exact, solids.to_local(exact, solid), normal, solid, view,
        draw_palette(rng), _light(plan, rng), rng,
    )  # fmt: skip
    turn = rotation("z", rng.uniform(-np.pi, np.pi))
    middle = np.array([plan.size[0] / 2, plan.size[1] / 2, 0.0])
    class_of_solid = np.array([ROOM_CLASSES.index(name) for name in plan.class_name], np.int32)
    return Scene(
        id=f"room_{seed}",
        coord=((coord - middle) @ turn.T).astype(np.float32),
        color=color,
        normal=(normal @ turn.T).astype(np.float32),
        semantic_label=class_of_solid[solid],
        instance_label=plan.instance[solid],
        class_names=ROOM_CLASSES,
        source="sim:rooms",
    )


def _walk(
    plan: RoomPlan, rng: np.random.Generator
) -> Iterator[tuple[Float[np.ndarray, "3"], Float[np.ndarray, "3"]]]:
    """Pairs of eye and target: places far apart on free floor, each looking at furniture."""
    free = plan.free_places(rng, 400)
    chosen = [int(rng.integers(len(free)))]
    reach = np.linalg.norm(free - free[chosen[0]], axis=1)
    while len(chosen) < min(_NUM_VIEWS, len(free)):
        chosen.append(int(reach.argmax()))
        reach = np.minimum(reach, np.linalg.norm(free - free[chosen[-1]], axis=1))
    objects = np.array([placed.position for placed in plan.placed])
    looks = np.zeros(len(objects))
    for k in range(_NUM_VIEWS):
        x, y = free[chosen[k % len(chosen)]]
        eye = np.array([x, y, rng.uniform(*_EYE_HEIGHT)])
        gap = np.linalg.norm(objects[:, :2] - eye[:2], axis=1)
        candidates = np.flatnonzero((gap > 1.0) & (gap < 4.5))
        if len(candidates) == 0:
            candidates = np.arange(len(objects))
        # What was looked at least comes first; what stands near it has been seen with it.
        chosen_object = candidates[(looks + 0.1 * rng.random(len(objects)))[candidates].argmin()]
        look = objects[chosen_object]
        looks += np.exp(-np.linalg.norm(objects[:, :2] - look[:2], axis=1))
        target = np.array([look[0], look[1], rng.uniform(0.0, 0.7)])
        if np.linalg.norm(target[:2] - eye[:2]) < 0.3:
            target[0] += 0.5
        yield eye, target


def _light(plan: RoomPlan, rng: np.random.Generator) -> Light:
    width, depth, height = plan.size
    corners, axis, inward = plan.sun_window
    sun = np.array([rng.normal(0, 0.3), rng.normal(0, 0.3), -rng.uniform(0.5, 0.9)])
    sun[axis] = inward
    return Light(
        lamp=np.array([width * rng.uniform(0.3, 0.7), depth * rng.uniform(0.3, 0.7), height - 0.2]),
        sun=sun / np.linalg.norm(sun),
        window=corners,
        window_axis=axis,
    )
