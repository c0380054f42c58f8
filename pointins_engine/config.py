"""The typed configuration of a run. No torch here: the studio reads it too.

A recipe (`recipes.py`) is a function that returns a `RunConfig`; the command line overrides any
field of it (`--scr.link-radius 0.3`). Lengths are metres unless a name says otherwise. Each comment
ends with the source of the default (`provenance.py` has the letters).
"""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args, get_origin, get_type_hints

from pointins_engine.errors import ConfigError

Feature = Literal["coord", "color", "normal", "intensity"]
Units = Literal["auto", "m", "cm", "mm", "ft"]
UpAxis = Literal["auto", "z", "-z", "y", "-y", "x", "-x"]
PriorKind = Literal[
    "gamma", "lognormal", "half_normal", "exponential", "empirical", "hdbscan", "file"
]
FEATURE_WIDTH: dict[str, int] = {"coord": 3, "color": 3, "normal": 3, "intensity": 1}


def _require(ok: bool, name: str, rule: str, value: object) -> None:
    if not ok:
        raise ConfigError(f"{name} must be {rule}, got {value!r}.")


@dataclass(frozen=True, kw_only=True, slots=True)
class SceneConfig:
    """Which scenes, and how they become voxels."""

    source: str = "sim:rooms"  # folder, file, sim:rooms or sim:streets (O)
    dataset: str = ""  # name of the dataset in that folder; "": told by its files (O)
    splits: tuple[str, ...] = ()  # trained on; none named: those the dataset trains on, or all (O)
    num_simulated: int = 64  # rooms or streets made when the source is simulated (O)
    sensor: Literal["64", "32", "128", "mixed"] = "64"  # beams of the scanner in sim:streets (O)
    num_sweeps: int = 1  # turns of that scanner, 0.1 s apart, added up in a street (O)
    domain: Literal["indoor", "outdoor"] = "indoor"  # decides how planes and ground are found (O)
    grid_size: float = 0.02  # metres: voxel edge of the encoder's input (P App. A, S)
    feats: tuple[Feature, ...] = ("coord", "color", "normal")  # what a scan lacks is zero (S, A34)
    units: Units = "auto"  # of the files' coordinates; auto: as stated, or metres if plausible (O)
    up: UpAxis = "auto"  # axis of the files that is up; auto: as stated, or z unless refuted (O)
    sample_meshes: bool = False  # points on the faces of PLY files instead of their vertices (O)
    max_scene_points: int = 2_000_000  # a larger scan is trained on as overlapping tiles (O)

    def __post_init__(self) -> None:
        _require(self.grid_size > 0, "scene.grid_size", "> 0", self.grid_size)
        _require(self.num_simulated >= 1, "scene.num_simulated", ">= 1", self.num_simulated)
        _require(1 <= self.num_sweeps <= 100, "scene.num_sweeps", "1 to 100", self.num_sweeps)
        _require(
            self.max_scene_points >= 1000,
            "scene.max_scene_points",
            ">= 1000",
            self.max_scene_points,
        )
        _require(
            not self.source.startswith("sim:") or not (self.dataset or self.splits),
            "scene.dataset and scene.splits",
            "left out for simulated scenes",
            (self.dataset, self.splits),
        )
        _require("coord" in self.feats, "scene.feats", "a list that holds 'coord'", self.feats)

    @property
    def in_channels(self) -> int:
        return sum(FEATURE_WIDTH[name] for name in self.feats)


