"""Classes for proposals that have none: each takes that of the true instance it is paired with.

It measures what instances found without labels would be worth to somebody who names them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Int
from scipy.optimize import linear_sum_assignment

from pointins_engine.evaluate.instance_ap import (
    MIN_REGION,
    InstanceAp,
    Proposals,
    TrueInstances,
    check_scenes,
    instance_ap,
    scene_overlaps,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Pairs:
    """Which proposal goes with which true instance of a scene; at most one each."""

    proposal: Int[np.ndarray, " p"]
    true_instance: Int[np.ndarray, " p"]  # by class, then by id
    semantic_label: Int[np.ndarray, " p"]  # of the true instance


def pair(
    proposals: Proposals, truth: TrueInstances, classes: Sequence[int], min_region: int
) -> Pairs:
    """The one-to-one pairing of the largest total IoU; pairs that share no point are none.

    Only true instances and proposals of at least `min_region` points are paired.
    """
    scene = scene_overlaps(proposals, truth, classes, min_region)
    asked = np.flatnonzero(scene.true_size >= min_region)
    iou = scene.iou[asked]
    row, column = linear_sum_assignment(iou, maximize=True)
    real = iou[row, column] > 0
    matched = asked[row[real]]
    return Pairs(
        proposal=scene.kept[column[real]],
        true_instance=matched,
        semantic_label=scene.true_class[matched],
    )


def named_proposals(
    proposals: Proposals, truth: TrueInstances, classes: Sequence[int], min_region: int
) -> Proposals:
    """Proposals with the classes of their pairs; one without a pair is proposed for every class."""
    pairs = pair(proposals, truth, classes, min_region)
    alone = np.setdiff1d(np.arange(len(proposals.rows)), pairs.proposal)
    order = np.r_[pairs.proposal, np.repeat(alone, len(classes))]
    label = np.r_[pairs.semantic_label, np.tile(np.asarray(classes, np.int64), len(alone))]
    first = np.argsort(order, kind="stable")  # proposals stay in their order
    return replace(
        proposals,
        rows=[proposals.rows[k] for k in order[first]],
        score=proposals.score[order[first]],
        semantic_label=label[first],
    )


def instance_ap_hungarian(
    proposals: Sequence[Proposals],
    truths: Sequence[TrueInstances],
    classes: Sequence[int],
    min_region: int = MIN_REGION,
    *,
    include_095: bool = False,
) -> InstanceAp:
    """`instance_ap` of proposals without classes, named by pairing them with the truth.

    The strict reading: a proposal without a pair is a false positive of every class. The classes
    that came with the proposals are not looked at.

    Raises:
        SceneError: As `instance_ap`.

    Source:
        PointINS App. C pairs proposals with the ground truth by the Hungarian method and does not
        say what becomes of the others; counting them against every class is ours.
    """
    check_scenes(proposals, truths)
    named = [
        named_proposals(p, t, classes, min_region) for p, t in zip(proposals, truths, strict=True)
    ]
    return instance_ap(named, truths, classes, min_region, include_095=include_095)
