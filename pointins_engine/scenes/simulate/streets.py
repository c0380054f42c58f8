"""Simulated streets as one turn of a spinning LiDAR sees them. A seed is a street, bit for bit.

Coordinates are those of KITTI: the sensor is the origin, x points ahead, y left, z up, and the
ground lies about 1.73 m below. Labels are SemanticKITTI's 19 classes; only vehicles and people are
instances.
"""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from jaxtyping import Float

from pointins_engine.geometry import rotation
from pointins_engine.scenes.simulate import street_objects as o
from pointins_engine.scenes.simulate.materials import value_noise
from pointins_engine.scenes.simulate.pieces import Piece, Placed, Rect, box, overlap
from pointins_engine.scenes.simulate.scanners import lidar
from pointins_engine.scenes.simulate.solids import Solid, SolidSet, cast
from pointins_engine.types import Scene

STREET_CLASSES = (
    "car", "bicycle", "motorcycle", "truck", "other-vehicle", "person", "bicyclist",
    "motorcyclist", "road", "parking", "sidewalk", "other-ground", "building", "fence",
    "vegetation", "trunk", "terrain", "pole", "traffic-sign",
)  # fmt: skip
NUM_THINGS = 8  # the first eight are countable
_GROUND = ("road", "parking", "sidewalk", "other-ground", "terrain")

_REACH = 70.0  # metres of street on each side of the sensor
_CURB = 0.12  # metres
_SENSOR_HEIGHT = {"64": 1.73, "32": 1.84}  # metres above the road: KITTI, nuScenes
_BUMPS = {"road": 0.015, "parking": 0.015, "sidewalk": 0.02, "terrain": 0.09}  # metres

Rng = np.random.Generator


@dataclass
class _Street:
    """A street in the making: x along the road, ground at z = 0."""

    rng: Rng
    solids: list[Solid] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    instance: list[int] = field(default_factory=list)
    taken: list[Rect] = field(default_factory=list)
    num_things: int = 0

    def ground(self, name: str, x: tuple[float, float], y: tuple[float, float], z: float) -> None:
        material = {"road": "asphalt", "parking": "asphalt", "sidewalk": "paving"}.get(
            name, "grass"
        )
        if x[1] > x[0] and y[1] > y[0]:
            self.solids.append(box(x, y, (-2.0, z), material))
            self.names.append(name)
            self.instance.append(-1)

    def add(self, piece: Piece, x: float, y: float, yaw: float = 0.0, z: float = 0.0) -> None:
        placed = Placed(piece=piece, position=(float(x), float(y), float(z)), yaw_rad=float(yaw))
        parts = placed.solids()
        self.solids += parts
        self.names += [piece.name] * len(parts)
        is_thing = STREET_CLASSES.index(piece.name) < NUM_THINGS
        self.instance += [self.num_things if is_thing else -1] * len(parts)
        self.num_things += int(is_thing)
        self.taken.append(placed.footprint())

    def fits(self, piece: Piece, x: float, y: float, yaw: float, air: float = 0.15) -> bool:
        """Whether a piece would stand clear of everything added before, and of the sensor."""
        rect = Placed(piece=piece, position=(x, y, 0.0), yaw_rad=yaw).footprint(air)
        own_car = (-3.0, -1.2, 3.0, 1.2)
        return not any(overlap(rect, other) for other in (*self.taken, own_car))

    def try_add(self, piece: Piece, x: float, y: float, yaw: float = 0.0, z: float = 0.0) -> None:
        if self.fits(piece, float(x), float(y), float(yaw)):
            self.add(piece, x, y, yaw, z)