@dataclass(frozen=True, kw_only=True, slots=True)
class ViewConfig:
    """Two augmented crops of a scene, and the mask that hides blocks from the student."""

    crop_scale: tuple[float, float] = (0.4, 1.0)  # share of the voxels in a crop (A7, S)
    num_local: int = 0  # local crops a scene, for the student alone (A7: none; S: 4)
    local_scale: tuple[float, float] = (0.1, 0.4)  # share of the voxels in a local crop (S)
    max_points: int = 65_536  # voxels of a crop at most (S)
    scale: tuple[float, float] = (0.9, 1.1)  # isotropic (S)
    rotate_z_p: float = 0.8  # probability of a turn by U(-pi, pi) about z (S)
    tilt_rad: float = 0.049  # U(-t, t) about x and about y, p 0.8 each; pi / 64 (S)
    flip_p: float = 0.5  # for x and for y (S)
    jitter: float = 0.005  # metres, sigma of the Gaussian jitter (S)
    jitter_clip: float = 0.02  # metres (S)
    elastic: tuple[tuple[float, float], ...] = ()  # spacing, magnitude in metres; off (A19)
    color_jitter: float = 0.4  # brightness and contrast; 0 = no photometric change (S)
    drop_color: float = 0.0  # probability that a view has no colour, as a scan without it (O)
    drop_normal: float = 0.0  # the same of normals (O)
    drop_intensity: float = 0.0  # the same of intensity (O)
    masking: Literal["removed", "token"] = "removed"  # hidden points leave, or get a token (A5)
    mask_size: tuple[float, float] = (0.1, 0.4)  # metres: edge of a hidden block, start to end (A6)
    mask_ratio: tuple[float, float] = (0.3, 0.7)  # share of blocks hidden, start to end (A6)
    mask_warmup: float = 0.05  # share of the steps over which both grow (A6)
    match_radius: float = 0.32  # metres, scene frame: 4 cells of the loss stage (A8)

    def __post_init__(self) -> None:
        lo, hi = self.crop_scale
        _require(0 < lo <= hi <= 1, "view.crop_scale", "0 < low <= high <= 1", self.crop_scale)
        _require(
            all(0 <= ratio < 1 for ratio in self.mask_ratio),
            "view.mask_ratio",
            "two shares in [0, 1)",
            self.mask_ratio,
        )
        _require(self.num_local >= 0, "view.num_local", ">= 0", self.num_local)
        low, high = self.local_scale
        _require(0 < low <= high <= 1, "view.local_scale", "0 < low <= high <= 1", (low, high))
        _require(
            all(spacing > 0 for spacing, _ in self.elastic),
            "view.elastic",
            "pairs of spacing > 0 and magnitude in metres",
            self.elastic,
        )
        _require(all(size > 0 for size in self.mask_size), "view.mask_size", "> 0", self.mask_size)
        for name in ("drop_color", "drop_normal", "drop_intensity"):
            value = getattr(self, name)
            _require(0 <= value <= 1, f"view.{name}", "a probability", value)


@dataclass(frozen=True, kw_only=True, slots=True)
class BackboneConfig:
    """Point Transformer V3 encoder without decoder (m2 variant, as in Sonata)."""

    depths: tuple[int, ...] = (2, 2, 2, 6, 2)  # blocks a stage (V, P App. A)
    channels: tuple[int, ...] = (32, 64, 128, 256, 512)  # width of a stage (V)
    heads: tuple[int, ...] = (2, 4, 8, 16, 32)  # 16 channels a head (V)
    patch_size: int = 1024  # points that attend to each other (V)
    drop_path: float = 0.3  # student only; rises linearly over the blocks, drawn per cloud (V)
    shuffle_orders: bool = True  # training only (V)
    mask_token: bool = True  # learnable stand-in for hidden points; used by view.masking token (A5)
    loss_stage: int = 2  # resolution of all losses: cells of grid_size * 2**loss_stage (A9)
    dtype: Literal["float32", "bfloat16"] = "float32"  # autocast of the networks (O)
    activation_checkpointing: bool = False  # recompute blocks backwards: less memory, more time (O)

    def __post_init__(self) -> None:
        _require(
            len(self.depths) == len(self.channels) == len(self.heads),
            "backbone",
            "one depth, channel count and head count a stage",
            (self.depths, self.channels, self.heads),
        )
        _require(
            all(c % h == 0 for c, h in zip(self.channels, self.heads, strict=True)),
            "backbone.heads",
            "divisors of backbone.channels",
            self.heads,
        )
        _require(
            0 <= self.loss_stage < len(self.depths),
            "backbone.loss_stage",
            f"in 0..{len(self.depths) - 1}",
            self.loss_stage,
        )
        _require(self.patch_size >= 2, "backbone.patch_size", ">= 2", self.patch_size)

    @property
    def out_channels(self) -> int:
        """Width of the concatenated features at the loss stage."""
        return sum(self.channels[self.loss_stage :])

    def num_parameters(self, in_channels: int) -> int:
        """Parameters of the encoder, counted from the sizes alone."""
        first = self.channels[0]
        stem = in_channels * first + 3 * first + self.mask_token * first
        blocks = sum(
            depth * (40 * width**2 + 17 * width)  # conv 27, linear 1, attention 4, MLP 8
            for depth, width in zip(self.depths, self.channels, strict=True)
        )
        pools = sum(
            coarse * (fine + 3)
            for fine, coarse in zip(self.channels, self.channels[1:], strict=False)
        )
        return stem + blocks + pools


