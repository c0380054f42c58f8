"""The two sensors of the simulated world: a hand-held depth camera and a spinning LiDAR.

Both return rays or noise for given hits and know nothing of what they look at.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

Rng = np.random.Generator


@dataclass(frozen=True, kw_only=True, slots=True)
class DepthCamera:
    """A structured-light camera such as the ones ScanNet was recorded with."""

    fov_rad: tuple[float, float] = (1.02, 0.79)  # 58 by 45 degrees
    min_range: float = 0.4  # metres
    max_range: float = 3.8  # metres: beyond, such cameras give little that holds

    def directions(
        self,
        eye: Float[np.ndarray, "3"],
        target: Float[np.ndarray, "3"],
        roll_rad: float,
        num_rays: int,
        rng: Rng,
    ) -> Float[np.ndarray, "r 3"]:
        """Unit rays of one exposure, jittered inside their pixels and ordered tile by tile."""
        forward = (target - eye) / np.linalg.norm(target - eye)
        right = np.cross(forward, [0.0, 0.0, 1.0])
        right /= np.linalg.norm(right)
        up = np.cross(right, forward)
        right, up = (
            np.cos(roll_rad) * right + np.sin(roll_rad) * up,
            np.cos(roll_rad) * up - np.sin(roll_rad) * right,
        )
        rows = max(4, round(np.sqrt(num_rays * 3 / 4)))
        columns = max(4, round(num_rays / rows))
        row, column = np.divmod(np.arange(rows * columns), columns)
        order = np.lexsort((row, column, column // 24, row // 24))
        row, column = row[order], column[order]
        u = (column + rng.random(len(column))) / columns * 2 - 1
        v = 1 - (row + rng.random(len(row))) / rows * 2
        half_u, half_v = np.tan(self.fov_rad[0] / 2), np.tan(self.fov_rad[1] / 2)
        rays = forward + u[:, None] * half_u * right + v[:, None] * half_v * up
        return rays / np.linalg.norm(rays, axis=1, keepdims=True)

    def depth_noise(self, distance: Float[np.ndarray, " k"]) -> Float[np.ndarray, " k"]:
        """Standard deviation of the range in metres.

        Grows with the square of the distance, as triangulation does: 1.2 mm near, 14 mm at 3 m
        (axial noise of a Kinect as Nguyen et al. measured it, 3DIMPVT 2012).
        """
        return 0.0012 + 0.0019 * np.maximum(distance - 0.4, 0) ** 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Lidar:
    """A spinning scanner; sensor frame as in KITTI: x ahead, y left, z up, sensor at the origin."""

    elevation_rad: Float[np.ndarray, " beams"]
    num_azimuths: int
    max_range: float  # metres
    range_noise: float  # metres, standard deviation

    def directions(self, rng: Rng) -> Float[np.ndarray, "r 3"]:
        """Unit rays of one turn, azimuth by azimuth."""
        step = 2 * np.pi / self.num_azimuths
        azimuth = np.arange(self.num_azimuths) * step + rng.uniform(0, step)
        beam_offset = rng.normal(0, 0.1 * step, len(self.elevation_rad))  # lasers are not in line
        a = (azimuth[:, None] + beam_offset).ravel()
        e = np.broadcast_to(self.elevation_rad, (len(azimuth), len(self.elevation_rad))).ravel()
        return np.stack([np.cos(e) * np.cos(a), np.cos(e) * np.sin(a), np.sin(e)], axis=1)


def lidar(sensor: str) -> Lidar:
    """`"64"`: like the HDL-64E of KITTI. `"32"`: like the HDL-32E of nuScenes."""
    if sensor == "64":
        # Upper block every third of a degree, lower block every half degree.
        upper = np.linspace(2.0, -8.33, 32)
        lower = np.linspace(-8.83, -24.33, 32)
        return Lidar(
            elevation_rad=np.deg2rad(np.r_[upper, lower]),
            num_azimuths=1600,
            max_range=80.0,
            range_noise=0.012,
        )
    return Lidar(
        elevation_rad=np.deg2rad(np.linspace(10.67, -30.67, 32)),
        num_azimuths=1084,
        max_range=70.0,
        range_noise=0.02,
    )
