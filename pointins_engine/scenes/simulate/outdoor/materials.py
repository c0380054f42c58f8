"""How much of a laser pulse the materials of a street send back.

Intensities are those of KITTI's remission (0..1), set so that the classes of simulated sweeps have
the medians of real ones (`docs/simulated-world.md`).
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int64

Rng = np.random.Generator


@dataclass(frozen=True, kw_only=True, slots=True)
class Material:
    """A surface for infrared light."""

    reflect: float  # intensity at right angles, 0..1
    lost: float  # share of pulses that never come back
    spread: float = 0.2  # standard deviation of the logarithm of the intensity, point by point
    is_retro: bool = False  # sends light back where it came from, at every angle


MATERIALS = {
    "asphalt": Material(reflect=0.33, lost=0.01),
    "paving": Material(reflect=0.38, lost=0.01),
    "concrete": Material(reflect=0.39, lost=0.01),
    "line": Material(reflect=0.52, lost=0.0),
    "grass": Material(reflect=0.41, lost=0.01, spread=0.25),
    "soil": Material(reflect=0.35, lost=0.01),
    "facade": Material(reflect=0.48, lost=0.01),
    "brick": Material(reflect=0.38, lost=0.01),
    "wood": Material(reflect=0.35, lost=0.01),
    "leaf": Material(reflect=0.4, lost=0.02, spread=0.3),
    "bark": Material(reflect=0.38, lost=0.01, spread=0.25),
    "paint_light": Material(reflect=0.36, lost=0.02, spread=0.3),
    "paint_mid": Material(reflect=0.1, lost=0.04, spread=0.9),
    "paint_dark": Material(reflect=0.02, lost=0.1, spread=1.0),
    "glass": Material(reflect=0.04, lost=0.85, spread=1.0),
    "window": Material(reflect=0.2, lost=0.3, spread=0.8),
    "tyre": Material(reflect=0.05, lost=0.1, spread=0.6),
    "steel": Material(reflect=0.22, lost=0.03, spread=0.6),
    "retro": Material(reflect=0.95, lost=0.0, spread=0.05, is_retro=True),
    "cloth": Material(reflect=0.42, lost=0.02, spread=0.4),
    "skin": Material(reflect=0.45, lost=0.01),
    "plastic": Material(reflect=0.3, lost=0.03, spread=0.4),
}
_SMOOTH_GROUND = ("asphalt", "paving", "concrete", "line")  # water stands on it
_GRAZING = 0.04  # cosine: flatter hits lose a fifth


def returns(
    material: list[str],
    solid: Int64[np.ndarray, " k"],
    facing: Float[np.ndarray, " k"],
    distance: Float[np.ndarray, " k"],
    max_range: float,
    *,
    is_wet: bool,
    rng: Rng,
) -> tuple[Bool[np.ndarray, " k"], Float[np.ndarray, " k"]]:
    """Which pulses come back, and the intensity of each.

    Args:
        material: Name of the material of every solid.
        solid: Which solid each pulse meets.
        facing: Cosine of the angle between pulse and normal.
        distance: Metres.
        max_range: Reach of the scanner in metres: half of what lies there is lost.
        is_wet: Water on the ground mirrors pulses away, more so at flat angles.
        rng: Chance.
    """
    table = [MATERIALS[name] for name in material]
    reflect = np.array([m.reflect for m in table])[solid]
    spread = np.array([m.spread for m in table])[solid]
    lost = np.array([m.lost for m in table])[solid]
    retro = np.array([m.is_retro for m in table])[solid]
    lost = lost + 0.5 * (distance / max_range) ** 4 + 0.2 * (facing < _GRAZING)
    if is_wet:
        wet = np.array([name in _SMOOTH_GROUND for name in material])[solid]
        lost = np.where(wet, lost + 0.6 * (1 - np.clip(facing, 0, 1)) ** 6, lost)
        reflect = np.where(wet, 0.35 * reflect, reflect)
    comes_back = rng.random(len(lost)) > lost
    intensity = reflect * np.where(retro, 1.0, 0.75 + 0.25 * np.clip(facing, 0, 1))
    intensity = intensity * np.exp(spread * rng.normal(size=len(lost)))
    return comes_back, intensity + rng.normal(0, 0.015, len(lost))
