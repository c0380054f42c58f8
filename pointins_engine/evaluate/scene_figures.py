"""All figures of one labelling of one scan against its true instances, without classes."""

import numpy as np
from jaxtyping import Float, Int

from pointins_engine.errors import SceneError
from pointins_engine.evaluate.instance_ap import MIN_REGION, proposals_from_labels
from pointins_engine.evaluate.objects import FIGURES, count_objects, object_figures

__all__ = ["FIGURES", "scene_figures"]


def scene_figures(
    label: Int[np.ndarray, " n"],
    score: Float[np.ndarray, " k"],
    truth: Int[np.ndarray, " t"],
    *,
    min_region: int = MIN_REGION,
) -> dict[str, float]:
    """AP, panoptic quality and agreement of instances that do not overlap.

    Args:
        label: Instance of each point, 0..K-1; below 0 = none.
        score: Of each instance, the larger the surer.
        truth: True instance of each point (T = N); below 0 = void (floor, walls, unlabelled).
        min_region: Points below which an instance does not count. Proposals below it take no part
            in AP, recall and best IoU; for PQ they are no false positives.

    Returns:
        By the names of `FIGURES`, 0..1 (`ari` may fall below 0). All NaN if no true instance has
        `min_region` points; all 0 if nothing is proposed.

    Raises:
        SceneError: If lengths differ, labels are no integers, a label has no score, or a score is
            not a number.
    """
    _check(label, score, truth)
    counted = count_objects(proposals_from_labels(label, score), label, truth, min_region)
    return object_figures([counted], min_region)


def _check(label: np.ndarray, score: np.ndarray, truth: np.ndarray) -> None:
    for name, values in (("predicted", label), ("true", truth)):
        if values.ndim != 1 or not np.issubdtype(values.dtype, np.integer):
            raise SceneError(
                f"{name} instances have the type {values.dtype} and the shape {values.shape}; "
                "one integer a point is expected, below 0 = none."
            )
    if len(label) != len(truth):
        raise SceneError(
            f"a prediction of {len(label):,} points for a ground truth of {len(truth):,}; both "
            "must name every point of the same scan, in the same order."
        )
    highest = int(label.max(initial=-1))
    if highest >= len(score):
        raise SceneError(
            f"instance {highest} has no score: {len(score)} scores came; give one an instance, "
            "in the order of the ids 0, 1, 2, ..."
        )
