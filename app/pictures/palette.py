"""Colours of the pictures: one colour a quantity, one palette for numbered things.

The browser's viewport (`assets/viewport/draw/palette.mjs`) shows the same hues, so a figure and the
page that it came from can lie side by side.
"""

from typing import Literal

import numpy as np
from jaxtyping import Float, Int

Theme = Literal["dark", "light"]

CANVAS: dict[Theme, str] = {"dark": "#0B0E12", "light": "#F6F7F9"}
UNASSIGNED: dict[Theme, str] = {"dark": "#59626D", "light": "#B9BFC7"}
QUANTITY: dict[str, str] = {  # Okabe and Ito's set, safe for colour-blind readers
    "prior": "#E69F00",
    "before": "#56B4E9",
    "after": "#009E73",
    "student": "#CC79A7",
    "target": "#F0E442",
    "truth": "#D55E00",
}
CATEGORICAL: tuple[str, ...] = (  # segments and instances; apart from the quantity hues
    "#34C458", "#1058D0", "#10A0A0", "#F4C434", "#3488F4", "#70A070", "#C47C10", "#7C40B8",
    "#F4B8B8", "#B83410", "#C47CF4", "#C4D094", "#70587C", "#58641C", "#88D0E8", "#D0D064",
    "#A04064", "#406494", "#10D0B8", "#A07CC4",
)  # fmt: skip
RAMP: tuple[str, ...] = (  # viridis (Smith and van der Walt), low to high
    "#440154", "#482878", "#3E4989", "#31688E", "#26828E", "#1F9E89", "#35B779", "#6ECE58",
    "#FDE725",
)  # fmt: skip


def rgb(color: str) -> Float[np.ndarray, "3"]:
    """Red, green and blue in 0..1 of `#RRGGBB`."""
    return np.frombuffer(bytes.fromhex(color.removeprefix("#")), np.uint8) / 255.0


def categorical(number: Int[np.ndarray, " n"], theme: Theme) -> Float[np.ndarray, "n 3"]:
    """A colour for each number; negative ones get the neutral grey of things without a number."""
    table = np.stack([rgb(color) for color in (*CATEGORICAL, UNASSIGNED[theme])])
    return table[np.where(number < 0, len(CATEGORICAL), number % len(CATEGORICAL))]


def ramp(value: Float[np.ndarray, " n"]) -> Float[np.ndarray, "n 3"]:
    """A colour for each value in 0..1; values outside are clipped."""
    table = np.stack([rgb(color) for color in RAMP])
    levels = np.linspace(0, 1, len(RAMP))
    return np.stack([np.interp(value, levels, table[:, axis]) for axis in range(3)], axis=1)
