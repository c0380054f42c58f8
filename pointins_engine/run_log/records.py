"""Every key that a run folder holds, with unit and meaning. The one place where they are declared.

Writing, reading, plotting and `docs/run-folder.md` are tested against this module. N points of an
inspected scene, M cells of the loss stage, K pseudo-instances.
"""

from dataclasses import dataclass
from typing import Literal

SCHEMA_VERSION = 1

RunStatus = Literal["starting", "running", "paused", "finished", "stopped", "failed"]
LISTENING = ("starting", "running", "paused")  # a trainer is there
EventKind = Literal[
    "scalars", "state", "resume", "checkpoint", "warning", "mark", "alarm", "edit", "control"
]  # each event also has t (Unix seconds) and step

NO_INSTANCE = -1  # pseudo_instance of a cell without one
NO_SEGMENT = 255  # segment of a cell that took no part in K-means


@dataclass(frozen=True, slots=True)
class Key:
    """A declared key: its unit ("" = none) and what it means."""

    name: str
    unit: str
    meaning: str


def _keys(*rows: tuple[str, str, str]) -> dict[str, Key]:
    return {row[0]: Key(*row) for row in rows}


SCALARS = _keys(
    ("loss/total", "", "what the optimiser minimises"),
    ("loss/semantic", "nats", "softmap distillation (DOS), mean over prototypes and view pairs"),
    ("loss/offset", "", "offset loss before its weight: length term plus direction term"),
    ("loss/offset_l1", "m", "sum over axes of |offset - target|, mean over points with a target"),
    ("loss/offset_direction", "", "1 - cosine between offset and target, mean over points"),
    ("odr/w1_before_m", "m", "Wasserstein-1 distance of teacher offset lengths to the prior"),
    ("odr/ks_before", "", "Kolmogorov-Smirnov distance of the same"),
    ("odr/w1_after_m", "m", "the same distance after ODR; near 0 where ODR acts on the teacher"),
    ("odr/ks_after", "", "Kolmogorov-Smirnov distance after ODR"),
    ("odr/zero_share", "", "share of teacher offsets shorter than 2 cm"),
    ("odr/mean_m", "m", "mean length of the teacher's offsets"),
    ("scr/components", "", "pseudo-instances a view, mean"),
    ("scr/kept_share", "", "share of non-plane cells that belong to a pseudo-instance"),
    ("scr/largest_share", "", "share of the largest pseudo-instance; near 1 means SCR is inert"),
    ("scr/view_share", "", "share of a view's cells in SCR that its largest pseudo-instance takes"),
    ("scr/extent_m", "m", "mean diagonal of the pseudo-instances' bounding boxes"),
    ("scr/target_m", "m", "mean length of the targets off the planes"),
    ("collapse/prototype_entropy", "nats", "entropy of the teacher's mean prototype assignment"),
    ("collapse/prior_kl", "nats", "divergence of that assignment from the Zipf prior"),
    ("collapse/prototypes_used", "", "share of the prototypes that some cell is nearest to"),
    ("collapse/effective_rank", "", "directions in use among the teacher's features, at most 256"),
    ("probe/nn_accuracy", "", "cells whose class their nearest neighbours in other scenes tell"),
    ("probe/chance", "", "the same if every cell got the commonest class"),
    ("probe/ap50", "", "class-agnostic AP at IoU 0.5 of the votes' groups, planes left out"),
    ("probe/centroid_error_m", "m", "from the teacher's votes to the true centroids, mean"),
    ("probe/zero_error_m", "m", "the same if every cell voted for its own place"),
    ("probe/cosine", "", "cosine of teacher offsets and true offsets, mean"),
    ("match/pairs", "", "matched student-teacher cells of the step"),
    ("schedule/lr", "", "learning rate of the heads"),
    ("schedule/ema_momentum", "", "momentum of the teacher"),
    ("schedule/teacher_temp", "", "temperature of the teacher's softmaps"),
    ("schedule/mask_ratio", "", "share of blocks hidden from the student"),
    ("schedule/mask_size_m", "m", "edge of a hidden block"),
    ("schedule/offset_weight", "", "weight of the offset loss"),
    ("optim/grad_norm", "", "norm of the gradient before clipping"),
    ("time/step_s", "s", "one optimiser step, frames left out"),
    ("time/data_s", "s", "of which waiting for views and moving them to the device"),
    ("time/student_s", "s", "of which the student's forward pass"),
    ("time/teacher_s", "s", "of which the teacher's forward pass"),
    ("time/targets_s", "s", "of which ODR and SCR"),
    ("time/loss_s", "s", "of which losses and backward pass"),
    ("time/optimizer_s", "s", "of which the optimiser"),
    ("time/ema_s", "s", "of which the teacher's moving average"),
    ("time/health_s", "s", "reading the health figures, after the step"),
    ("time/probe_s", "s", "the last online probe"),
    ("time/frame_s", "s", "the last frame: inspection forward pass, ODR, SCR and hand-over"),
    ("time/frame_write_s", "s", "of which encoding and writing"),
    ("time/watch_share", "", "share of the trainer's time that its last frames took"),
    ("gpu/allocated_gib", "GiB", "most memory that tensors took since the last log step; GPU only"),
    ("gpu/reserved_gib", "GiB", "most memory that torch held since the last log step; GPU only"),
)