def simulate_street(seed: int, sensor: Literal["64", "32"] = "64", noise: float = 1.0) -> Scene:
    """One sweep through a street with exact instances.

    Args:
        seed: The street: layout, traffic, vegetation, sensor faults.
        sensor: "64" spins an HDL-64-like scanner (about 80,000 returns), "32" an HDL-32-like one.
        noise: Factor on the range noise; 0 puts every point exactly on a surface (and leaves the
            ground as flat as it was built).
    """
    rng = np.random.default_rng(seed)
    street = _plan(rng)
    solids = SolidSet(street.solids)
    scanner = lidar(sensor)
    eye = np.array([0.0, 0.0, _SENSOR_HEIGHT[sensor]])
    tilt = rotation("y", rng.normal(0, 0.008)) @ rotation("x", rng.normal(0, 0.008))
    tilt = tilt @ rotation("z", rng.normal(0, 0.05))  # the car does not drive quite straight
    rays = scanner.directions(rng)  # sensor frame
    chance = rng.random((3, len(rays)))
    hits = cast(solids, eye, rays @ tilt.T, chance[0])
    seen = (hits.distance > 2.2) & (hits.distance < scanner.max_range)
    facing = -(hits.normal * (rays @ tilt.T)).sum(axis=1)
    lost = np.array([o.REFLECTIVITY[m][1] for m in solids.material])[hits.solid]
    lost = lost + 0.5 * (hits.distance / scanner.max_range) ** 2 + 0.2 * (facing < 0.04)
    seen &= chance[1] > lost
    solid, distance, ray = hits.solid[seen], hits.distance[seen], rays[seen]
    names = np.array(street.names)[solid]
    world = eye + distance[:, None] * (ray @ tilt.T)
    spread = scanner.range_noise * rng.normal(size=len(distance))
    spread += _bumps(names, world, ray @ tilt.T, int(rng.integers(1 << 30)))
    coord = (distance + noise * spread)[:, None] * ray
    reflect = np.array([o.REFLECTIVITY[m][0] for m in solids.material])[solid]
    retro = np.array([m == "retro" for m in solids.material])[solid]
    intensity = reflect * np.where(retro, 1.0, 0.7 + 0.3 * np.clip(facing[seen], 0, 1))
    intensity = intensity * rng.uniform(0.75, 1.2, len(intensity)) + rng.normal(
        0, 0.02, len(reflect)
    )
    class_of_solid = np.array([STREET_CLASSES.index(name) for name in street.names], np.int32)
    return Scene(
        id=f"street_{seed}",
        coord=coord.astype(np.float32),
        intensity=np.clip(intensity, 0, 1).astype(np.float32),
        semantic_label=class_of_solid[solid],
        instance_label=np.array(street.instance, np.int32)[solid],
        class_names=STREET_CLASSES,
        source="sim:streets",
    )


def _bumps(
    names: np.ndarray, world: Float[np.ndarray, "k 3"], ray: Float[np.ndarray, "k 3"], salt: int
) -> Float[np.ndarray, " k"]:
    """Change of range that lifts the ground by a few centimetres, as uneven ground would."""
    height = np.zeros(len(names))
    for name, size in _BUMPS.items():
        rows = np.flatnonzero(names == name)
        flat = world[rows] * np.array([1.0, 1.0, 0.0])
        height[rows] = size * 2 * (value_noise(flat, 2.5 if size > 0.05 else 1.0, salt) - 0.5)
    down = np.minimum(ray[:, 2], -0.05)
    return np.clip(height / down, -0.5, 0.5)


def _plan(rng: Rng) -> _Street:
    street = _Street(rng)
    lanes = float(rng.uniform(3.2, 4.2))  # half of the carriageway
    drift = float(rng.normal(0, 0.2))  # the sensor drives in the middle of the right lane
    crossing = float(rng.uniform(12, 40) * rng.choice([-1, 1])) if rng.random() < 0.5 else None
    gap = (crossing - 5.0, crossing + 5.0) if crossing is not None else (_REACH, _REACH)
    left, right = 1.5 * lanes + drift, -0.5 * lanes + drift
    centre = (left + right) / 2
    street.ground("road", (-_REACH, _REACH), (right, left), 0.0)
    if crossing is not None:
        street.ground("road", gap, (left, _REACH), 0.0)
        street.ground("road", gap, (-_REACH, right), 0.0)
    for side, edge in ((1, left), (-1, right)):
        _side(street, side, edge, gap)
    _traffic(street, centre, lanes, gap)
    return street


def _span(side: int, a: float, b: float) -> tuple[float, float]:
    return (a, b) if side > 0 else (b, a)


def _side(street: _Street, side: int, edge: float, gap: tuple[float, float]) -> None:
    """Parking, sidewalk and what lies behind it, on one side of the road."""
    rng = street.rng
    parking = float(rng.uniform(2.1, 2.4)) if rng.random() < 0.8 else 0.0
    walk = float(rng.uniform(1.8, 3.2))
    curb = edge + side * parking
    behind = curb + side * walk
    far = side * _REACH
    for x in ((-_REACH, gap[0]), (gap[1], _REACH)):
        street.ground("parking", x, _span(side, edge, curb), 0.0)
        street.ground("sidewalk", x, _span(side, curb, behind), _CURB)
        street.ground("terrain", x, _span(side, behind, far), _CURB + 0.02)
    if parking:
        _parked(street, edge + side * parking / 2, side, gap)
    _frontage(street, side, behind, gap)
    _sidewalk(street, side, curb, walk, gap)


def _parked(street: _Street, y: float, side: int, gap: tuple[float, float]) -> None:
    rng, x = street.rng, -_REACH + 20.0
    share = rng.uniform(0.5, 0.95)
    while x < _REACH - 20.0:
        maker = o.van if rng.random() < 0.05 else o.truck if rng.random() < 0.02 else o.car
        piece = maker(rng)
        x += piece.size[0] / 2
        clear = x + piece.size[0] / 2 < gap[0] - 3 or x - piece.size[0] / 2 > gap[1] + 3
        if clear and rng.random() < share:
            yaw = (0.0 if side < 0 else np.pi) + rng.normal(0, 0.03)
            street.try_add(piece, x, y + rng.normal(0, 0.06), yaw)
        elif clear and rng.random() < 0.2:
            maker = o.motorcycle if rng.random() < 0.6 else o.bicycle
            for k in range(int(rng.integers(1, 4))):
                street.try_add(maker(rng), x - 0.9 + 0.9 * k, y, np.pi / 2 + rng.normal(0, 0.1))
        x += piece.size[0] / 2 + rng.uniform(0.4, 1.3)


