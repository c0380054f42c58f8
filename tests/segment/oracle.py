"""A network that knows the answer: its offsets end at the true centroids."""

import numpy as np
import torch
from scipy.spatial import KDTree

from pointins_engine.backbone.encoder import Encoder
from pointins_engine.config import RunConfig
from pointins_engine.heads.offset import OffsetHead
from pointins_engine.segment.network import SegmentNetwork
from pointins_engine.types import Scene
from pointins_engine.views import View
from tests.small_steps import small_config


class Oracle(SegmentNetwork):
    """Cells of a real encoder, offsets of a labelled scan; what has no instance stays."""

    __slots__ = ("scale", "tree", "vector")

    def offsets(self, view: View):
        coord, _, cell = super().offsets(view)
        nearest = self.tree.query(coord / self.scale)[1]
        return coord, (self.vector[nearest] * self.scale).astype(np.float32), cell


def small_network(config: RunConfig | None = None, **known: object) -> SegmentNetwork:
    """An untrained network of two stages."""
    config = config or small_config(scene__grid_size=0.06)
    rng = torch.Generator().manual_seed(1)
    return SegmentNetwork(
        name="small",
        encoder=Encoder(config.backbone, config.scene.in_channels, rng=rng).eval(),
        offset_head=OffsetHead(config.backbone.out_channels, config.offset.hidden, rng=rng),
        config=config,
        provenance=dict(known),
    )


def oracle(scene: Scene, scale: float = 1.0) -> Oracle:
    """An oracle for one scan that is shown to it at a scale."""
    assert scene.instance_label is not None
    label = scene.instance_label
    centroid = np.stack([scene.coord[label == k].mean(axis=0) for k in range(label.max() + 1)])
    plain = small_network()
    found = Oracle(
        name="oracle",
        encoder=plain.encoder,
        offset_head=plain.offset_head,
        config=plain.config,
        provenance={},
    )
    vector = np.where(label[:, None] < 0, 0, centroid[label] - scene.coord)
    for name, value in (("scale", scale), ("tree", KDTree(scene.coord)), ("vector", vector)):
        object.__setattr__(found, name, value)
    return found
