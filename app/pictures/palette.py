"""Colours of the pictures: one colour a quantity; those of numbered things are the engine's.

The browser's viewport (`assets/viewport/draw/palette.mjs`) shows the same hues, so a figure and the
page that it came from can lie side by side.
"""

import numpy as np
from jaxtyping import Float

from pointins_engine.palette import CATEGORICAL, UNASSIGNED, Theme, categorical, rgb

__all__ = [
    "CANVAS",
    "CATEGORICAL",
    "QUANTITY",
    "RAMP",
    "UNASSIGNED",
    "Theme",
    "categorical",
    "ramp",
    "rgb",
]

CANVAS: dict[Theme, str] = {"dark": "#0B0E12", "light": "#F6F7F9"}
QUANTITY: dict[str, str] = {  # Okabe and Ito's set, safe for colour-blind readers
    "prior": "#E69F00",
    "before": "#56B4E9",
    "after": "#009E73",
    "student": "#CC79A7",
    "target": "#F0E442",
    "truth": "#D55E00",
}
RAMP: tuple[str, ...] = (  # viridis (Smith and van der Walt), low to high
    "#440154", "#482878", "#3E4989", "#31688E", "#26828E", "#1F9E89", "#35B779", "#6ECE58",
    "#FDE725",
)  # fmt: skip


def ramp(value: Float[np.ndarray, " n"]) -> Float[np.ndarray, "n 3"]:
    """A colour for each value in 0..1; values outside are clipped."""
    table = np.stack([rgb(color) for color in RAMP])
    levels = np.linspace(0, 1, len(RAMP))
    return np.stack([np.interp(value, levels, table[:, axis]) for axis in range(3)], axis=1)
