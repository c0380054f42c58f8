"""How near votes and pseudo-instances come to the true centroids. M cells."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float

from pointins_engine.config import ScrConfig
from pointins_engine.evaluate.seen import SeenScene
from pointins_engine.objectives.scr import spatial_clustering
from pointins_engine.randomness import StepRandom

SHORT = 0.05  # metres: true offsets below it have no direction worth comparing


@dataclass(frozen=True, kw_only=True, slots=True)
class VoteErrors:
    """Means over cells of objects that are not flagged as plane, scene by scene, then over scenes.

    Pseudo-instances are those that SCR cuts from the network's raw votes; cells without one count
    nowhere but in `coverage`.
    """

    cosine: float  # of predicted to true offset
    centroid_error: float  # metres from the vote to the true centroid
    zero_error: float  # metres: the same for votes that stay where they are
    length: float  # metres: mean predicted offset
    pseudo_error: float  # metres from the pseudo-instance's centroid to the true one
    pseudo_ari: float  # adjusted Rand index of pseudo-instances and true instances
    coverage: float  # share of the cells that have a pseudo-instance


@dataclass(frozen=True, kw_only=True, slots=True)
class OffsetErrors:
    """Means over cells, NaN without any."""

    cosine: float  # over true offsets that are long enough to have a direction
    centroid_error: float  # metres
    zero_error: float  # metres
    length: float  # metres


def object_offsets(
    scene: SeenScene,
) -> tuple[Float[np.ndarray, "n 3"], Float[np.ndarray, "n 3"], Bool[np.ndarray, " m"]]:
    """True and predicted offsets of the cells of objects off the planes, and which cells these are.

    All in metres.
    """
    counted = (scene.instance_label >= 0) & ~scene.is_plane
    return scene.true_centroid[counted] - scene.coord[counted], scene.offset[counted], counted


def offset_errors(
    truth: Float[np.ndarray, "n 3"], offset: Float[np.ndarray, "n 3"]
) -> OffsetErrors:
    """Compare predicted offsets with true ones, both in metres."""
    true_length, length = np.linalg.norm(truth, axis=1), np.linalg.norm(offset, axis=1)
    cosine = (truth * offset).sum(axis=1) / np.maximum(true_length * length, 1e-9)
    return OffsetErrors(
        cosine=_mean(cosine[true_length > SHORT]),
        centroid_error=_mean(np.linalg.norm(offset - truth, axis=1)),
        zero_error=_mean(true_length),
        length=_mean(length),
    )


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else float("nan")


def vote_errors(scenes: Sequence[SeenScene], scr: ScrConfig) -> VoteErrors:
    """Compare votes, and the pseudo-instances that `scr` cuts from them, with the truth."""
    rows = np.array([_errors(scene, scr) for scene in scenes])
    count = (~np.isnan(rows)).sum(axis=0)
    means = np.where(count > 0, np.nansum(rows, axis=0) / np.maximum(count, 1), np.nan)
    return VoteErrors(**dict(zip(VoteErrors.__annotations__, means.tolist(), strict=True)))


def _errors(scene: SeenScene, scr: ScrConfig) -> list[float]:
    from sklearn.metrics import adjusted_rand_score

    truth, offset, counted = object_offsets(scene)
    if not counted.any():
        return [float("nan")] * 7
    errors = offset_errors(truth, offset)
    num_cells = len(scene.coord)
    clusters = spatial_clustering(
        torch.from_numpy(scene.coord),
        torch.from_numpy(scene.offset),
        torch.from_numpy(scene.feat),
        torch.zeros(num_cells, dtype=torch.int64),
        1,
        torch.from_numpy(scene.is_plane),
        scr,
        StepRandom(0, 0).clouds("kmeans", 1),
    )
    pseudo = clusters.pseudo_instance.numpy()[counted]
    grouped = pseudo >= 0
    distance = np.linalg.norm(clusters.target.numpy()[counted] - truth, axis=1)[grouped]
    true_label = scene.instance_label[counted]
    return [
        errors.cosine,
        errors.centroid_error,
        errors.zero_error,
        errors.length,
        _mean(distance),
        float(adjusted_rand_score(true_label[grouped], pseudo[grouped])) if grouped.any() else 0.0,
        float(grouped.mean()),
    ]
