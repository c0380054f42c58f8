"""Geometric and photometric augmentation in NumPy. Vectors turn with a view, they do not shift."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8
from scipy import ndimage

from pointins_engine.config import FEATURE_WIDTH, Feature, ViewConfig
from pointins_engine.geometry import rotation

LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # ITU-R BT.601


def random_linear_map(config: ViewConfig, rng: np.random.Generator) -> Float[np.ndarray, "3 3"]:
    """The linear part A of an augmentation: a view is y = A x + b + jitter.

    Sonata's order: isotropic scale, turn about z, tilts about x and y, flips of x and y. Tilts turn
    about the origin of the centred crop instead of its bounding-box centre, which differs by a
    translation only. Elastic distortion is no part of the map: no matrix undoes it (register A19).
    """
    matrix = rng.uniform(*config.scale) * np.eye(3)
    if rng.random() < config.rotate_z_p:
        matrix = rotation("z", rng.uniform(-np.pi, np.pi)) @ matrix
    for axis in ("x", "y"):
        if rng.random() < 0.8:
            tilt = rng.uniform(-config.tilt_rad, config.tilt_rad)
            matrix = rotation(axis, tilt) @ matrix
    flips = np.where(rng.random(2) < config.flip_p, -1.0, 1.0)
    return np.diag([*flips, 1.0]) @ matrix


def jitter(
    num_points: int, sigma: float, clip: float, rng: np.random.Generator
) -> Float[np.ndarray, "n 3"]:
    """Gaussian displacements in metres, clipped on both sides."""
    noise = rng.normal(0.0, sigma, (num_points, 3))
    return np.clip(noise, -clip, clip).astype(np.float32)


def elastic_displacement(
    coord: Float[np.ndarray, "n 3"], config: ViewConfig, rng: np.random.Generator
) -> Float[np.ndarray, "n 3"]:
    """Smooth random displacements in metres, one field for each pair of `config.elastic`.

    White noise on a grid, smoothed twice by a box of three nodes along each axis and read off
    between the nodes; a node moves by 0.114 times the magnitude (standard deviation, each axis).
    All fields or, with p 0.05, none.

    Source:
        Sonata. An offset that crosses such a field turns and stretches in ways that the linear map
        of a view does not undo, so the recipes leave it off.
    """
    moved = np.zeros_like(coord, dtype=np.float64)
    if not config.elastic or rng.random() >= 0.95:
        return moved.astype(np.float32)
    for spacing, magnitude in config.elastic:
        at = coord + moved
        low = at.min(axis=0)
        nodes = tuple(((at.max(axis=0) - low) // spacing).astype(int) + 3)
        place = ((at - low) / spacing + 1).T  # a node's breadth away from the border
        for axis in range(3):
            noise = rng.standard_normal(nodes, dtype=np.float32)
            for along in (0, 1, 2) * 2:
                noise = ndimage.uniform_filter1d(noise, 3, axis=along, mode="constant")
            moved[:, axis] += magnitude * ndimage.map_coordinates(noise, place, order=1)
    return moved.astype(np.float32)


def drop_features(
    feat: Float[np.ndarray, "n c"],
    names: Sequence[Feature],
    config: ViewConfig,
    rng: np.random.Generator,
) -> Float[np.ndarray, "n c"]:
    """Colour, normals or intensity of a view set to zero, each by a draw of its own.

    Zero is what a scan without the feature has, so a network learns to do without. A draw holds for
    a view, and both networks see that view: a student without colour learns from a teacher without
    colour on the same view, which has to be able to judge such scans in the end, and from one with
    colour on the other view, which knows more. Were the student alone without colour, the teacher,
    which is its average, would be asked about colours that its weights have hardly seen.

    Args:
        feat: Features of a view, one column block after another.
        names: What the blocks are (`scene.feats`).
        config: Probabilities; a feature with probability 0 draws nothing.
        rng: Of the view's scene.
    """
    chance = {
        "color": config.drop_color,
        "normal": config.drop_normal,
        "intensity": config.drop_intensity,
    }
    first = 0
    for name in names:
        width, p = FEATURE_WIDTH[name], chance.get(name, 0.0)
        if p > 0 and rng.random() < p:
            feat = feat.copy()
            feat[:, first : first + width] = 0
        first += width
    return feat


@dataclass(frozen=True, kw_only=True, slots=True)
class ColorShift:
    """One photometric draw, shared by the two whole views of a scene (Sonata's global views)."""

    brightness: float
    contrast: float
    saturation: float
    translation: Float[np.ndarray, "3"]  # added to each channel, in 0..1

    @classmethod
    def draw(cls, strength: float, rng: np.random.Generator) -> "ColorShift":
        """Brightness and contrast within 1 ± strength, saturation half of that; p 0.8, 0.95."""
        jittered = rng.random() < 0.8
        spread = strength if jittered else 0.0
        shift = 0.05 if strength > 0 and rng.random() < 0.95 else 0.0
        return cls(
            brightness=rng.uniform(1 - spread, 1 + spread),
            contrast=rng.uniform(1 - spread, 1 + spread),
            saturation=rng.uniform(1 - spread / 2, 1 + spread / 2),
            translation=rng.uniform(-shift, shift, 3).astype(np.float32),
        )

    def apply(self, color: UInt8[np.ndarray, "n 3"]) -> Float[np.ndarray, "n 3"]:
        """Colours in 0..1 after brightness, contrast, saturation and channel translation."""
        rgb = color.astype(np.float32) / 255 * self.brightness
        gray = rgb @ LUMA
        rgb = gray.mean() + (rgb - gray.mean()) * self.contrast
        gray = (rgb @ LUMA)[:, None]
        rgb = gray + (rgb - gray) * self.saturation + self.translation
        return np.clip(rgb, 0.0, 1.0).astype(np.float32)
