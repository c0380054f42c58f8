"""Colours of simulated rooms: textures, shared materials, light that ignores object borders.

A room draws one palette; pieces share it. On top come a lamp, a sun patch through a window, dirt
of half a metre and the exposure of each camera, so that no object has one colour and many objects
have the same.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int64, UInt8

Rng = np.random.Generator

# Kind of texture of each material; colours come from the palette of the room.
TEXTURES = {
    "wood_a": "grain",
    "wood_b": "grain",
    "cloth_a": "weave",
    "cloth_b": "pattern",
    "leather": "mottled",
    "linen": "mottled",
    "white": "plain",
    "grey": "plain",
    "black": "plain",
    "metal": "plain",
    "stone": "mottled",
    "ceramic": "plain",
    "leaf": "mottled",
    "card": "plain",
    "screen": "plain",
    "glass": "plain",
    "books": "books",
    "art": "art",
    "wall": "plain",
    "ceiling": "plain",
    "tiles": "tiles",
    "carpet": "pattern",
}

_FIXED = {
    "white": (0.86, 0.85, 0.82),
    "grey": (0.5, 0.5, 0.52),
    "black": (0.1, 0.1, 0.11),
    "metal": (0.58, 0.58, 0.6),
    "ceramic": (0.88, 0.88, 0.87),
    "leaf": (0.22, 0.4, 0.16),
    "card": (0.66, 0.5, 0.33),
    "screen": (0.07, 0.08, 0.1),
    "glass": (0.6, 0.68, 0.72),
    "books": (0.5, 0.4, 0.35),
    "art": (0.5, 0.45, 0.4),
    "ceiling": (0.88, 0.87, 0.85),
}
_WOODS = ((0.62, 0.45, 0.28), (0.42, 0.28, 0.17), (0.76, 0.62, 0.44), (0.33, 0.23, 0.17))
_CLOTHS = ((0.45, 0.45, 0.47), (0.25, 0.32, 0.45), (0.5, 0.32, 0.27), (0.6, 0.56, 0.48),
           (0.3, 0.38, 0.32), (0.68, 0.6, 0.5))  # fmt: skip
_WALLS = ((0.85, 0.84, 0.8), (0.82, 0.78, 0.68), (0.72, 0.77, 0.78), (0.8, 0.8, 0.82))


@dataclass(frozen=True, kw_only=True, slots=True)
class Light:
    """Illumination of a room; metres."""

    lamp: Float[np.ndarray, "3"]
    sun: Float[np.ndarray, "3"]  # direction in which sunlight falls
    window: Float[np.ndarray, "2 3"]  # two opposite corners that the sun shines through
    window_axis: int  # 0 or 1: the axis at right angles to that wall


def draw_palette(rng: Rng) -> dict[str, Float[np.ndarray, "2 3"]]:
    """Two colours (0..1) for every material of a room."""
    woods, cloths = rng.permutation(len(_WOODS)), rng.permutation(len(_CLOTHS))
    base = dict(_FIXED)
    base |= {
        "wood_a": _WOODS[woods[0]],
        "wood_b": _WOODS[woods[1]],
        "cloth_a": _CLOTHS[cloths[0]],
        "cloth_b": _CLOTHS[cloths[1]],
        "leather": (0.3, 0.2, 0.15) if rng.random() < 0.5 else (0.16, 0.16, 0.17),
        "linen": (0.82, 0.8, 0.74),
        "stone": (0.62, 0.6, 0.57),
        "tiles": (0.75, 0.73, 0.7),
        "wall": _WALLS[int(rng.integers(len(_WALLS)))],
        "carpet": _CLOTHS[cloths[int(rng.integers(3))]],
    }
    palette = {}
    for name, color in base.items():
        first = np.clip(
            np.array(color) * rng.uniform(0.88, 1.1) + rng.normal(0, 0.02, 3), 0.03, 0.95
        )
        second = np.clip(first * rng.uniform(0.55, 0.85) + rng.normal(0, 0.03, 3), 0.02, 0.95)
        palette[name] = np.stack([first, second])
    return palette


def _hash(cell: Int64[np.ndarray, "k 3"], salt: int) -> Float[np.ndarray, " k"]:
    """A number in [0, 1) a lattice cell, the same for the same cell."""
    key = cell.astype(np.uint64)
    mix = key[:, 0] * np.uint64(0x9E3779B97F4A7C15)
    mix ^= key[:, 1] * np.uint64(0xC2B2AE3D27D4EB4F)
    mix ^= key[:, 2] * np.uint64(0x165667B19E3779F9)
    mix ^= np.uint64(salt * 0x27D4EB2F165667C5 & 0xFFFFFFFFFFFFFFFF)
    mix ^= mix >> np.uint64(29)
    mix *= np.uint64(0xBF58476D1CE4E5B9)
    mix ^= mix >> np.uint64(32)
    return (mix >> np.uint64(11)).astype(np.float64) / float(1 << 53)


def value_noise(
    points: Float[np.ndarray, "k 3"], size: float, salt: int
) -> Float[np.ndarray, " k"]:
    """Smooth noise in [0, 1] with features of `size` metres."""
    scaled = points / size
    cell = np.floor(scaled).astype(np.int64)
    f = scaled - cell
    f = f * f * (3 - 2 * f)
    total = np.zeros(len(points))
    for corner in np.ndindex(2, 2, 2):
        weight = np.prod(np.where(np.array(corner) == 1, f, 1 - f), axis=1)
        total += weight * _hash(cell + np.array(corner), salt)
    return total


def _blend(kind: str, p: Float[np.ndarray, "k 3"], salt: int) -> Float[np.ndarray, " k"]:
    """Share of the second colour, by texture; `p` in the frame of the solid, metres."""
    if kind == "grain":  # long streaks along x
        return value_noise(p * np.array([0.12, 1.0, 1.0]), 0.035, salt)
    if kind == "weave":
        return 0.25 + 0.5 * value_noise(p, 0.05, salt)
    if kind == "pattern":
        checks = (np.floor(p / 0.18).sum(axis=1) % 2).astype(np.float64)
        return 0.6 * checks + 0.4 * value_noise(p, 0.09, salt)
    if kind == "mottled":
        return value_noise(p, 0.12, salt)
    if kind == "tiles":
        joint = (np.abs(p[:, :2] / 0.4 - np.round(p[:, :2] / 0.4)) < 0.03).any(axis=1)
        return np.where(joint, 1.0, 0.3 * value_noise(p, 0.4, salt))
    return 0.25 * value_noise(p, 0.4, salt)


def _spots(
    p: Float[np.ndarray, "k 3"], size: tuple[float, float, float], salt: int
) -> Float[np.ndarray, "k 3"]:
    """Bright and dull colours in cells of a given size: spines of books, fields of a painting."""
    cell = np.floor(p / np.array(size)).astype(np.int64)
    grey = 0.15 + 0.6 * _hash(cell, salt)[:, None]
    tint = np.stack([_hash(cell, salt + k) for k in (1, 2, 3)], axis=1)
    return grey * (0.6 + 0.8 * tint)


def paint(
    material: list[str],
    position: Float[np.ndarray, "k 3"],
    local: Float[np.ndarray, "k 3"],
    normal: Float[np.ndarray, "k 3"],
    solid: Int64[np.ndarray, " k"],
    view: Int64[np.ndarray, " k"],
    palette: dict[str, Float[np.ndarray, "2 3"]],
    light: Light,
    rng: Rng,
) -> UInt8[np.ndarray, "k 3"]:
    """Colour of every hit point as a cheap camera would record it.

    Args:
        material: Name of the material of every solid.
        position: Hits in the room, metres.
        local: The same in the frame of their solid: a texture moves with its object.
        normal: Unit, facing the camera.
        solid: Which solid was hit.
        view: Which camera pose saw it (exposure and white balance differ).
        palette: Two colours a material.
        light: Lamp, sun and the window it shines through.
        rng: Texture salt, exposure and pixel noise.
    """
    salt = int(rng.integers(1 << 30))
    names = np.array(material)[solid]
    shift = _hash(np.stack([solid, solid, solid], axis=1), salt)[:, None] * 7.0  # pieces differ
    color = np.empty((len(position), 3))
    for name in np.unique(names):
        rows = np.flatnonzero(names == name)
        p = local[rows] + shift[rows]
        if name == "books":
            color[rows] = _spots(p, (0.035, 10.0, 10.0), salt)
        elif name == "art":
            color[rows] = _spots(p, (0.17, 10.0, 0.13), salt)
        else:
            share = _blend(TEXTURES[name], p, salt)[:, None]
            color[rows] = (1 - share) * palette[name][0] + share * palette[name][1]
    to_lamp = light.lamp - position
    far = np.linalg.norm(to_lamp, axis=1)
    lambert = np.clip((normal * to_lamp).sum(axis=1) / far, 0, 1)
    shade = 0.5 + 0.5 * lambert / (1 + 0.04 * far**2)
    shade *= 0.8 + 0.2 * np.clip(position[:, 2] / 0.6, 0, 1)  # it is dim under the tables
    shade *= 0.85 + 0.3 * value_noise(position, 0.9, salt + 1)  # dirt and uneven light
    shade *= 1 + 0.45 * _sunlit(position, light) * np.clip(-(normal @ light.sun), 0, 1)
    gain = rng.uniform(0.88, 1.12, (int(view.max()) + 1, 1)) * rng.normal(
        1, 0.02, (int(view.max()) + 1, 3)
    )
    color = color * shade[:, None] * gain[view] + rng.normal(0, 0.015, color.shape)
    return np.clip(color * 255 + 0.5, 0, 255).astype(np.uint8)


def _sunlit(position: Float[np.ndarray, "k 3"], light: Light) -> Float[np.ndarray, " k"]:
    """1 where the way back along the sunlight passes through the window."""
    axis, low, high = light.window_axis, light.window.min(axis=0), light.window.max(axis=0)
    t = (light.window[0, axis] - position[:, axis]) / light.sun[axis]
    at_wall = position + t[:, None] * light.sun
    others = [k for k in range(3) if k != axis]
    inside = ((at_wall[:, others] > low[others]) & (at_wall[:, others] < high[others])).all(axis=1)
    return (inside & (t < 0)).astype(np.float64)
