"""Colours of simulated surfaces: textures, and materials that objects and walls share.

A room draws one palette and all its pieces share it: the cabinet may have the colour of the wall
behind it, the table that of the floor, the sofa that of the curtain. Patterns vary as much inside
an object as between objects. Light and cameras come on top (`lighting.py`, `color_camera.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int64

from pointins_engine.scenes.simulate.noise import TABLE, cell_value, value_noise

Rng = np.random.Generator

# Groups that pieces choose from; what stands twice is twice as frequent.
WOODS = ("wood_a", "wood_a", "wood_b")  # the first is the wood most of the room is made of
CLOTHS = ("cloth_a", "cloth_b", "cloth_b", "leather")
PAINTS = ("white", "wall", "wood_a", "wood_b", "grey")

# Materials that are not plain.
_TEXTURES = {
    "wood_a": "grain", "wood_b": "grain", "leather": "mottled", "linen": "creased",
    "stone": "mottled", "leaf": "mottled", "card": "labelled", "print": "printed",
    "books": "books", "art": "art", "white": "worn", "grey": "worn", "wall": "worn",
    "metal": "brushed", "black": "brushed",
}  # fmt: skip
_PATTERNS = ("weave", "stripes", "checks", "floral")
_FIXED = {
    "grey": (0.5, 0.5, 0.52),
    "black": (0.1, 0.1, 0.11),
    "metal": (0.58, 0.58, 0.6),
    "ceramic": (0.86, 0.86, 0.84),
    "leaf": (0.24, 0.38, 0.17),
    "card": (0.64, 0.5, 0.35),
    "print": (0.6, 0.55, 0.5),
    "screen": (0.07, 0.08, 0.1),
    "glass": (0.6, 0.68, 0.72),
    "books": (0.5, 0.4, 0.35),
    "art": (0.5, 0.45, 0.4),
    "linen": (0.8, 0.77, 0.7),
    "stone": (0.6, 0.58, 0.55),
    "tiles": (0.75, 0.73, 0.7),
}
_WOODS = ((0.62, 0.45, 0.28), (0.42, 0.28, 0.17), (0.76, 0.62, 0.44), (0.33, 0.23, 0.17))
_CLOTHS = ((0.45, 0.45, 0.47), (0.25, 0.32, 0.45), (0.5, 0.32, 0.27), (0.6, 0.56, 0.48),
           (0.3, 0.38, 0.32), (0.68, 0.6, 0.5), (0.78, 0.74, 0.66), (0.2, 0.2, 0.22))  # fmt: skip
_WALLS = ((0.83, 0.82, 0.78), (0.8, 0.75, 0.65), (0.7, 0.75, 0.76), (0.78, 0.78, 0.8),
          (0.76, 0.66, 0.54))  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Palette:
    """Looks of the materials of a room."""

    color: Mapping[str, Float[np.ndarray, "2 3"]]  # two colours each, 0..1
    texture: Mapping[str, str]


def draw_palette(rng: Rng) -> Palette:
    woods, cloths = rng.permutation(len(_WOODS)), rng.permutation(len(_CLOTHS))
    wall = _WALLS[int(rng.integers(len(_WALLS)))]
    white = wall if rng.random() < 0.5 else (0.85, 0.84, 0.8)
    base = dict(_FIXED) | {
        "wall": wall,
        "white": white,
        "ceiling": white,
        "wood_a": _WOODS[woods[0]],
        "wood_b": _WOODS[woods[1]],
        "cloth_a": _CLOTHS[cloths[0]],
        "cloth_b": _CLOTHS[cloths[1]],
        "leather": (0.3, 0.2, 0.15) if rng.random() < 0.5 else (0.16, 0.16, 0.17),
        "carpet": _CLOTHS[cloths[int(rng.integers(3))]],
    }
    color = {}
    for name, first in base.items():
        a = np.clip(np.array(first) * rng.uniform(0.88, 1.1) + rng.normal(0, 0.02, 3), 0.03, 0.95)
        b = a * rng.uniform(0.4, 0.75) + rng.normal(0, 0.03, 3)
        if name in ("cloth_a", "cloth_b", "carpet"):  # a pattern of two unlike colours
            b = np.array(_CLOTHS[cloths[int(rng.integers(len(cloths)))]]) * rng.uniform(0.8, 1.1)
        if name == "carpet":  # a floor is calmer than a cushion
            b = 0.65 * a + 0.35 * b
        color[name] = np.stack([a, np.clip(b, 0.02, 0.95)])
    texture = {name: _TEXTURES.get(name, "plain") for name in base}
    for name in ("cloth_a", "cloth_b", "carpet"):
        texture[name] = _PATTERNS[int(rng.integers(len(_PATTERNS)))]
    texture["tiles"] = "tiles"
    return Palette(color=color, texture=texture)


def albedo(
    material: list[str],
    half: Float[np.ndarray, "s 3"],
    local: Float[np.ndarray, "k 3"],
    solid: Int64[np.ndarray, " k"],
    palette: Palette,
    salt: int,
) -> Float[np.ndarray, "k 3"]:
    """Share of red, green and blue light that surfaces give back, 0..1.

    Args:
        material: Name of the material of every solid.
        half: Half sizes of every solid, metres.
        local: Points in the frame of their solid, metres: a texture moves with its object.
        solid: Which solid each point lies on.
        palette: Looks of the materials.
        salt: Makes the textures of this room its own.
    """
    names, name_of_solid = np.unique(np.array(material), return_inverse=True)
    name_of_point = name_of_solid[solid]
    shift = TABLE[(solid * 7919 + salt) % len(TABLE)][:, None] * 7.0  # pieces differ
    color = np.empty((len(local), 3))
    for k, name in enumerate(names.tolist()):
        rows = np.flatnonzero(name_of_point == k)
        if len(rows) == 0:
            continue
        p = local[rows] + shift[rows]
        first, second = palette.color[name]
        texture = palette.texture[name]
        if texture == "books":
            color[rows] = _spots(p, (0.035, 10.0, 10.0), salt)
        elif texture == "art":
            color[rows] = _spots(p, (0.17, 10.0, 0.13), salt)
        elif texture == "printed":
            color[rows] = _spots(p, (0.06, 0.06, 0.04), salt)
        elif texture == "labelled":
            label = cell_value(np.floor(p / 0.09).astype(np.int64), salt)[:, None] < 0.4
            color[rows] = np.where(label, _spots(p, (0.05, 0.05, 0.03), salt), first)
        else:
            if texture == "grain":  # along the longest edge
                p = np.take_along_axis(p, np.argsort(-half[solid[rows]], axis=1), axis=1)
            share = _blend(texture, p, salt)[:, None]
            color[rows] = (1 - share) * first + share * second
    return color


def _blend(texture: str, p: Float[np.ndarray, "k 3"], salt: int) -> Float[np.ndarray, " k"]:
    """Share of the second colour, by texture; `p` in the frame of the solid, metres."""
    if texture == "grain":  # streaks, and boards that differ in tone
        board = np.floor(p / np.array([1.3, 0.14, 0.14])).astype(np.int64)
        streak = value_noise(p * np.array([0.12, 1.0, 1.0]), 0.03, salt)
        return 0.55 * streak + 0.4 * cell_value(board, salt)
    if texture == "weave":
        return 0.15 + 0.5 * value_noise(p, 0.03, salt) + 0.3 * value_noise(p, 0.2, salt + 1)
    if texture == "stripes":
        edge = np.abs((p @ np.array([0.8, 0.45, 0.4]) / 0.16) % 1.0 - 0.5)
        return np.clip((edge - 0.2) / 0.08, 0, 1)
    if texture == "checks":
        squares = (np.floor(p / 0.12) % 2).mean(axis=1)
        return 0.8 * squares + 0.2 * value_noise(p, 0.09, salt)
    if texture == "floral":
        return np.clip(4.0 * (value_noise(p, 0.06, salt) - 0.5) + 0.5, 0, 1)
    if texture == "mottled":
        return 0.5 * value_noise(p, 0.12, salt) + 0.5 * value_noise(p, 0.04, salt + 1)
    if texture == "creased":
        return np.clip(1.6 * value_noise(p, 0.12, salt) - 0.5, 0, 1)
    if texture == "tiles":
        joint = (np.abs(p[:, :2] / 0.4 - np.round(p[:, :2] / 0.4)) < 0.03).any(axis=1)
        return np.where(joint, 1.0, 0.3 * value_noise(p, 0.4, salt))
    if texture == "worn":  # scuffs, stains, handprints
        stain = np.clip(3.0 * value_noise(p, 0.17, salt + 2) - 2.0, 0, 1)
        return 0.25 * value_noise(p, 0.4, salt) + 0.5 * stain
    if texture == "brushed":
        return 0.8 * value_noise(p, 0.07, salt)
    return 0.25 * value_noise(p, 0.4, salt)


def _spots(
    p: Float[np.ndarray, "k 3"], size: tuple[float, float, float], salt: int
) -> Float[np.ndarray, "k 3"]:
    """Bright and dull colours in cells of a given size: spines of books, print, paintings."""
    cell = np.floor(p / np.array(size)).astype(np.int64)
    grey = 0.15 + 0.6 * cell_value(cell, salt)[:, None]
    tint = np.stack([cell_value(cell, salt + k) for k in (101, 211, 307)], axis=1)
    return grey * (0.6 + 0.8 * tint)
