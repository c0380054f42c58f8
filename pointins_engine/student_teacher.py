"""The student and its EMA teacher: encoder and heads, and what they say of a batch of views.

M cells of the loss stage, K prototypes.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor, nn

from pointins_engine.backbone.encoder import Encoder
from pointins_engine.batch import CellBatch, PointBatch
from pointins_engine.config import RunConfig
from pointins_engine.heads.offset import OffsetHead
from pointins_engine.heads.semantic import SemanticHead
from pointins_engine.randomness import StepRandom
from pointins_engine.views import ViewBatch

LOCAL_CLOUDS = 1 << 20  # local views draw their numbers from here on, apart from whole ones


@dataclass(frozen=True, kw_only=True, slots=True)
class Prediction:
    """What a network says of a batch of views."""

    cells: CellBatch
    similarity: Float[Tensor, "m k"]  # cosine of cell embedding and prototype
    offset: Float[Tensor, "m 3"]  # metres, scene frame; 0 where no head predicts it
    local_similarity: Float[Tensor, "m k"] | None = None  # teacher's, for students of local views

    def outputs(self) -> tuple[Tensor, ...]:
        """What a loss is taken of."""
        return self.similarity, self.offset

    def leaves(self) -> "Prediction":
        """The same numbers cut off from the network; a loss leaves gradients on its `outputs`."""
        similarity, offset = (output.detach().requires_grad_() for output in self.outputs())
        return replace(self, similarity=similarity, offset=offset)


def concat_predictions(parts: Sequence[Prediction]) -> Prediction:
    """Predictions for parts of a batch as one: clouds and cells of a part follow the part before.

    Raises:
        ValueError: If there is no part.
    """
    if not parts:
        raise ValueError("concat_predictions was given no part; expected at least one.")
    if len(parts) == 1:
        return parts[0]
    clouds = [0]
    cells = [0]
    for part in parts:
        clouds.append(clouds[-1] + part.cells.batch_size)
        cells.append(cells[-1] + len(part.cells.feat))
    batch_index = [
        part.cells.batch_index + before for part, before in zip(parts, clouds, strict=False)
    ]
    cell_index = [
        part.cells.cell_index + before for part, before in zip(parts, cells, strict=False)
    ]
    local = [part.local_similarity for part in parts if part.local_similarity is not None]
    return Prediction(
        cells=CellBatch(
            feat=torch.cat([part.cells.feat for part in parts]),
            coord=torch.cat([part.cells.coord for part in parts]),
            origin_coord=torch.cat([part.cells.origin_coord for part in parts]),
            batch_index=torch.cat(batch_index),
            is_plane=torch.cat([part.cells.is_plane for part in parts]),
            cell_index=torch.cat(cell_index),
            batch_size=clouds[-1],
        ),
        similarity=torch.cat([part.similarity for part in parts]),
        offset=torch.cat([part.offset for part in parts]),
        local_similarity=torch.cat(local) if local else None,
    )


class PointNetwork(nn.Module):
    """Encoder, semantic head and offset head; student and teacher are two of these.

    `offset.enabled` False leaves the offset head out. `semantic.unmask_head` adds a second semantic
    head, for local views, where there are any (Sonata's unmasked branch).
    """

    def __init__(self, config: RunConfig, rng: torch.Generator) -> None:
        super().__init__()
        width = config.backbone.out_channels
        semantic = config.semantic
        sizes = (width, semantic.hidden, semantic.embed, semantic.num_prototypes)
        has_local_head = semantic.unmask_head and config.view.num_local > 0
        # The order in which weights are drawn: a part that is left out changes no other one.
        self.encoder = Encoder(config.backbone, config.scene.in_channels, rng=rng)
        self.semantic_head = SemanticHead(*sizes, rng=rng)
        offset_head = OffsetHead(width, config.offset.hidden, rng=rng)
        self.offset_head = offset_head if config.offset.enabled else None
        self.local_head = SemanticHead(*sizes, rng=rng) if has_local_head else None

    def forward(
        self,
        points: PointBatch,
        views: ViewBatch,
        rng: StepRandom | None = None,
        *,
        local: bool = False,
    ) -> Prediction:
        """Predict for `points`, which are all or some of the voxels of `views`.

        Args:
            points: What the network is shown.
            views: Where it comes from; knows the way back to the scene frame.
            rng: Numbers of the step for what is random in training.
            local: The views are local ones: a semantic head of their own, and no offsets.
        """
        if local and rng is not None:
            rng = rng.starting_at(LOCAL_CLOUDS)
        cells = self.encoder(points, rng)
        feat = cells.feat if cells.columns is None else cells.columns
        if local:
            head = self.semantic_head if self.local_head is None else self.local_head
            return Prediction(cells=cells, similarity=head(feat), offset=_no_offsets(cells))
        offset = _no_offsets(cells)
        if self.offset_head is not None:
            offset = views.to_scene_frame(self.offset_head(feat), cells.batch_index)
        local_similarity = None
        if self.local_head is not None and not self.training:  # the teacher's, as a target
            local_similarity = self.local_head(feat)
        return Prediction(
            cells=cells,
            similarity=self.semantic_head(feat),
            offset=offset,
            local_similarity=local_similarity,
        )


def _no_offsets(cells: CellBatch) -> Float[Tensor, "m 3"]:
    return torch.zeros_like(cells.origin_coord)


def make_student_and_teacher(
    config: RunConfig, rng: torch.Generator
) -> tuple[PointNetwork, PointNetwork]:
    """A fresh student and a teacher that starts as its copy, in eval mode and without gradient."""
    student = PointNetwork(config, rng)
    teacher = copy.deepcopy(student).eval().requires_grad_(False)
    return student, teacher


@torch.no_grad()
def update_teacher(student: nn.Module, teacher: nn.Module, momentum: float) -> None:
    """Exponential moving average: teacher <- momentum * teacher + (1 - momentum) * student."""
    for mine, theirs in zip(teacher.parameters(), student.parameters(), strict=True):
        mine.lerp_(theirs, 1 - momentum)
