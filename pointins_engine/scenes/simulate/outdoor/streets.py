"""Simulated streets as one turn of a spinning LiDAR sees them. A seed is a street, bit for bit.

Coordinates are those of KITTI: the sensor is the origin, x points ahead, y left, z up. Labels are
SemanticKITTI's 19 classes; only vehicles and people are instances, and what SemanticKITTI leaves
out of its classes (bins, benches, bus stops) is -1 here too.
"""

from typing import Literal

import numpy as np
from jaxtyping import Float, Float64

from pointins_engine.geometry import rotation
from pointins_engine.scenes.simulate.noise import value_noise
from pointins_engine.scenes.simulate.outdoor.draft import STREET_CLASSES
from pointins_engine.scenes.simulate.outdoor.materials import MATERIALS, returns
from pointins_engine.scenes.simulate.outdoor.plans import Plan, plan_street
from pointins_engine.scenes.simulate.outdoor.scanners import Lidar, lidar
from pointins_engine.scenes.simulate.solids import SolidSet, cast
from pointins_engine.types import Scene

Sensor = Literal["64", "32", "128", "mixed"]

_SENSORS = ("64", "32", "128")
_BUMPS = {  # metres, and the size of a bump
    "road": (0.015, 1.0), "parking": (0.015, 1.0), "sidewalk": (0.02, 1.0),
    "other-ground": (0.03, 1.5), "terrain": (0.09, 2.5),
}  # fmt: skip

Rng = np.random.Generator


def simulate_street(seed: int, sensor: Sensor = "64", noise: float = 1.0) -> Scene:
    """One sweep through a street with exact instances.

    Args:
        seed: The street: kind, layout, traffic, vegetation, weather, sensor faults.
        sensor: Beams of the scanner (`scanners.lidar`); "mixed" draws one from the seed.
        noise: Factor on the range noise; 0 puts every point exactly on a surface (and leaves the
            ground as flat as it was built).

    Returns:
        A scene with intensity, `semantic_label` into `STREET_CLASSES` (-1 for what has no class
        there) and `instance_label` of vehicles and people.
    """
    rng = np.random.default_rng(seed)
    plan = plan_street(rng)
    scanner = choose_lidar(seed, sensor)
    pose = sensor_pose(plan, scanner, draw_tilt(rng))
    return sweep(plan, scanner, pose, id=f"street_{seed}", rng=rng, noise=noise)


def choose_lidar(seed: int, sensor: Sensor) -> Lidar:
    """The scanner of a street."""
    return lidar(_SENSORS[seed % len(_SENSORS)] if sensor == "mixed" else sensor)


def draw_tilt(rng: Rng) -> Float64[np.ndarray, "3"]:
    """How the sensor deviates from the road in radians: roll, pitch, and how it is steered."""
    return rng.normal(0, (0.006, 0.006, 0.02))


def sensor_pose(
    plan: Plan, scanner: Lidar, tilt: Float64[np.ndarray, "3"], time_s: float = 0.0
) -> Float64[np.ndarray, "4 4"]:
    """Where the sensor is after `time_s` seconds: sensor frame to the frame of the street."""
    x = plan.speed * time_s
    profile = plan.street.profile
    pose = np.eye(4)
    pose[:3, :3] = (
        rotation("y", tilt[1] - np.arctan(profile.grade(x)))
        @ rotation("x", tilt[0])
        @ rotation("z", tilt[2])
    )
    pose[:3, 3] = (x, 0.0, profile.height(x) + scanner.height)
    return pose


def sweep(
    plan: Plan,
    scanner: Lidar,
    pose: Float64[np.ndarray, "4 4"],
    *,
    id: str,
    rng: Rng,
    noise: float,
    time_s: float = 0.0,
) -> Scene:
    """One turn of the scanner.

    Args:
        plan: The street.
        scanner: Its sensor.
        pose: Sensor frame to street frame.
        id: Of the scene.
        rng: Faults of the sensor.
        noise: Factor on range noise and bumps.
        time_s: Since the start: where the traffic is.
    """
    solids = SolidSet(plan.street.solids(time_s))
    turn, lasers = pose[:3, :3], np.array([0.0, 0.0, scanner.laser_height])
    eye = pose[:3, 3] + turn @ lasers
    rays = scanner.directions(rng)  # sensor frame
    rays = rays[scanner.clears_roof(rays)]
    world_rays = rays @ turn.T
    hits = cast(solids, eye, world_rays, rng.random(len(rays)))
    near = np.flatnonzero((hits.distance > scanner.min_range) & (hits.distance < scanner.max_range))
    facing = -(hits.normal[near] * world_rays[near]).sum(axis=1)
    comes_back, intensity = returns(
        solids.material, hits.solid[near], facing, hits.distance[near], scanner.max_range,
        is_wet=plan.is_wet, rng=rng,
    )  # fmt: skip
    kept = near[comes_back]
    solid, distance, ray = hits.solid[kept], hits.distance[kept], rays[kept]
    code = {name: k for k, name in enumerate(STREET_CLASSES)}
    semantic = np.array([code.get(name, -1) for name in plan.street.names()], np.int32)[solid]
    place = eye + distance[:, None] * world_rays[kept]
    spread = scanner.range_noise * rng.normal(size=len(distance))
    spread += _bumps(semantic, place, world_rays[kept], plan.salt)
    intensity = intensity[comes_back]
    retro = np.array([MATERIALS[name].is_retro for name in solids.material])[solid]
    gain = scanner.gain * np.exp(scanner.spread * rng.normal(size=len(solid)))
    intensity = np.where(retro, intensity, gain * intensity)
    return Scene(
        id=id,
        coord=(lasers + (distance + noise * spread)[:, None] * ray).astype(np.float32),
        intensity=np.clip(intensity, 0, 1).astype(np.float32),
        semantic_label=semantic,
        instance_label=np.array(plan.street.instances(), np.int32)[solid],
        class_names=STREET_CLASSES,
        source="sim:streets",
    )


def _bumps(
    semantic: np.ndarray,
    place: Float[np.ndarray, "k 3"],
    ray: Float[np.ndarray, "k 3"],
    salt: int,
) -> Float[np.ndarray, " k"]:
    """Change of range that lifts the ground by a few centimetres, as uneven ground would."""
    height = np.zeros(len(semantic))
    for name, (size, width) in _BUMPS.items():
        rows = np.flatnonzero(semantic == STREET_CLASSES.index(name))
        flat = place[rows] * np.array([1.0, 1.0, 0.0])
        height[rows] = size * 2 * (value_noise(flat, width, salt) - 0.5)
    down = np.minimum(ray[:, 2], -0.05)
    return np.clip(height / down, -0.5, 0.5)
