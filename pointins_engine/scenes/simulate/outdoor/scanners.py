"""Spinning LiDARs by their number of beams. They make rays and know nothing of what those meet."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float

Rng = np.random.Generator


@dataclass(frozen=True, kw_only=True, slots=True)
class Roof:
    """The roof of the car below the lasers, in metres: it hides the ground next to the car."""

    front: float  # from the sensor to the front edge
    rear: float
    half_width: float
    drop: float  # from the lasers down to the roof


@dataclass(frozen=True, kw_only=True, slots=True)
class Lidar:
    """A spinning scanner; sensor frame as in KITTI: x ahead, y left, z up, sensor at the origin."""

    elevation_rad: Float[np.ndarray, " beams"]
    num_azimuths: int  # columns of a turn
    height: float  # metres: origin above the road
    laser_height: float  # metres: where the beams leave, above the origin
    roof: Roof
    min_range: float  # metres
    max_range: float  # metres
    range_noise: float  # metres, standard deviation
    gain: float  # intensity over KITTI's remission, of what is no retroreflector
    spread: float  # standard deviation of the logarithm of the intensity that the sensor adds

    def directions(self, rng: Rng) -> Float[np.ndarray, "r 3"]:
        """Unit rays of one turn, column by column from wherever the turn begins."""
        step = 2 * np.pi / self.num_azimuths
        azimuth = rng.uniform(-np.pi, np.pi) - np.arange(self.num_azimuths) * step  # clockwise
        beam_offset = rng.normal(0, 0.1 * step, len(self.elevation_rad))  # lasers are not in line
        a = (azimuth[:, None] + beam_offset).ravel()
        e = np.broadcast_to(self.elevation_rad, (len(azimuth), len(self.elevation_rad))).ravel()
        return np.stack([np.cos(e) * np.cos(a), np.cos(e) * np.sin(a), np.sin(e)], axis=1)

    def clears_roof(self, ray: Float[np.ndarray, "r 3"]) -> Bool[np.ndarray, " r"]:
        """Whether rays of the sensor frame miss the roof of the car that carries the sensor."""
        with np.errstate(divide="ignore", invalid="ignore"):
            at_roof = ray[:, :2] * (self.roof.drop / -ray[:, 2:])
        x, y = at_roof[:, 0], np.abs(at_roof[:, 1])
        on_roof = (x < self.roof.front) & (x > -self.roof.rear) & (y < self.roof.half_width)
        return ~on_roof | (ray[:, 2] >= 0)


def lidar(sensor: Literal["64", "32", "128"]) -> Lidar:
    """A scanner by its number of beams, with the angles of the maker's manual.

    `"64"` is like the HDL-64E of KITTI, `"32"` like the HDL-32E of nuScenes at 20 turns a second,
    `"128"` like the Alpha Prime (VLS-128) at 10.
    """
    if sensor == "64":
        # Upper block every third of a degree, lower block every half degree.
        upper, lower = np.linspace(2.0, -8.33, 32), np.linspace(-8.83, -24.8, 32)
        return Lidar(
            elevation_rad=np.deg2rad(np.r_[upper, lower]), num_azimuths=2083, height=1.73,
            laser_height=0.18, roof=Roof(front=1.0, rear=1.25, half_width=0.45, drop=0.42),
            min_range=0.9, max_range=80.0, range_noise=0.012, gain=1.0, spread=0.0,
        )  # fmt: skip
    if sensor == "32":
        return Lidar(
            elevation_rad=np.deg2rad(np.linspace(10.67, -30.67, 32)), num_azimuths=1084,
            height=1.84, laser_height=0.0,
            roof=Roof(front=0.8, rear=1.0, half_width=0.6, drop=0.35),
            min_range=0.9, max_range=100.0, range_noise=0.02, gain=0.17, spread=0.9,
        )  # fmt: skip
    middle = 4.83 - 0.11 * np.arange(103)
    above = (15.0, 11.75, 9.7, 8.43, 7.58, 6.98, 6.48, 6.08, 5.73, 5.43, 5.18, 4.98)
    below = (-6.5, -6.65, -6.85, -7.15, -7.65, -8.352, -9.244, -10.346, -11.742, -13.565, -16.042,
             -19.582, -25.0)  # fmt: skip
    return Lidar(
        elevation_rad=np.deg2rad(np.r_[above, middle, below]), num_azimuths=1800, height=1.9,
        laser_height=0.0, roof=Roof(front=1.0, rear=1.2, half_width=0.6, drop=0.4),
        min_range=0.9, max_range=200.0, range_noise=0.015, gain=0.2, spread=0.9,
    )  # fmt: skip
