"""How near votes and pseudo-instances come to the true centroids. M cells."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from sklearn.metrics import adjusted_rand_score

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


def vote_errors(scenes: Sequence[SeenScene], scr: ScrConfig) -> VoteErrors:
    """Compare votes, and the pseudo-instances that `scr` cuts from them, with the truth."""
    rows = np.array([_errors(scene, scr) for scene in scenes])
    count = (~np.isnan(rows)).sum(axis=0)
    means = np.where(count > 0, np.nansum(rows, axis=0) / np.maximum(count, 1), np.nan)
    return VoteErrors(**dict(zip(VoteErrors.__annotations__, means.tolist(), strict=True)))


def _errors(scene: SeenScene, scr: ScrConfig) -> list[float]:
    counted = (scene.instance_label >= 0) & ~scene.is_plane
    if not counted.any():
        return [float("nan")] * 7
    truth = scene.true_centroid[counted] - scene.coord[counted]
    offset = scene.offset[counted]
    length = np.linalg.norm(truth, axis=1)
    scale = np.maximum(length * np.linalg.norm(offset, axis=1), 1e-9)
    cosine = (truth * offset).sum(axis=1) / scale
    far = length > SHORT
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
        float(cosine[far].mean()) if far.any() else float("nan"),
        float(np.linalg.norm(offset - truth, axis=1).mean()),
        float(length.mean()),
        float(np.linalg.norm(offset, axis=1).mean()),
        float(distance.mean()) if grouped.any() else float("nan"),
        float(adjusted_rand_score(true_label[grouped], pseudo[grouped])) if grouped.any() else 0.0,
        float(grouped.mean()),
    ]
