"""Light in simulated rooms: a lamp, daylight through a window, and the shadows of both.

Shadows come from maps: rays are cast from the light once, and a point is lit if it lies no farther
from the light than what these rays met in its direction. K points.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from pointins_engine.scenes.simulate.noise import value_noise
from pointins_engine.scenes.simulate.solids import SolidSet, cast

_LAMP_MAP = (56, 112)  # rays over elevation and azimuth
_SUN_MAP = (48, 48)
_SUN_DISTANCE = 40.0  # metres: the sun's rays are nearly parallel
_BIAS = (0.08, 0.22)  # metres behind the first hit: from fully lit to fully in the shade
_FALL_OFF = 0.06  # per square metre: how fast lamplight fades


@dataclass(frozen=True, kw_only=True, slots=True)
class Light:
    """Illumination of one room; metres, colours as factors on red, green and blue."""

    lamp: Float[np.ndarray, "3"]
    lamp_color: Float[np.ndarray, "3"]
    sky_color: Float[np.ndarray, "3"]  # daylight that the window lets in
    sun: Float[np.ndarray, "3"]  # direction in which sunlight falls
    sun_strength: float
    window: Float[np.ndarray, "2 3"]  # two opposite corners that daylight comes through
    window_axis: int  # 0 or 1: the axis at right angles to that wall


def illumination(
    light: Light,
    solids: SolidSet,
    inside: SolidSet,
    position: Float[np.ndarray, "k 3"],
    normal: Float[np.ndarray, "k 3"],
    salt: int,
) -> Float[np.ndarray, "k 3"]:
    """Light that arrives at points, as factors on their albedo.

    Args:
        light: Lamp and window.
        solids: Everything, as an obstacle to lamplight.
        inside: What stands between the window and the room; walls and panes are left out.
        position: Points, metres.
        normal: Unit normals, facing the camera.
        salt: Pattern of dirt.
    """
    to_lamp = light.lamp - position
    far = np.maximum(np.linalg.norm(to_lamp, axis=1), 1e-6)
    lambert = np.clip((normal * to_lamp).sum(axis=1) / far, 0, 1)
    lit = lambert * _lamp_lit(light, solids, -to_lamp, far) / (1 + _FALL_OFF * far**2)
    window = light.window.mean(axis=0)
    to_window = window - position
    gap = np.maximum(np.linalg.norm(to_window, axis=1), 0.3)
    sky = (0.35 + 0.65 * np.clip((normal * to_window).sum(axis=1) / gap, 0, 1)) / (1 + 0.25 * gap)
    low = 0.75 + 0.25 * np.clip(position[:, 2] / 0.5, 0, 1)  # little light comes to the floor
    dirt = 0.85 + 0.3 * value_noise(position, 0.9, salt)
    ambient = 0.34 * 0.5 * (light.lamp_color + light.sky_color)
    total = ambient + 0.6 * lit[:, None] * light.lamp_color + 0.55 * sky[:, None] * light.sky_color
    sunlit = _sunlit(light, inside, position) * np.clip(-(normal @ light.sun), 0, 1)
    return total * (low * dirt)[:, None] + light.sun_strength * sunlit[:, None]


def _shade(beyond: Float[np.ndarray, " k"]) -> Float[np.ndarray, " k"]:
    """1 where a point is what the light meets first, 0 well behind it."""
    return 1 - np.clip((beyond - _BIAS[0]) / (_BIAS[1] - _BIAS[0]), 0, 1)


def _lamp_lit(
    light: Light,
    solids: SolidSet,
    from_lamp: Float[np.ndarray, "k 3"],
    far: Float[np.ndarray, " k"],
) -> Float[np.ndarray, " k"]:
    rows, columns = _LAMP_MAP
    elevation = (np.arange(rows) + 0.5) / rows * np.pi - np.pi / 2
    azimuth = (np.arange(columns) + 0.5) / columns * 2 * np.pi - np.pi
    e, a = (x.ravel() for x in np.meshgrid(elevation, azimuth, indexing="ij"))
    rays = np.stack([np.cos(e) * np.cos(a), np.cos(e) * np.sin(a), np.sin(e)], axis=1)
    depth = cast(solids, light.lamp, rays, np.full(len(rays), 0.5)).distance
    depth = np.minimum(depth, 100.0).reshape(_LAMP_MAP)
    row = (np.arcsin(np.clip(from_lamp[:, 2] / far, -1, 1)) / np.pi + 0.5) * rows - 0.5
    column = ((np.arctan2(from_lamp[:, 1], from_lamp[:, 0]) / np.pi + 1) / 2) * columns - 0.5
    return _smooth_look_up(depth, row, column, far, "wrap")


def _sunlit(
    light: Light, inside: SolidSet, position: Float[np.ndarray, "k 3"]
) -> Float[np.ndarray, " k"]:
    """1 where the way back along the sunlight is free up to the window and passes through it."""
    axis = light.window_axis
    low, high = light.window.min(axis=0), light.window.max(axis=0)
    t = (light.window[0, axis] - position[:, axis]) / light.sun[axis]
    at_wall = position + t[:, None] * light.sun
    across = [k for k in range(3) if k != axis]
    place = (at_wall[:, across] - low[across]) / np.maximum(high - low, 1e-9)[across]
    through = (t < 0) & (place > 0).all(axis=1) & (place < 1).all(axis=1)
    lit = np.zeros(len(position))
    if len(inside) == 0 or not through.any():
        lit[through] = 1.0
        return lit
    rows, columns = _SUN_MAP
    u, v = np.meshgrid((np.arange(rows) + 0.5) / rows, (np.arange(columns) + 0.5) / columns,
                       indexing="ij")  # fmt: skip
    targets = np.tile(light.window.mean(axis=0), (rows * columns, 1))
    targets[:, across[0]] = low[across[0]] + u.ravel() * (high - low)[across[0]]
    targets[:, across[1]] = low[across[1]] + v.ravel() * (high - low)[across[1]]
    sun = light.window.mean(axis=0) - _SUN_DISTANCE * light.sun
    rays = targets - sun
    rays /= np.linalg.norm(rays, axis=1, keepdims=True)
    depth = cast(inside, sun, rays, np.full(len(rays), 0.5)).distance
    depth = np.minimum(depth, 2 * _SUN_DISTANCE).reshape(_SUN_MAP)
    far = np.linalg.norm(position[through] - sun, axis=1)
    at = place[through]
    lit[through] = _smooth_look_up(
        depth, at[:, 0] * rows - 0.5, at[:, 1] * columns - 0.5, far, "nearest"
    )
    return lit


def _smooth_look_up(
    depth: Float[np.ndarray, "a b"],
    row: Float[np.ndarray, " k"],
    column: Float[np.ndarray, " k"],
    far: Float[np.ndarray, " k"],
    over_the_edge: str,
) -> Float[np.ndarray, " k"]:
    """Shade of the four nearest rays, weighted by how near they are: soft edges."""
    row = np.clip(row, 0, depth.shape[0] - 1)
    r0, c0 = np.floor(row).astype(np.int64), np.floor(column).astype(np.int64)
    fr, fc = row - r0, column - c0
    lit = np.zeros(len(far))
    for dr in (0, 1):
        for dc in (0, 1):
            r = np.minimum(r0 + dr, depth.shape[0] - 1)
            c = c0 + dc
            c = c % depth.shape[1] if over_the_edge == "wrap" else c.clip(0, depth.shape[1] - 1)
            weight = np.abs(1 - dr - fr) * np.abs(1 - dc - fc)
            lit += weight * _shade(far - depth[r, c])
    return lit
