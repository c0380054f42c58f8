"""Geometric and photometric augmentation in NumPy. Vectors turn with a view, they do not shift."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8

from pointins_engine.config import ViewConfig
from pointins_engine.geometry import rotation

LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # ITU-R BT.601


def random_linear_map(config: ViewConfig, rng: np.random.Generator) -> Float[np.ndarray, "3 3"]:
    """The linear part A of an augmentation: a view is y = A x + b + jitter.

    Sonata's order: isotropic scale, turn about z, tilts about x and y, flips of x and y. Tilts turn
    about the origin of the centred crop instead of its bounding-box centre, which differs by a
    translation only. Elastic distortion is left out: no matrix undoes it (method register A19).
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
    num_points: int, config: ViewConfig, rng: np.random.Generator
) -> Float[np.ndarray, "n 3"]:
    """Gaussian displacements in metres, clipped on both sides."""
    noise = rng.normal(0.0, config.jitter, (num_points, 3))
    return np.clip(noise, -config.jitter_clip, config.jitter_clip).astype(np.float32)


@dataclass(frozen=True, kw_only=True, slots=True)
class ColorShift:
    """One photometric draw, shared by the two views of a scene (Sonata's global views)."""

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
