"""Feature components whose colours keep their meaning from frame to frame. No torch here.

Principal components are known up to their sign, and up to a turn where two of them hold about the
same variance. Cells of an inspected scene are the same at every step, so each frame is turned onto
the run's first one, and the first one onto the scene itself. M cells, D components.
"""

import numpy as np
from jaxtyping import Float, Int8, UInt8

NUM_COMPONENTS = 16
NUM_COLORS = 3  # the first components, which hold the most variance, are red, green and blue
INT8_MAX = 127


def steady_components(
    scores: Float[np.ndarray, "m d"],
    reference: Float[np.ndarray, "m d"] | None,
    cell_coord: Float[np.ndarray, "m 3"],
) -> Float[np.ndarray, "m d"]:
    """Principal components of a frame, turned to agree with the run's first frame.

    The three that give the colour are turned among themselves, and so are the others; nothing
    moves between the two, so the colour always shows the three with the most variance. Both are
    orthogonal Procrustes problems. Without a reference the three are turned onto height, x and y,
    so that two runs of one scene begin alike, and each other one gets the sign that makes it skew
    to the right. Either way the result depends on distances between features only.

    Args:
        scores: Principal components, most variance first.
        reference: What this function made of the first frame of the scene; None for that frame.
        cell_coord: Positions of the cells in metres.
    """
    scores = scores.astype(np.float64)
    colors, others = scores[:, :NUM_COLORS], scores[:, NUM_COLORS:]
    if reference is None:
        height_first = cell_coord[:, [2, 0, 1]].astype(np.float64)
        height_first -= height_first.mean(axis=0)
        spread = np.maximum(height_first.std(axis=0), 1e-9)
        skewed = ((others - others.mean(axis=0)) ** 3).sum(axis=0)
        return np.hstack(
            [_turned(colors, height_first / spread), others * np.where(skewed < 0, -1.0, 1.0)]
        )
    return np.hstack(
        [
            _turned(colors, reference[:, :NUM_COLORS]),
            _turned(others, reference[:, NUM_COLORS:]),
        ]
    )


def _turned(scores: np.ndarray, onto: np.ndarray) -> np.ndarray:
    """The scores after the orthogonal map that brings them closest to `onto`."""
    left, _, right = np.linalg.svd(scores.T @ onto)
    return scores @ (left @ right)


def quantised(components: Float[np.ndarray, "m d"]) -> tuple[Int8[np.ndarray, "m d"], float]:
    """Components as int8 and the scale that takes them back: component = scale * value."""
    scale = max(float(np.abs(components).max(initial=0.0)), 1e-12) / INT8_MAX
    return np.rint(components / scale).astype(np.int8), scale


def component_colors(components: Float[np.ndarray, "m d"]) -> UInt8[np.ndarray, "m 3"]:
    """First three components as RGB: each channel spans its 2nd to 98th percentile."""
    colors = components[:, :NUM_COLORS]
    low, high = np.percentile(colors, [2, 98], axis=0)
    scaled = (colors - low) / np.maximum(high - low, 1e-12)
    return (np.clip(scaled, 0, 1) * 255).astype(np.uint8)
