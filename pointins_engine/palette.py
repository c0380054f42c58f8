"""Colours of numbered things, wherever they are shown: in files, in pictures and in the browser.

The browser's viewport (`assets/viewport/draw/palette.mjs`) has the same list.
"""

from typing import Literal

import numpy as np
from jaxtyping import Float, Int

Theme = Literal["dark", "light"]

UNASSIGNED: dict[Theme, str] = {"dark": "#59626D", "light": "#B9BFC7"}
CATEGORICAL: tuple[str, ...] = (  # neighbours in the list differ most: deal them out in order
    "#34C458", "#1058D0", "#10A0A0", "#F4C434", "#3488F4", "#70A070", "#C47C10", "#7C40B8",
    "#F4B8B8", "#B83410", "#C47CF4", "#C4D094", "#70587C", "#58641C", "#88D0E8", "#D0D064",
    "#A04064", "#406494", "#10D0B8", "#A07CC4",
)  # fmt: skip


def rgb(color: str) -> Float[np.ndarray, "3"]:
    """Red, green and blue in 0..1 of `#RRGGBB`."""
    return np.frombuffer(bytes.fromhex(color.removeprefix("#")), np.uint8) / 255.0


def categorical(number: Int[np.ndarray, " n"], theme: Theme) -> Float[np.ndarray, "n 3"]:
    """A colour for each number; negative ones get the neutral grey of things without a number."""
    table = np.stack([rgb(color) for color in (*CATEGORICAL, UNASSIGNED[theme])])
    return table[np.where(number < 0, len(CATEGORICAL), number % len(CATEGORICAL))]