SCENE_ARRAYS = _keys(
    ("coord_u16", "scale", "(N, 3) uint16: metres = origin + scale * value"),
    ("cell_index", "", "(N,) uint32: row of the point's cell in every frame"),
    ("color", "0-255", "(N, 3) uint8 RGB; optional"),
    ("intensity", "0-255", "(N,) uint8; optional"),
    ("semantic_label", "", "(N,) int16 ground truth, -1 = ignore; optional, never trained on"),
    ("instance_label", "", "(N,) int32 ground truth, -1 = none; optional, never trained on"),
    ("cell_coord_u16", "scale", "(M, 3) uint16: mean position of a cell's voxels"),
    ("cell_is_plane", "", "(M,) uint8: 1 = floor, wall or ground, found without labels"),
)

FRAME_ARRAYS = _keys(
    ("offset_teacher", "m", "(M, 3) float16: teacher offset before ODR, scene frame"),
    ("offset_regularized", "m", "(M, 3) float16: the same after ODR"),
    ("segment", "", "(M,) uint8: K-means segment of the teacher's features, 255 = none"),
    ("pseudo_instance", "", "(M,) int16: row of `centroid`, -1 = none"),
    ("centroid", "m", "(K, 3) float32: centroid of each pseudo-instance, scene frame"),
    ("pca_color", "0-255", "(M, 3) uint8: first three components of `feature` as RGB"),
    ("odr_level", "1/65535", "(M,) uint16: level of the offset's length in ODR, 0 = not mapped"),
    ("feature", "scale", "(M, 16) int8: principal components of the teacher's unit features"),
)

STATS = _keys(
    ("step", "", "optimiser step of the frame"),
    ("scene", "", "id of the inspected scene"),
    ("t", "s", "Unix time of writing"),
    ("odr", "", "offsets against the prior; keys of `ODR_STATS`"),
    ("scr", "", "pseudo-instances; keys of `SCR_STATS`"),
    ("frame_s", "s", "time that the frame took from the trainer"),
)

ODR_STATS = _keys(
    ("prior_name", "", "the prior in words"),
    ("num_offsets", "", "cells whose offsets are compared with the prior"),
    ("num_bins", "", "bins of the length histograms, all of one width from 0"),
    ("max_m", "m", "upper edge of the last bin, which also takes what is longer"),
    ("prior", "", "share of the prior in each bin"),
    ("before", "", "share of the teacher's offsets before ODR in each bin"),
    ("after", "", "the same after ODR"),
    ("student", "", "the same of the student; not with `log.inspect_student` False"),
    ("quantiles", "m", "of prior, before, after, student at levels (k + 0.5) / 101, k = 0..100"),
    ("w1_before_m", "m", "Wasserstein-1 distance to the prior before ODR"),
    ("w1_after_m", "m", "the same after ODR"),
    ("w1_student_m", "m", "the same of the student"),
    ("ks_before", "", "Kolmogorov-Smirnov distance to the prior before ODR"),
    ("ks_after", "", "the same after ODR"),
    ("ks_student", "", "the same of the student"),
    ("zero_share", "", "share of the offsets before ODR that are shorter than 2 cm"),
    ("mean_m", "m", "mean length before ODR"),
    ("mean_student_m", "m", "mean length of the student's offsets"),
    ("direction_before", "", "x, y, z: histogram of the axis of unit offsets over -1..1"),
    ("direction_after", "", "the same after ODR"),
    ("sphere_before", "", "shares of directions in 12 x 24 bins of equal area, see below"),
    ("sphere_after", "", "the same after ODR"),
    ("resultant_before", "", "length of the mean direction: 0 = even, 1 = all point one way"),
    ("resultant_after", "", "the same after ODR"),
)

SCR_STATS = _keys(
    ("components", "", "pseudo-instances"),
    ("kept_share", "", "share of the non-plane cells that have one"),
    ("largest_share", "", "share of a segment that its largest one takes, mean"),
    ("extent_m", "m", "mean diagonal of their bounding boxes"),
    ("target_m", "m", "mean length of the targets off the planes"),
    ("sizes", "", "cells of each, largest first"),
    ("num_segments", "", "segments that K-means was asked for"),
    ("segments", "", "a segment each: `segment`, `cells`, `kept`, `components`, `largest_share`"),
    ("before_step", "", "step of the frame before, null in the first frame; so are the next four"),
    (
        "merges",
        "",
        "rows that took a fifth or more of each of two or more rows of the frame before",
    ),
    ("splits", "", "rows before that hold a fifth or more of each of two or more rows now"),
    ("changed", "", "[row before, row now] of the parts of all merges and splits"),
    ("ari_before", "", "adjusted Rand index to the frame before, over cells with a row in both"),
    ("ari_truth", "", "the same to the ground truth instances of cells; null without labels"),
    ("transitions", "", "[row before, row now, cells in both], largest 200 first"),
)
