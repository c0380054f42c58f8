"""Simulated rooms as a hand-held depth camera sees them. A seed is a room, bit for bit.

`simulate_room` reads top to bottom: plan the rooms, walk a camera through them, cast rays, paint
what they meet, add the faults of both cameras. `floor_plans.py` decides what stands where.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from jaxtyping import Float, Int64

from pointins_engine.geometry import rotation
from pointins_engine.scenes.simulate.indoor.color_camera import develop
from pointins_engine.scenes.simulate.indoor.depth_camera import (
    DepthCamera,
    Exposures,
    Pose,
    expose,
    is_returned,
    measured,
)
from pointins_engine.scenes.simulate.indoor.floor_plans import RoomPlan, plan_flat
from pointins_engine.scenes.simulate.indoor.lighting import Light, illumination
from pointins_engine.scenes.simulate.indoor.materials import albedo, draw_palette
from pointins_engine.scenes.simulate.solids import SolidSet
from pointins_engine.types import Scene

ROOM_CLASSES = (
    "wall", "floor", "ceiling", "cabinet", "bed", "chair", "sofa", "table", "door", "window",
    "bookshelf", "picture", "counter", "desk", "curtain", "refrigerator", "television", "toilet",
    "sink", "lamp", "bathtub", "nightstand", "dresser", "monitor", "plant", "books", "box", "bin",
    "pillow", "whiteboard", "shower curtain", "bag", "radiator",
)  # fmt: skip
STUFF = ("wall", "floor", "ceiling")

# What ScanNet's benchmark of 20 classes (18 of them with instances) calls these: most by the same
# name; what its annotators name but the benchmark leaves out is None.
SCANNET_CLASS: dict[str, str | None] = {
    **{name: name for name in ROOM_CLASSES},
    "bin": "otherfurniture",
    "radiator": "otherfurniture",
    **dict.fromkeys(
        ("ceiling", "television", "lamp", "nightstand", "dresser", "monitor", "plant", "books",
         "box", "pillow", "whiteboard", "bag"),
    ),
}  # fmt: skip

_NUM_VIEWS = 9  # of one room
_MORE_VIEWS = 5  # of every further room
SPARE_RAYS = 1.65  # rays cast a point kept: many go astray
_EYE_HEIGHT = (1.35, 1.7)  # metres


def simulate_room(
    seed: int,
    num_points: int = 48_000,
    noise: float = 1.0,
    *,
    num_rooms: int | None = None,
    clutter: float | None = None,
) -> Scene:
    """One furnished room, or a flat, with exact instances, as a noisy depth camera sees it.

    Args:
        seed: The room: plan, furniture, colours, camera path, noise.
        num_points: Points kept (a room may give a few less).
        noise: Factor on the errors of depth; 0 puts every point exactly on a surface.
        num_rooms: 1 to 3 rooms with openings between them. By default one, and two for one seed in
            twelve.
        clutter: How much lies about, 0 to 1; drawn by default.

    Returns:
        A scene with colour, normals facing the camera, `semantic_label` into `ROOM_CLASSES` and
        `instance_label` (-1 on walls, floor and ceiling). Turned by a random angle about z; z = 0
        is the floor.

    Raises:
        ConfigError: If `num_rooms` or `clutter` is out of range.
    """
    rng = np.random.default_rng(seed)
    rooms = plan_flat(rng, num_rooms, clutter)
    solids = SolidSet([solid for room in rooms for solid in room.solids])
    camera = DepthCamera()
    seen = expose(solids, camera, list(walk(rooms, rng)), int(num_points * SPARE_RAYS), rng)
    kept = is_returned(seen, solids.material, camera, rng)
    coord = measured(seen, camera, noise, rng)
    pixel_rad = camera.fov_rad[0] / kept.shape[2]
    color = develop(_light_from(seen, rooms, solids, rng), seen.is_hit, pixel_rad, rng)
    rows = np.flatnonzero(kept)
    if len(rows) > num_points:
        rows = np.sort(rng.choice(rows, num_points, replace=False))
    solid = seen.solid.ravel()[rows]
    turn = rotation("z", rng.uniform(-np.pi, np.pi))
    class_of_solid = [ROOM_CLASSES.index(name) for room in rooms for name in room.class_name]
    return Scene(
        id=f"room_{seed}",
        coord=((coord.reshape(-1, 3)[rows] - _middle(rooms)) @ turn.T).astype(np.float32),
        color=color.reshape(-1, 3)[rows],
        normal=(seen.normal.reshape(-1, 3)[rows] @ turn.T).astype(np.float32),
        semantic_label=np.array(class_of_solid, np.int32)[solid],
        instance_label=_instances(rooms)[solid].astype(np.int32),
        class_names=ROOM_CLASSES,
        source="sim:rooms",
    )


def _middle(rooms: Sequence[RoomPlan]) -> Float[np.ndarray, "3"]:
    far = np.array([np.add(room.corner, room.size[:2]) for room in rooms]).max(axis=0)
    return np.array([*(far / 2), 0.0])


def _instances(rooms: Sequence[RoomPlan]) -> Int64[np.ndarray, " s"]:
    """Instance of every solid; rooms number on."""
    parts, first = [], 0
    for room in rooms:
        parts.append(np.where(room.instance >= 0, room.instance.astype(np.int64) + first, -1))
        first += len(room.placed)
    return np.concatenate(parts)


def walk(rooms: Sequence[RoomPlan], rng: np.random.Generator) -> Iterator[Pose]:
    """Poses of the camera on its way through all rooms."""
    for k, room in enumerate(rooms):
        yield from _walk_room(room, _NUM_VIEWS if k == 0 else _MORE_VIEWS, rng)


def _walk_room(plan: RoomPlan, views: int, rng: np.random.Generator) -> Iterator[Pose]:
    """Places far apart on free floor, each looking at furniture."""
    free = plan.free_places(rng, 400)
    chosen = [int(rng.integers(len(free)))]
    reach = np.linalg.norm(free - free[chosen[0]], axis=1)
    while len(chosen) < min(views, len(free)):
        chosen.append(int(reach.argmax()))
        reach = np.minimum(reach, np.linalg.norm(free - free[chosen[-1]], axis=1))
    objects = np.array([placed.position for placed in plan.placed])
    looks = np.zeros(len(objects))
    for k in range(views):
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


def _light_from(
    seen: Exposures, rooms: Sequence[RoomPlan], solids: SolidSet, rng: np.random.Generator
) -> Float[np.ndarray, "v h w 3"]:
    """Light that comes back from the surface behind every pixel; 1 = white in full light."""
    position = seen.at(seen.distance).reshape(-1, 3)
    solid, normal = seen.solid.ravel(), seen.normal.reshape(-1, 3)
    salt = int(rng.integers(1 << 30))
    local = solids.to_local(position, solid)
    surface = albedo(solids.material, solids.half, local, solid, draw_palette(rng), salt)
    room_of_point = np.searchsorted([room.corner[0] for room in rooms[1:]], position[:, 0])
    light = np.zeros_like(surface)
    for k, room in enumerate(rooms):
        rows = np.flatnonzero(room_of_point == k)
        shading = [s for s, throws in zip(room.solids, room.throws_shadow, strict=True) if throws]
        light[rows] = illumination(
            _draw_light(room, rng), solids, SolidSet(shading), position[rows], normal[rows], salt
        )
    return (surface * light).reshape(*seen.solid.shape, 3)


def _draw_light(plan: RoomPlan, rng: np.random.Generator) -> Light:
    width, depth, height = plan.size
    x, y = width * rng.uniform(0.3, 0.7), depth * rng.uniform(0.3, 0.7)
    sun = np.array([rng.normal(0, 0.3), rng.normal(0, 0.3), -rng.uniform(0.5, 0.9)])
    sun[plan.window_axis] = plan.inward
    warm, cool = rng.uniform(0, 0.22), rng.uniform(0, 0.15)
    return Light(
        lamp=np.array([plan.corner[0] + x, plan.corner[1] + y, height - 0.2]),
        lamp_color=rng.uniform(0.5, 1.1) * np.array([1 + warm, 1.0, 1 - 1.3 * warm]),
        sky_color=rng.uniform(0.3, 1.2) * np.array([1 - cool, 1.0, 1 + cool]),
        sun=sun / np.linalg.norm(sun),
        sun_strength=float(rng.choice([0.0, 0.5, 0.9])),
        window=plan.window,
        window_axis=plan.window_axis,
    )