@dataclass(frozen=True, kw_only=True, slots=True)
class SemanticConfig:
    """What the semantic branch distils from teacher to student.

    `softmaps`: for each prototype a distribution over points, with a Zipf prior on prototypes
    (DOS). `assignments`: for each point a distribution over prototypes (Sonata).
    """

    objective: Literal["softmaps", "assignments"] = "softmaps"  # what is distilled (D, A1)
    unmask_head: bool = False  # local views get a student head of their own (S)
    local_weight: float = 0.5  # share of the local views' term where there are any (S: 4/8)
    num_prototypes: int = 1024  # concepts that are told apart (D)
    hidden: int = 2048  # width of the hidden layer (O, A4)
    embed: int = 256  # width of the embedding (S)
    student_temp: float = 0.1  # divides the student's cosines (S)
    teacher_temp: tuple[float, float] = (0.04, 0.07)  # start to end (S)
    teacher_temp_warmup: float = 0.05  # share of the steps (S)
    sinkhorn_iterations: int = 3  # rounds of balancing (S)
    zipf_alpha: float = 1.3  # 0 = uniform prototypes (D, A3)
    softmap_scope: Literal["batch", "cloud"] = "batch"  # rows that one softmap runs over (S, A2)

    def __post_init__(self) -> None:
        _require(self.num_prototypes >= 2, "semantic.num_prototypes", ">= 2", self.num_prototypes)
        _require(self.student_temp > 0, "semantic.student_temp", "> 0", self.student_temp)
        _require(self.zipf_alpha >= 0, "semantic.zipf_alpha", ">= 0", self.zipf_alpha)
        _require(
            0 <= self.local_weight < 1, "semantic.local_weight", "in [0, 1)", self.local_weight
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class PriorConfig:
    """Distribution of offset lengths that ODR maps the teacher's offsets onto.

    `hdbscan` fits an empirical table on the training scenes before the first step, without labels
    and with planes left out (A14, A15). `file` takes what `pointins prior fit` measured. What a run
    found is in its `prior.json`.
    """

    kind: PriorKind = "gamma"  # family of the prior (P Tab. 9, A14)
    shape: float = 0.24  # gamma: a (P Tab. 9 indoor)
    # metres; gamma: theta, a scale; half_normal: sigma; exponential: mean (P Tab. 9, A14, A16)
    scale: float = 2.53
    mu: float = 0.0  # lognormal: mean of log metres (P Tab. 9 outdoor)
    sigma: float = 0.76  # lognormal: std of log metres (P Tab. 9 outdoor)
    quantiles: tuple[float, ...] = ()  # empirical: metres at evenly spaced levels 0..1 (O)
    path: str = ""  # file: prior file, run folder or name of a built-in prior (O)

    def __post_init__(self) -> None:
        for name in ("shape", "scale", "sigma"):
            _require(getattr(self, name) > 0, f"odr.prior.{name}", "> 0", getattr(self, name))
        if self.kind == "empirical":
            rising = all(a <= b for a, b in zip(self.quantiles, self.quantiles[1:], strict=False))
            _require(
                len(self.quantiles) >= 2 and rising and self.quantiles[0] >= 0,
                "odr.prior.quantiles",
                "at least two rising lengths >= 0",
                self.quantiles,
            )
        if (self.kind == "file") != bool(self.path):
            raise ConfigError(
                f"odr.prior.kind is {self.kind!r} and odr.prior.path is {self.path!r}: a path goes "
                "with the kind 'file', and with no other. Set both, or neither."
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class OdrConfig:
    """Offset distribution regularisation: acts on the teacher's offsets (P Sec. 3.2)."""

    enabled: bool = True  # off: targets from the offsets as they are (P Tab. 3)
    start: float = 0.0  # share of the steps before SCR sees regularised offsets (T)
    renormalize: bool = True  # directions back to unit length after the per-axis transform (A12)
    ties: Literal["random", "average"] = "random"  # order of equal values (O, A13)
    direction: Literal["signed", "positive"] = "signed"  # axes onto (-1, 1) or (0, 1) (A11)
    direction_prior: Literal["uniform", "empirical"] = "uniform"  # axes onto measured tables (O)
    scope: Literal["cloud", "batch"] = "cloud"  # ranks within a view or within the batch (A10)
    clip: bool = False  # lengths end at half the view's diagonal (O)
    # after_scr maps the targets (P Tab. 8)
    order: Literal["before_scr", "after_scr"] = "before_scr"
    side: Literal["teacher", "student"] = "teacher"  # student: a KL term instead (P Tab. 8)
    student_weight: float = 0.1  # of that KL term within the offset loss (O)
    points: Literal["all", "off_planes"] = "all"  # off_planes leaves plane cells as they are (A10)
    prior: PriorConfig = field(default_factory=PriorConfig)

    def __post_init__(self) -> None:
        _require(0 <= self.start <= 1, "odr.start", "in [0, 1]", self.start)
        if self.direction_prior == "empirical":
            why = "where odr.direction_prior is 'empirical'"
            _require(self.direction == "signed", "odr.direction", f"'signed' {why}", self.direction)
            _require(self.side == "teacher", "odr.side", f"'teacher' {why}", self.side)


@dataclass(frozen=True, kw_only=True, slots=True)
class ScrConfig:
    """Spatial clustering regularisation: pseudo-instances and their centroids (P Alg. 2)."""

    enabled: bool = True  # off: a target is the teacher's own offset (P Tab. 3)
    grouping: Literal["paper", "robust", "affinity"] = "paper"  # what may be linked (P, A20)
    num_segments: int = 20  # K of K-means (P)
    kmeans_iterations: int = 10  # Lloyd rounds (P)
    kmeans_normalize: bool = True  # features of unit length before K-means (A25)
    num_neighbours: int = 150  # k of the k-NN graph over votes (P indoor)
    link_radius: float = 1.2  # metres: tau_d (P indoor)
    min_size: int = 30  # cells: tau_min (P indoor)
    core_neighbours: int = 4  # robust and affinity: a core has this many links (T)
    attach_radius: float = 0.16  # metres, input space: a non-core joins its nearest core (T)
    min_cosine: float = 0.3  # affinity: an edge needs this cosine of centred teacher features (T)
    # plane cells: grouped, no target, target 0 (P)
    planes: Literal["keep", "drop", "zero"] = "keep"
    centroid: Literal["points", "votes"] = "points"  # what a centroid is the mean of (P Eq. 4, A17)

    def __post_init__(self) -> None:
        _require(2 <= self.num_segments <= 255, "scr.num_segments", "in 2..255", self.num_segments)
        _require(self.num_neighbours >= 1, "scr.num_neighbours", ">= 1", self.num_neighbours)
        _require(self.link_radius > 0, "scr.link_radius", "> 0 metres", self.link_radius)
        _require(self.min_size >= 1, "scr.min_size", ">= 1 cells", self.min_size)
        _require(-1 <= self.min_cosine <= 1, "scr.min_cosine", "in [-1, 1]", self.min_cosine)


@dataclass(frozen=True, kw_only=True, slots=True)
class OffsetConfig:
    """The offset head and its loss (P Eq. 6)."""

    enabled: bool = True  # without it only the semantic branch learns (P)
    hidden: int = 896  # width of the hidden layer (A26)
    weight: float = 0.25  # lambda_off (P Tab. 9)
    start: float = 0.1  # share of the steps before the loss joins (P Tab. 9, A24)
    ramp: float = 0.0  # share of the steps over which its weight then rises (O, A24)
    min_cosine_length: float = 0.01  # metres: shorter targets get no cosine term (O)
    length_scale: float = 1.0  # metres that count as one in the length term (A22)
    cross_weight: float = 0.5  # share of the cross-view term (A23)
    cross_target: Literal["centroid", "vector"] = "centroid"  # what crosses over to the match (A23)
    plane_weight: float = 1.0  # what a plane cell with target 0 counts against an object cell (T)

    def __post_init__(self) -> None:
        _require(self.weight >= 0, "offset.weight", ">= 0", self.weight)
        _require(self.plane_weight >= 0, "offset.plane_weight", ">= 0", self.plane_weight)
        _require(0 <= self.start <= 1, "offset.start", "in [0, 1]", self.start)
        _require(self.length_scale > 0, "offset.length_scale", "> 0 metres", self.length_scale)
        _require(0 <= self.cross_weight <= 1, "offset.cross_weight", "in [0, 1]", self.cross_weight)


@dataclass(frozen=True, kw_only=True, slots=True)
class OptimConfig:
    steps: int = 60_000  # optimiser steps (P: 800 epochs of 1,201 scenes)
    batch_scenes: int = 16  # scenes a step over all ranks; each gives two views (P)
    accumulate: int = 1  # parts a batch is cut into; losses stay those of the whole batch (O)
    lr: float = 4e-3  # learning rate of stem and heads (P Tab. 9 indoor)
    weight_decay: tuple[float, float] = (0.04, 0.04)  # start to end, cosine; constant in P (A35)
    warmup: float = 0.05  # share of the steps (P Tab. 9)
    layer_decay: float = 0.9  # learning rate of a block against the one above it (S, A36)
    clip_norm: float = 3.0  # largest norm of a gradient (S)
    ema_momentum: tuple[float, float] = (0.996, 1.0)  # start to end, cosine (A4)

    def __post_init__(self) -> None:
        _require(self.steps >= 1, "optim.steps", ">= 1", self.steps)
        _require(self.batch_scenes >= 1, "optim.batch_scenes", ">= 1", self.batch_scenes)
        _require(self.lr > 0, "optim.lr", "> 0", self.lr)
        _require(
            self.accumulate >= 1 and self.batch_scenes % self.accumulate == 0,
            "optim.accumulate",
            f"a divisor of optim.batch_scenes ({self.batch_scenes})",
            self.accumulate,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class LogConfig:
    """What the run folder keeps, and what watching may cost."""

    num_inspected: int = 2  # scenes whose teacher centroids are recorded (O)
    max_inspected_points: int = 200_000  # points of an inspected scene that the browser draws (O)
    max_inspected_voxels: int = 30_000  # voxels of an inspected scene that the teacher sees (O)
    inspect_student: bool = True  # frames tell the student's offset lengths too (O)
    scalars_every: int = 10  # steps between scalars and health checks (O)
    probe_every: int = 1000  # steps between online probes; 0 = none (O)
    num_probed: int = 4  # labelled scenes of the online probe (O)
    frame_every: int = 10  # steps between frames at least (O)
    watch_budget: float = 0.02  # share of the training time that frames may take (O)
    checkpoint_every: int = 1000  # steps between checkpoints (O)
    keep_checkpoints: int = 2  # newest checkpoints kept (O)
    keep_frames: int = 200  # newest frames kept; of the older ones every 2**k-th stays (O)
    tensorboard: bool = False  # mirror scalars, edits and alarms for TensorBoard (O)

    def __post_init__(self) -> None:
        for name in ("scalars_every", "frame_every"):
            _require(getattr(self, name) >= 1, f"log.{name}", ">= 1", getattr(self, name))
        _require(0 < self.watch_budget <= 1, "log.watch_budget", "in (0, 1]", self.watch_budget)
        _require(self.checkpoint_every >= 1, "log.checkpoint_every", ">= 1", self.checkpoint_every)
        _require(self.probe_every >= 0, "log.probe_every", ">= 0", self.probe_every)
        _require(self.num_probed >= 2, "log.num_probed", ">= 2", self.num_probed)
        _require(self.num_inspected >= 1, "log.num_inspected", ">= 1", self.num_inspected)


@dataclass(frozen=True, kw_only=True, slots=True)
class RunConfig:
    """Everything that decides the result of a run; stored whole in `run.json`."""

    scene: SceneConfig = field(default_factory=SceneConfig)
    view: ViewConfig = field(default_factory=ViewConfig)
    backbone: BackboneConfig = field(default_factory=BackboneConfig)
    semantic: SemanticConfig = field(default_factory=SemanticConfig)
    offset: OffsetConfig = field(default_factory=OffsetConfig)
    odr: OdrConfig = field(default_factory=OdrConfig)
    scr: ScrConfig = field(default_factory=ScrConfig)
    optim: OptimConfig = field(default_factory=OptimConfig)
    log: LogConfig = field(default_factory=LogConfig)
    seed: int = 0  # decides every random draw (O)

    def __post_init__(self) -> None:
        if self.view.masking == "token" and not self.backbone.mask_token:
            raise ConfigError(
                "view.masking is 'token' and backbone.mask_token is False: hidden points need the "
                "token. Set backbone.mask_token to True, or view.masking to 'removed'."
            )
        if self.semantic.unmask_head and self.view.num_local == 0:
            raise ConfigError(
                "semantic.unmask_head is for local views, and view.num_local is 0. Set "
                "view.num_local to 4, as Sonata does, or semantic.unmask_head to False."
            )

    @property
    def cell_size(self) -> float:
        """Edge of a cell of the loss stage in metres."""
        return self.scene.grid_size * 2**self.backbone.loss_stage


def to_dict(config: Any) -> dict[str, Any]:
    """Plain dictionaries and lists, ready for JSON."""
    return dataclasses.asdict(config)


def from_dict(data: dict[str, Any], cls: type = RunConfig, path: str = "") -> Any:
    """A config record back from `to_dict`'s output, checked field by field.

    Raises:
        ConfigError: If a field is unknown, of another type, or out of bounds; names it.
    """
    hints = get_type_hints(cls)
    unknown = sorted(set(data) - set(hints))
    if unknown:
        known = ", ".join(sorted(hints))
        raise ConfigError(f"unknown field {path}{unknown[0]}; known here: {known}.")
    values = {}
    for name, value in data.items():
        hint = hints[name]
        if dataclasses.is_dataclass(hint):
            if not isinstance(value, dict):
                raise ConfigError(f"{path}{name} is {value!r}, expected a group of fields.")
            values[name] = from_dict(value, hint, f"{path}{name}.")  # type: ignore[arg-type]
        else:
            values[name] = _checked(value, hint, path + name)
    return cls(**values)


LARGEST = 2**63
_NAMED = {float: "a number", int: "a whole number", bool: "true or false", str: "text"}


def _checked(value: Any, hint: Any, name: str) -> Any:
    """A value of a field as its type, lists as tuples.

    Raises:
        ConfigError: If it is of another type; nothing is guessed.
    """
    if get_origin(hint) is Literal:
        if value not in get_args(hint):
            raise ConfigError(f"{name} is {value!r}, expected one of {get_args(hint)}.")
        return value
    if get_origin(hint) is tuple:
        return _checked_tuple(value, get_args(hint), name)
    if type(value) is int and abs(value) >= LARGEST:
        raise ConfigError(f"{name} is {value!r}, expected a number below 2**63.")
    if hint is float and isinstance(value, int | float) and not isinstance(value, bool):
        if math.isfinite(value):
            return float(value)
        raise ConfigError(f"{name} is {value!r}, expected a finite number.")
    if hint is not float and type(value) is hint:
        return value
    raise ConfigError(f"{name} is {value!r}, expected {_NAMED[hint]}.")


def _checked_tuple(value: Any, hints: tuple[Any, ...], name: str) -> tuple[Any, ...]:
    is_open = len(hints) == 2 and hints[1] is Ellipsis
    if not isinstance(value, list | tuple) or not (is_open or len(value) == len(hints)):
        count = "of values" if is_open else f"of {len(hints)} values"
        raise ConfigError(f"{name} is {value!r}, expected a list {count}.")
    hints = hints[:1] * len(value) if is_open else hints
    pairs = zip(value, hints, strict=True)
    return tuple(_checked(v, hint, f"{name}[{n}]") for n, (v, hint) in enumerate(pairs))


def with_values(config: RunConfig, values: Mapping[str, Any]) -> RunConfig:
    """A configuration with some fields changed, named by dots: `{"scr.link_radius": 0.3}`.

    Raises:
        ConfigError: If a field is unknown or a value is out of bounds; names it.
    """
    data = to_dict(config)
    for name, value in values.items():
        *groups, last = name.split(".")
        group = data
        for part in groups:
            group = group.get(part)
            if not isinstance(group, dict):
                raise ConfigError(f"unknown field {name}: there is no group {part!r}.")
        if last not in group:
            raise ConfigError(f"unknown field {name}; known here: {', '.join(sorted(group))}.")
        group[last] = value
    return from_dict(data)


def flat(config: RunConfig) -> dict[str, Any]:
    """Every value by its dotted name, in the order of the configuration."""
    return _flat(to_dict(config), "")


def _flat(data: dict[str, Any], path: str) -> dict[str, Any]:
    rows: dict[str, Any] = {}
    for name, value in data.items():
        rows |= _flat(value, f"{path}{name}.") if isinstance(value, dict) else {path + name: value}
    return rows


def differences(a: RunConfig, b: RunConfig) -> dict[str, tuple[Any, Any]]:
    """Fields (dotted) in which two configurations differ, with both values."""
    left, right = flat(a), flat(b)
    return {name: (left[name], right[name]) for name in left if left[name] != right[name]}
