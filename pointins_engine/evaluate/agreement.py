"""How well two partitions of the same points agree. N points. NumPy only."""

import numpy as np
from jaxtyping import Float, Int

from pointins_engine.evaluate.instance_ap import SceneOverlaps, mean_of_known
from pointins_engine.evaluate.numbering import numbered


def adjusted_rand_index(label: Int[np.ndarray, " n"], truth: Int[np.ndarray, " n"]) -> float:
    """Rand index of prediction and truth, corrected for chance: 1 = the same, 0 = by chance.

    Points without a true instance (below 0) are left out. A point without a predicted instance is
    a group of its own, so leaving objects out is not rewarded as putting them together would be.

    Returns:
        NaN without a true instance.

    Source:
        Hubert and Arabie, "Comparing partitions", 1985.
    """
    counted = truth >= 0
    count = int(counted.sum())
    if count == 0:
        return float("nan")
    label, truth = label[counted], numbered(truth[counted])[1]
    true_size = np.bincount(truth)
    grouped = label >= 0  # a point by itself shares no pair with anybody
    named, place = numbered(label[grouped])
    size = np.bincount(place, minlength=len(named))
    cell = np.bincount(numbered(truth[grouped] * max(len(named), 1) + place)[1])
    together, of_label, of_truth = _pairs(cell), _pairs(size), _pairs(true_size)
    expected = of_label * of_truth / max(_pairs(np.array([count])), 1.0)
    best = (of_label + of_truth) / 2
    return 1.0 if best == expected else (together - expected) / (best - expected)


def mean_best_iou(scene: SceneOverlaps, min_region: int) -> float:
    """Mean over true instances of the IoU with the proposal that fits best; NaN without any."""
    asked = scene.true_size >= min_region
    return mean_of_known(scene.iou[asked].max(axis=1, initial=0.0))


def _pairs(size: Float[np.ndarray, " g"] | Int[np.ndarray, " g"]) -> float:
    """Pairs of points within groups."""
    size = size.astype(np.float64)
    return float((size * (size - 1) / 2).sum())
