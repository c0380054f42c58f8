"""Figures of proposals against true instances without classes, over one scan or many."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from pointins_engine.evaluate.agreement import adjusted_rand_index, mean_best_iou
from pointins_engine.evaluate.instance_ap import (
    MIN_REGION,
    OBJECT,
    Proposals,
    TrueInstances,
    ap_over_scenes,
    mean_of_known,
    scene_overlaps,
    split_by_class,
)
from pointins_engine.evaluate.matching import ClassOverlaps
from pointins_engine.evaluate.panoptic import PanopticCounts, Segments, count_segments, no_counts

FIGURES = ("ap", "ap50", "ap25", "pq", "sq", "rq", "ari", "recall50", "recall25", "mean_best_iou")


@dataclass(frozen=True, kw_only=True, slots=True)
class ObjectCounts:
    """All that the figures need to know of one scan."""

    overlaps: list[ClassOverlaps]  # of the one class
    counts: PanopticCounts  # of the one class
    ari: float  # NaN without a true instance
    best_iou: float  # mean over true instances; NaN without any
    true_instances: int  # that are large enough
    proposals: int  # that are large enough


def count_objects(
    proposals: Proposals,
    label: Int[np.ndarray, " n"],
    truth: Int[np.ndarray, " n"],
    min_region: int = MIN_REGION,
) -> ObjectCounts:
    """Compare the proposals of one scan with its true instances; classes are not looked at.

    Args:
        proposals: They may overlap, which AP, recall and best IoU allow for.
        label: The surest proposal of each point, for PQ and ARI; below 0 = none.
        truth: True instance of each point; below 0 = void (floor, walls, unlabelled).
        min_region: Points below which an instance does not count. Proposals below it take no part
            in AP, recall and best IoU; for PQ they are no false positives.

    Raises:
        SceneError: If lengths differ, a proposal names a point that is not there, or a score is
            not a number.
    """
    semantic = np.where(truth >= 0, OBJECT, -1)
    instances = TrueInstances(instance_label=truth, semantic_label=semantic)
    merged = Proposals(
        rows=proposals.rows,
        score=proposals.score,
        semantic_label=np.full(len(proposals.rows), OBJECT),
    )
    scene = scene_overlaps(merged, instances, (OBJECT,), min_region)
    return ObjectCounts(
        overlaps=split_by_class(scene, merged, (OBJECT,)),
        counts=count_segments(
            Segments(semantic_label=np.where(label >= 0, OBJECT, -1), id=label),
            Segments(semantic_label=semantic, id=truth),
            1,
            min_region,
        ),
        ari=adjusted_rand_index(label, truth),
        best_iou=mean_best_iou(scene, min_region),
        true_instances=int((scene.true_size >= min_region).sum()),
        proposals=len(scene.kept),
    )


def object_figures(
    scans: Sequence[ObjectCounts], min_region: int = MIN_REGION, *, include_095: bool = False
) -> dict[str, float]:
    """Figures by the names of `FIGURES`, 0..1 (`ari` may fall below 0).

    AP, recall and PQ pool the scans; `ari` and `mean_best_iou` are means over scans. All NaN if no
    scan has a true instance of `min_region` points.
    """
    if not any(scan.true_instances for scan in scans):
        return dict.fromkeys(FIGURES, float("nan"))
    found = ap_over_scenes(
        [scan.overlaps for scan in scans], 1, min_region, include_095=include_095
    )
    counts = sum((scan.counts for scan in scans), no_counts(1))
    return {
        **found.figures(),
        "pq": float(counts.pq[OBJECT]),
        "sq": float(counts.sq[OBJECT]),
        "rq": float(counts.rq[OBJECT]),
        "ari": mean_of_known(np.array([scan.ari for scan in scans])),
        "recall50": found.recall50,
        "recall25": found.recall25,
        "mean_best_iou": mean_of_known(np.array([scan.best_iou for scan in scans])),
    }