def _frontage(street: _Street, side: int, behind: float, gap: tuple[float, float]) -> None:
    """Houses, hedges, fences and trees along the sidewalk."""
    rng, x = street.rng, -_REACH
    facing = 0.0 if side > 0 else np.pi
    while x < _REACH:
        width, depth = rng.uniform(8, 16), rng.uniform(7, 11)
        setback = rng.choice([0.3, 3.0, 6.0]) + rng.uniform(0, 1)
        x += width / 2
        outside = x + width / 2 < gap[0] - 1 or x - width / 2 > gap[1] + 1
        if outside:
            roll = rng.random()
            border = behind + side * 0.3
            if roll < 0.75:
                house = o.building(width - rng.uniform(0.2, 3), depth, rng)
                street.add(house, x, behind + side * (setback + depth / 2), facing, _CURB)
            if roll >= 0.75 or setback > 2:
                line = (
                    o.hedge(width - 1.5, rng) if rng.random() < 0.5 else o.fence(width - 1.5, rng)
                )
                street.add(line, x, border, 0.0, _CURB)
                for _ in range(int(rng.integers(1, 4))):
                    depth_in = rng.uniform(1.0, 2.6) if roll < 0.75 else rng.uniform(2, 14)
                    px, py = x + rng.uniform(-width, width) / 2.5, behind + side * depth_in
                    if rng.random() < 0.5:
                        street.add(o.bush(rng), px, py, 0.0, _CURB)
                    else:
                        for piece in o.tree(rng):
                            street.add(piece, px, py, 0.0, _CURB)
        x += width / 2


def _sidewalk(
    street: _Street, side: int, curb: float, walk: float, gap: tuple[float, float]
) -> None:
    rng = street.rng
    kerbside, middle = curb + side * 0.35, curb + side * walk * 0.6
    trees = rng.random() < 0.6
    for x in np.arange(-_REACH + 12, _REACH - 12, rng.uniform(8, 13)):
        if gap[0] - 2 < x < gap[1] + 2:
            continue
        roll = rng.random()
        if trees and roll < 0.6:
            for piece in o.tree(rng):
                street.add(piece, x, kerbside, 0.0, _CURB)
        elif roll < 0.75:
            street.add(o.lamp_post(rng), x, kerbside, 0.0 if side < 0 else np.pi, _CURB)
        elif roll < 0.92:
            for piece in o.traffic_sign(rng):
                street.add(piece, x, kerbside, 0.0 if rng.random() < 0.5 else np.pi, _CURB)
    for _ in range(int(rng.integers(2, 7))):  # people, alone or in pairs that nearly touch
        x = rng.uniform(-28, 28)
        if gap[0] < x < gap[1]:
            continue
        y, yaw = middle + rng.normal(0, 0.25), rng.choice([0, np.pi]) + rng.normal(0, 0.2)
        street.try_add(o.person(rng), x, y, yaw, _CURB)
        if rng.random() < 0.4:
            street.try_add(o.person(rng), x + rng.normal(0, 0.1), y + side * 0.72, yaw, _CURB)
    for _ in range(int(rng.integers(0, 3))):  # bicycles leaning in a row
        x0 = rng.uniform(-22, 22)
        for k in range(int(rng.integers(1, 4))):
            street.try_add(
                o.bicycle(rng), x0 + 0.75 * k, curb + side * (walk - 0.9), np.pi / 2, _CURB
            )


def _traffic(street: _Street, centre: float, lanes: float, gap: tuple[float, float]) -> None:
    rng = street.rng
    makers = (o.car,) * 5 + (o.van, o.truck, o.bicyclist, o.bicyclist, o.motorcyclist)
    for _ in range(int(rng.integers(2, 7))):
        piece = makers[int(rng.integers(len(makers)))](rng)
        ahead = rng.random() < 0.5
        y = centre + (-lanes / 2 if ahead else lanes / 2) + rng.normal(0, 0.2)
        if piece.size[1] < 1:
            y += -1.2 if ahead else 1.2
        x = rng.uniform(-45, 45)
        street.try_add(piece, x, y, (0.0 if ahead else np.pi) + rng.normal(0, 0.03))
    if (
        gap[0] < _REACH and rng.random() < 0.7
    ):  # somebody waits at the crossing, somebody walks over
        street.try_add(o.car(rng), sum(gap) / 2 - 2, centre + lanes + 6, -np.pi / 2)
        street.try_add(o.person(rng), gap[0] - 1.0, centre + rng.uniform(-2, 2), np.pi / 2)
