"""Drives through simulated streets: sweep after sweep, with the pose of each.

The sensor drives along its lane and the traffic moves on; whatever does not move is the same in
every sweep. A sweep is taken in one instant, as datasets give it after they have undone the motion
of the sensor during a turn.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float64

from pointins_engine.errors import SceneError
from pointins_engine.scenes.simulate.outdoor.plans import plan_street
from pointins_engine.scenes.simulate.outdoor.streets import (
    Sensor,
    choose_lidar,
    draw_tilt,
    sensor_pose,
    sweep,
)
from pointins_engine.types import Scene

_LONGEST = 10.0  # seconds: then the street would be 400 m long
_SHAKE = 0.001  # radians between sweeps: the car rocks


@dataclass(frozen=True, kw_only=True, slots=True)
class Sweep:
    """One turn of a sensor that drives."""

    scene: Scene  # sensor frame; instance_label names the same object in every sweep
    pose: Float64[np.ndarray, "4 4"]  # sensor frame to the frame of the street
    time_s: float  # since the first sweep


def simulate_sequence(
    seed: int,
    num_sweeps: int,
    sensor: Sensor = "64",
    period_s: float = 0.1,
    noise: float = 1.0,
) -> Iterator[Sweep]:
    """A drive through one street.

    Args:
        seed: The street and the drive. It is another street than `simulate_street` of this seed.
        num_sweeps: How many turns.
        sensor: As in `simulate_street`.
        period_s: Seconds from one sweep to the next: 0.1 for KITTI, 0.05 for nuScenes.
        noise: As in `simulate_street`.

    Raises:
        SceneError: If there is no sweep, or the drive takes more than ten seconds.
    """
    drive_s = (num_sweeps - 1) * period_s
    if num_sweeps < 1 or not 0 < period_s or drive_s > _LONGEST:
        raise SceneError(
            f"{num_sweeps} sweeps, one every {period_s} s: expected at least one sweep and a "
            f"drive of at most {_LONGEST:.0f} s. Take several shorter sequences."
        )
    rng = np.random.default_rng([seed, num_sweeps])
    plan, scanner = plan_street(rng, drive_s), choose_lidar(seed, sensor)
    tilt = draw_tilt(rng)

    def drive() -> Iterator[Sweep]:
        for k in range(num_sweeps):
            time_s, id = k * period_s, f"street_{seed}_{k:03d}"
            pose = sensor_pose(plan, scanner, tilt + _SHAKE * rng.normal(size=3), time_s)
            scene = sweep(plan, scanner, pose, id=id, rng=rng, noise=noise, time_s=time_s)
            yield Sweep(scene=scene, pose=pose, time_s=time_s)

    return drive()


def add_up(sweeps: Sequence[Sweep], id: str) -> Scene:
    """All points of some sweeps in the sensor frame of the last one.

    Only the sensor's own motion is undone, as is usual with nuScenes: what moved leaves a trail,
    and its instance covers the whole trail.

    Raises:
        SceneError: If there is no sweep.
    """
    if not sweeps:
        raise SceneError("no sweep to add up; expected at least one.")
    last = sweeps[-1]
    to_last = np.linalg.inv(last.pose)
    coords, fields = [], {"intensity": [], "semantic_label": [], "instance_label": []}
    for one in sweeps:
        move = to_last @ one.pose
        coords.append(one.scene.coord @ move[:3, :3].T + move[:3, 3])
        for name, parts in fields.items():
            parts.append(getattr(one.scene, name))
    return replace(
        last.scene,
        id=id,
        coord=np.concatenate(coords).astype(np.float32),
        **{name: np.concatenate(parts) for name, parts in fields.items()},
    )
