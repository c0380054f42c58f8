"""The teacher's offsets on their way to targets: ODR, then SCR. M cells of the loss stage."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from pointins_engine.batch import CellBatch
from pointins_engine.config import RunConfig
from pointins_engine.objectives.clouds import rows_per_cloud
from pointins_engine.objectives.kmeans import kmeans
from pointins_engine.objectives.odr import RegularizedOffsets, regularize_offsets
from pointins_engine.objectives.priors import MagnitudePrior
from pointins_engine.objectives.scr import ScrOutput, spatial_clustering
from pointins_engine.randomness import StepRandom
from pointins_engine.student_teacher import Prediction
from pointins_engine.world import ALONE, World


@dataclass(frozen=True, kw_only=True, slots=True)
class TeacherTargets:
    """The teacher's offsets on their way to targets: raw, after ODR, grouped by SCR."""

    offset: Float[Tensor, "m 3"]  # metres, scene frame, before ODR
    regularized: Float[Tensor, "m 3"]  # metres, what ODR made; the raw ones where it makes none
    level: Float[Tensor, " m"]  # of the lengths in ODR, 0..1; NaN for rows that it did not map
    clusters: ScrOutput  # without pseudo-instances where SCR is off
    target: Float[Tensor, "m 3"]  # metres: what a student at the same place is to predict
    valid: Bool[Tensor, " m"]  # rows that have a target
    prior: MagnitudePrior


@torch.no_grad()
def teacher_targets(
    teacher: Prediction,
    prior: MagnitudePrior,
    config: RunConfig,
    rng: StepRandom,
    *,
    odr_active: bool,
    with_segments: bool = False,
    world: World = ALONE,
) -> TeacherTargets:
    """ODR, then SCR, on the teacher's predictions (PointINS Sec. 3.2, Alg. 1).

    What is switched off is left out of the chain. Without SCR the teacher's own offset is the
    target, after ODR if there is one. `odr.order` `after_scr` groups the raw offsets and then gives
    the targets the lengths and directions of the prior. `odr.side` `student` leaves the teacher's
    offsets as they are: ODR is a term of the loss then.

    Args:
        teacher: The teacher's prediction for whole views.
        prior: Distribution of offset lengths.
        config: Run configuration.
        rng: Breaks ties in ODR and seeds K-means.
        odr_active: ODR takes part (`odr.start` has passed). Before, offsets after ODR are there to
            be looked at, and nothing follows from them.
        with_segments: Compute K-means segments even where nothing uses them.
        world: With `odr.scope` `batch` the offsets of all its ranks are ranked together, so that
            all must call at the same time.

    Source:
        PointINS Alg. 1 and Tab. 8. How targets are mapped after SCR is not in the paper; ours are
        mapped like offsets, cells without pseudo-instance left out.
    """
    cells = teacher.cells
    odr, scr = config.odr, config.scr
    is_mapped = odr.enabled and odr.side == "teacher" and config.offset.enabled
    off_planes = cells.is_plane if odr.points == "off_planes" else None

    regularized = teacher.offset
    level = torch.full_like(regularized[:, 0], torch.nan)
    if is_mapped and odr.order == "before_scr":
        mapped = _regularize(teacher.offset, cells, off_planes, prior, config, rng, world)
        regularized, level = mapped.offset, mapped.level
    votes = regularized if odr_active else teacher.offset

    if scr.enabled and config.offset.enabled:
        clusters = spatial_clustering(
            cells.origin_coord,
            votes,
            cells.feat,
            cells.batch_index,
            cells.batch_size,
            cells.is_plane,
            scr,
            rng.clouds("kmeans", cells.batch_size),
            with_segments=with_segments,
        )
    else:
        clusters = _ungrouped(votes, cells, config, rng, with_segments)

    target = clusters.target
    if is_mapped and odr.order == "after_scr":
        has_none = ~clusters.valid
        if scr.planes != "keep":
            has_none = has_none | cells.is_plane  # their target is zero, not a distance
        mapped = _regularize(target, cells, has_none, prior, config, rng, world)
        regularized = torch.where(has_none[:, None], teacher.offset, mapped.offset)
        level = mapped.level
        if odr_active:
            target = torch.where(has_none[:, None], target, regularized)
    return TeacherTargets(
        offset=teacher.offset,
        regularized=regularized,
        level=level,
        clusters=clusters,
        target=target,
        valid=clusters.valid,
        prior=prior,
    )


def _regularize(
    offset: Tensor,
    cells: CellBatch,
    skip: Tensor | None,
    prior: MagnitudePrior,
    config: RunConfig,
    rng: StepRandom,
    world: World,
) -> RegularizedOffsets:
    odr = config.odr
    generators = rng.clouds("odr", cells.batch_size)
    return regularize_offsets(
        offset,
        cells.batch_index,
        cells.batch_size,
        prior,
        odr,
        [rng.shared("odr")] if odr.scope == "batch" else generators,
        skip,
        half_diagonal(cells) if odr.clip else None,
        world,
    )


def half_diagonal(cells: CellBatch) -> Float[Tensor, " b"]:
    """Half of the diagonal of each cloud's bounding box in metres; 0 for an empty cloud."""
    coord = cells.origin_coord
    index = cells.batch_index[:, None].expand(-1, 3)
    empty = coord.new_zeros(cells.batch_size, 3)
    low = empty.scatter_reduce(0, index, coord, "amin", include_self=False)
    high = empty.scatter_reduce(0, index, coord, "amax", include_self=False)
    return (high - low).norm(dim=1) / 2


def _ungrouped(
    offset: Tensor, cells: CellBatch, config: RunConfig, rng: StepRandom, with_segments: bool
) -> ScrOutput:
    """The teacher's own offsets as targets; `scr.planes` holds as it does in SCR."""
    scr, batch_index = config.scr, cells.batch_index
    nobody = torch.full_like(batch_index, -1)
    segment = nobody
    if with_segments:
        segment, _ = kmeans(
            cells.feat,
            rows_per_cloud(batch_index, cells.batch_size),
            scr.num_segments,
            scr.kmeans_iterations,
            rng.clouds("kmeans", cells.batch_size),
            normalize=scr.kmeans_normalize,
        )
    is_left_out = torch.zeros_like(cells.is_plane) if scr.planes == "keep" else cells.is_plane
    return ScrOutput(
        segment=segment,
        group=nobody,
        pseudo_instance=nobody,
        centroid=offset.new_zeros(0, 3),
        centroid_batch_index=batch_index[:0],
        size=batch_index[:0],
        target=torch.where(is_left_out[:, None], 0.0, offset.float()),
        valid=torch.ones_like(is_left_out) if scr.planes == "zero" else ~is_left_out,
    )
