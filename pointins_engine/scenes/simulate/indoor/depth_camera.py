"""A hand-held structured-light camera: what it looks at, and what it gets wrong.

V views of H x W pixels; a pixel is a ray with a random place inside of its square.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int64
from scipy import ndimage
from scipy.special import ndtr

from pointins_engine.scenes.simulate.solids import SolidSet, cast

Rng = np.random.Generator
Pose = tuple[Float[np.ndarray, "3"], Float[np.ndarray, "3"]]  # eye and target, metres

_TILE = 24  # pixels: rays are cast tile by tile, so that bundles are narrow
_GRAZING = 0.12  # cosine: flatter surfaces are mostly lost
_ROLL = 0.05  # radians, standard deviation
# Share of the pixels lost 2 m away: light goes through, is swallowed, or is mirrored elsewhere.
_LOSS = {"glass": 0.9, "screen": 0.45, "black": 0.22, "metal": 0.15, "leather": 0.1,
         "ceramic": 0.08, "stone": 0.05}  # fmt: skip
_MIXED = 0.2  # share of the pixels on an edge whose depth lies between both sides
_MIXED_STEP = (0.06, 0.6)  # metres: smaller steps are no edge, larger ones are filtered out
_FUSED = 0.6  # of the noise of one frame is left where a few are fused
_POSE_SHIFT, _POSE_TURN = 0.003, 0.0015  # metres and radians by which a view is out of place


@dataclass(frozen=True, kw_only=True, slots=True)
class DepthCamera:
    """A structured-light camera such as the ones ScanNet was recorded with."""

    fov_rad: tuple[float, float] = (1.02, 0.79)  # 58 by 45 degrees
    min_range: float = 0.4  # metres
    max_range: float = 3.8  # metres: beyond, such cameras give little that holds
    baseline: float = 0.075  # metres from projector to sensor

    def image_size(self, num_rays: int) -> tuple[int, int]:
        """Rows and columns of square pixels, about `num_rays` in all."""
        rows = max(4, round(np.sqrt(num_rays * 3 / 4)))
        return rows, max(4, round(num_rays / rows))

    def rays(self, pose: Pose, size: tuple[int, int], rng: Rng) -> Float[np.ndarray, "h w 3"]:
        """Unit directions of one exposure."""
        eye, target = pose
        rows, columns = size
        forward = (target - eye) / np.linalg.norm(target - eye)
        right = np.cross(forward, [0.0, 0.0, 1.0])
        right /= np.linalg.norm(right)
        up = np.cross(right, forward)
        c, s = np.cos(roll := rng.normal(0, _ROLL)), np.sin(roll)
        right, up = c * right + s * up, c * up - s * right
        u = (np.arange(columns) + rng.random(size)) / columns * 2 - 1
        v = 1 - (np.arange(rows)[:, None] + rng.random(size)) / rows * 2
        half_u, half_v = np.tan(self.fov_rad[0] / 2), np.tan(self.fov_rad[1] / 2)
        rays = forward + u[..., None] * half_u * right + v[..., None] * half_v * up
        return rays / np.linalg.norm(rays, axis=2, keepdims=True)

    def depth_noise(self, distance: Float[np.ndarray, "*k"]) -> Float[np.ndarray, "*k"]:
        """Standard deviation of the range in metres.

        Grows with the square of the distance, as triangulation does: 1.2 mm near, 14 mm at 3 m
        (axial noise of a Kinect as Nguyen et al. measured it, 3DIMPVT 2012).
        """
        return 0.0012 + 0.0019 * np.maximum(distance - 0.4, 0) ** 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Exposures:
    """What the rays of all views meet. A ray that meets nothing has distance inf and solid -1."""

    eye: Float[np.ndarray, "v 3"]  # metres
    ray: Float[np.ndarray, "v h w 3"]  # unit
    distance: Float[np.ndarray, "v h w"]  # metres
    solid: Int64[np.ndarray, "v h w"]
    normal: Float[np.ndarray, "v h w 3"]  # unit, facing the camera

    @property
    def is_hit(self) -> Bool[np.ndarray, "v h w"]:
        return self.solid >= 0

    def at(self, distance: Float[np.ndarray, "v h w"]) -> Float[np.ndarray, "v h w 3"]:
        """Positions at a distance along the rays; where nothing is met, the eye."""
        far = np.where(self.is_hit, distance, 0.0)
        return self.eye[:, None, None] + far[..., None] * self.ray


def expose(
    solids: SolidSet, camera: DepthCamera, poses: Sequence[Pose], num_rays: int, rng: Rng
) -> Exposures:
    """Look at solids from every pose, with about `num_rays` rays in all."""
    size = camera.image_size(num_rays // len(poses))
    row, column = np.divmod(np.arange(size[0] * size[1]), size[1])
    order = np.lexsort((row, column, column // _TILE, row // _TILE))
    ray = np.stack([camera.rays(pose, size, rng) for pose in poses])  # (V, H, W, 3)
    distance = np.empty((len(poses), size[0] * size[1]))
    solid = np.empty(distance.shape, np.int64)
    normal = np.empty((*distance.shape, 3))
    for view, (eye, _) in enumerate(poses):
        hits = cast(solids, eye, ray[view].reshape(-1, 3)[order], rng.random(len(order)))
        distance[view, order] = hits.distance
        solid[view, order] = hits.solid
        normal[view, order] = hits.normal
    shape = (len(poses), *size)
    return Exposures(
        eye=np.stack([eye for eye, _ in poses]),
        ray=ray,
        distance=distance.reshape(shape),
        solid=solid.reshape(shape),
        normal=normal.reshape(*shape, 3),
    )


def is_returned(
    seen: Exposures, material: list[str], camera: DepthCamera, rng: Rng
) -> Bool[np.ndarray, "v h w"]:
    """Pixels that give a depth.

    Lost are: what is out of range, grazing surfaces, patches of glass and of dark or shiny
    materials, more of them far away, and what the projector does not reach beside nearer things.
    """
    distance = np.where(seen.is_hit, seen.distance, camera.max_range * 2)
    facing = -(seen.normal * seen.ray).sum(axis=3)
    loss = np.array([_LOSS.get(name, 0.01) for name in [*material, "glass"]])[seen.solid]
    loss = np.minimum(loss * (0.5 + 0.5 * (distance / 2.0) ** 2), 0.95)
    patches = ndimage.gaussian_filter(rng.normal(size=distance.shape), (0, 1.2, 1.2))
    patches = ndtr(patches / patches.std())  # uniform in 0..1, alike in neighbours
    return (
        (distance > camera.min_range)
        & (distance < camera.max_range)
        & (facing > _GRAZING * rng.random(distance.shape))
        & (patches > loss)
        & ~_in_projector_shadow(distance, camera)
    )


def _in_projector_shadow(
    distance: Float[np.ndarray, "v h w"], camera: DepthCamera
) -> Bool[np.ndarray, "v h w"]:
    """Pixels whose view of the projector is blocked by something nearer on their right."""
    focal = distance.shape[2] / 2 / np.tan(camera.fov_rad[0] / 2)  # pixels
    disparity = focal * camera.baseline / np.maximum(distance, camera.min_range)
    hidden = np.zeros(distance.shape, bool)
    for step in range(1, int(disparity.max()) + 1):
        if step >= distance.shape[2]:
            break
        nearer = disparity[:, :, step:] - disparity[:, :, :-step]
        hidden[:, :, :-step] |= nearer > step
    return hidden


def measured(
    seen: Exposures, camera: DepthCamera, noise: float, rng: Rng
) -> Float[np.ndarray, "v h w 3"]:
    """Positions as the camera reports them, in metres.

    Errors along the ray are half of a pixel's own and half shared with its neighbours, as fusion
    leaves them; on edges some depths lie between both sides; and every view is a little out of
    place.

    Args:
        seen: What the rays met.
        camera: Its noise.
        noise: Factor on all errors; 0 puts every point exactly where its ray ends.
        rng: Draws the errors.
    """
    distance = np.where(seen.is_hit, seen.distance, camera.max_range)
    shared = ndimage.gaussian_filter(rng.normal(size=distance.shape), (0, 1.0, 1.0))
    own = rng.normal(size=distance.shape)
    error = _FUSED * (own + shared / shared.std()) / np.sqrt(2.0)
    mixed = rng.random(distance.shape) < min(_MIXED * noise, 1.0)
    share = rng.random(distance.shape)
    blended = distance.copy()
    for axis in (1, 2):
        step = np.roll(distance, -1, axis=axis) - distance
        last = [slice(None)] * 3
        last[axis] = slice(-1, None)
        step[tuple(last)] = 0.0
        edge = mixed & (np.abs(step) > _MIXED_STEP[0]) & (np.abs(step) < _MIXED_STEP[1])
        blended = np.where(edge, distance + share * step, blended)
    place = seen.at(blended + noise * camera.depth_noise(distance) * error)
    shift = noise * rng.normal(0, _POSE_SHIFT, (len(seen.eye), 1, 1, 3))
    turn = noise * rng.normal(0, _POSE_TURN, (len(seen.eye), 1, 1, 3))
    arm = place - seen.eye[:, None, None]
    return place + shift + np.cross(np.broadcast_to(turn, arm.shape), arm)
