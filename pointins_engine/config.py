"""The typed configuration of a run. No torch here: the studio reads it too.

A recipe (`recipes.py`) is a function that returns a `RunConfig`; the command line overrides any
field of it (`--scr.link-radius 0.3`). Lengths are metres unless a name says otherwise. Sources:
P = PointINS paper, S = Sonata, D = DOS, T = our own trial on two cores (docs/LOG.md).
"""

import dataclasses
from dataclasses import dataclass, field
from typing import Any, Literal, get_args, get_origin, get_type_hints

from pointins_engine.errors import ConfigError

Feature = Literal["coord", "color", "normal", "intensity"]
FEATURE_WIDTH: dict[str, int] = {"coord": 3, "color": 3, "normal": 3, "intensity": 1}


def _require(ok: bool, name: str, rule: str, value: object) -> None:
    if not ok:
        raise ConfigError(f"{name} must be {rule}, got {value!r}.")


@dataclass(frozen=True, kw_only=True, slots=True)
class SceneConfig:
    """Which scenes, and how they become voxels."""

    source: str = "sim:rooms"  # folder, file, sim:rooms or sim:streets
    num_simulated: int = 64  # rooms or streets made when the source is simulated
    domain: Literal["indoor", "outdoor"] = "indoor"  # decides how planes and ground are found
    grid_size: float = 0.02  # metres: voxel edge of the encoder's input (P App. A, S)
    feats: tuple[Feature, ...] = ("coord", "color", "normal")  # A34; what a scan lacks is zero
    units: Literal["m", "cm", "mm"] = "m"  # unit of the coordinates in the files

    def __post_init__(self) -> None:
        _require(self.grid_size > 0, "scene.grid_size", "> 0", self.grid_size)
        _require(self.num_simulated >= 1, "scene.num_simulated", ">= 1", self.num_simulated)
        _require("coord" in self.feats, "scene.feats", "a list that holds 'coord'", self.feats)

    @property
    def in_channels(self) -> int:
        return sum(FEATURE_WIDTH[name] for name in self.feats)


@dataclass(frozen=True, kw_only=True, slots=True)
class ViewConfig:
    """Two augmented crops of a scene, and the mask that hides blocks from the student."""

    crop_scale: tuple[float, float] = (0.4, 1.0)  # share of the voxels in a crop (A7, S)
    max_points: int = 65_536  # voxels of a crop at most (S)
    scale: tuple[float, float] = (0.9, 1.1)  # isotropic (S)
    rotate_z_p: float = 0.8  # probability of a turn by U(-pi, pi) about z (S)
    tilt_rad: float = 0.049  # U(-t, t) about x and about y, p 0.8 each; pi / 64 (S)
    flip_p: float = 0.5  # for x and for y (S)
    jitter: float = 0.005  # metres, sigma of the Gaussian jitter (S)
    jitter_clip: float = 0.02  # metres (S)
    color_jitter: float = 0.4  # brightness and contrast; 0 = no photometric change (S)
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
        _require(all(size > 0 for size in self.mask_size), "view.mask_size", "> 0", self.mask_size)


@dataclass(frozen=True, kw_only=True, slots=True)
class BackboneConfig:
    """Point Transformer V3 encoder without decoder (m2 variant, as in Sonata)."""

    depths: tuple[int, ...] = (2, 2, 2, 6, 2)  # blocks a stage
    channels: tuple[int, ...] = (32, 64, 128, 256, 512)
    heads: tuple[int, ...] = (2, 4, 8, 16, 32)
    patch_size: int = 1024  # points that attend to each other
    drop_path: float = 0.3  # student only; rises linearly over the blocks, drawn per cloud
    shuffle_orders: bool = True  # training only
    mask_token: bool = True  # kept for public checkpoints; masked points are removed (A5)
    loss_stage: int = 2  # resolution of all losses: cells of grid_size * 2**loss_stage (A9)
    dtype: Literal["float32", "bfloat16"] = "float32"  # autocast of the networks

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


@dataclass(frozen=True, kw_only=True, slots=True)
class SemanticConfig:
    """DOS: distil observable softmaps over points, with a Zipf prior on prototypes."""

    num_prototypes: int = 1024  # D
    hidden: int = 2048
    embed: int = 256  # S
    student_temp: float = 0.1  # S
    teacher_temp: tuple[float, float] = (0.04, 0.07)  # start to end (S)
    teacher_temp_warmup: float = 0.05  # share of the steps (S)
    sinkhorn_iterations: int = 3  # S
    zipf_alpha: float = 1.3  # 0 = uniform prototypes (D, A3)
    softmap_scope: Literal["batch", "cloud"] = "batch"  # A2

    def __post_init__(self) -> None:
        _require(self.num_prototypes >= 2, "semantic.num_prototypes", ">= 2", self.num_prototypes)
        _require(self.student_temp > 0, "semantic.student_temp", "> 0", self.student_temp)
        _require(self.zipf_alpha >= 0, "semantic.zipf_alpha", ">= 0", self.zipf_alpha)


@dataclass(frozen=True, kw_only=True, slots=True)
class PriorConfig:
    """Distribution of offset lengths that ODR maps the teacher's offsets onto.

    `hdbscan` fits an empirical table on the training scenes before the first step, without labels
    and with planes left out (A14, A15).
    """

    kind: Literal["gamma", "lognormal", "empirical", "hdbscan"] = "gamma"
    shape: float = 0.24  # gamma: a; P Tab. 9 indoor
    scale: float = 2.53  # metres; gamma: theta, a scale (A14); P Tab. 9 indoor
    mu: float = 0.0  # lognormal: mean of log metres; P Tab. 9 outdoor
    sigma: float = 0.76  # lognormal: std of log metres; P Tab. 9 outdoor
    quantiles: tuple[float, ...] = ()  # empirical: metres at evenly spaced levels 0..1

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


@dataclass(frozen=True, kw_only=True, slots=True)
class OdrConfig:
    """Offset distribution regularisation: acts on the teacher's offsets (P Sec. 3.2)."""

    enabled: bool = True
    start: float = 0.0  # share of the steps before SCR sees regularised offsets (T)
    renormalize: bool = True  # directions back to unit length after the per-axis transform (A12)
    ties: Literal["random", "average"] = "random"  # A13
    points: Literal["all", "off_planes"] = "all"  # A10; off_planes leaves plane cells as they are
    prior: PriorConfig = field(default_factory=PriorConfig)

    def __post_init__(self) -> None:
        _require(0 <= self.start <= 1, "odr.start", "in [0, 1]", self.start)


@dataclass(frozen=True, kw_only=True, slots=True)
class ScrConfig:
    """Spatial clustering regularisation: pseudo-instances and their centroids (P Alg. 2)."""

    enabled: bool = True
    grouping: Literal["paper", "robust", "affinity"] = "paper"
    num_segments: int = 20  # K of K-means (P)
    kmeans_iterations: int = 10  # P
    num_neighbours: int = 150  # k of the k-NN graph over votes (P indoor)
    link_radius: float = 1.2  # metres: tau_d (P indoor)
    min_size: int = 30  # cells: tau_min (P indoor)
    core_neighbours: int = 4  # robust and affinity: a core has this many links
    attach_radius: float = 0.16  # metres, input space: a non-core joins its nearest core
    min_cosine: float = 0.3  # affinity: an edge needs this cosine of centred teacher features (T)
    planes: Literal["keep", "drop", "zero"] = "keep"  # plane cells: grouped, no target, target 0
    centroid: Literal["points", "votes"] = "points"  # A17

    def __post_init__(self) -> None:
        _require(2 <= self.num_segments <= 255, "scr.num_segments", "in 2..255", self.num_segments)
        _require(self.num_neighbours >= 1, "scr.num_neighbours", ">= 1", self.num_neighbours)
        _require(self.link_radius > 0, "scr.link_radius", "> 0 metres", self.link_radius)
        _require(self.min_size >= 1, "scr.min_size", ">= 1 cells", self.min_size)
        _require(-1 <= self.min_cosine <= 1, "scr.min_cosine", "in [-1, 1]", self.min_cosine)


@dataclass(frozen=True, kw_only=True, slots=True)
class OffsetConfig:
    """The offset head and its loss (P Eq. 6)."""

    enabled: bool = True
    hidden: int = 256  # A26
    weight: float = 0.25  # lambda_off (P Tab. 9)
    start: float = 0.1  # share of the steps before the loss joins (P Tab. 9, A24)
    ramp: float = 0.0  # share of the steps over which its weight then rises
    min_cosine_length: float = 0.01  # metres: shorter targets get no cosine term
    plane_weight: float = 1.0  # what a plane cell with target 0 counts against an object cell (T)

    def __post_init__(self) -> None:
        _require(self.weight >= 0, "offset.weight", ">= 0", self.weight)
        _require(self.plane_weight >= 0, "offset.plane_weight", ">= 0", self.plane_weight)
        _require(0 <= self.start <= 1, "offset.start", "in [0, 1]", self.start)


@dataclass(frozen=True, kw_only=True, slots=True)
class OptimConfig:
    steps: int = 60_000
    batch_scenes: int = 16  # scenes a step; each gives two views (P)
    lr: float = 4e-3  # P Tab. 9 indoor
    weight_decay: float = 0.04  # P Tab. 9 (A35)
    warmup: float = 0.05  # share of the steps (P Tab. 9)
    layer_decay: float = 0.9  # learning rate of a block against the one above it (S, A36)
    clip_norm: float = 3.0  # S
    ema_momentum: tuple[float, float] = (0.996, 1.0)  # start to end, cosine (A4)

    def __post_init__(self) -> None:
        _require(self.steps >= 1, "optim.steps", ">= 1", self.steps)
        _require(self.batch_scenes >= 1, "optim.batch_scenes", ">= 1", self.batch_scenes)
        _require(self.lr > 0, "optim.lr", "> 0", self.lr)


@dataclass(frozen=True, kw_only=True, slots=True)
class LogConfig:
    """What the run folder keeps, and what watching may cost."""

    num_inspected: int = 2  # scenes whose teacher centroids are recorded
    max_inspected_points: int = 200_000  # points of an inspected scene that the browser draws
    max_inspected_voxels: int = 30_000  # voxels of an inspected scene that the teacher sees
    scalars_every: int = 10  # steps
    frame_every: int = 10  # steps between frames at least
    watch_budget: float = 0.02  # share of the training time that frames may take
    checkpoint_every: int = 1000  # steps
    keep_checkpoints: int = 2
    keep_frames: int = 200  # newest frames kept; of the older ones every 2**k-th stays

    def __post_init__(self) -> None:
        for name in ("scalars_every", "frame_every"):
            _require(getattr(self, name) >= 1, f"log.{name}", ">= 1", getattr(self, name))
        _require(0 < self.watch_budget <= 1, "log.watch_budget", "in (0, 1]", self.watch_budget)
        _require(self.checkpoint_every >= 1, "log.checkpoint_every", ">= 1", self.checkpoint_every)
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
    seed: int = 0

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
        ConfigError: If a field is unknown; names it and the known ones.
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
            values[name] = from_dict(value, hint, f"{path}{name}.")  # type: ignore[arg-type]
        elif get_origin(hint) is tuple and isinstance(value, list):
            values[name] = tuple(value)
        elif get_origin(hint) is Literal and value not in get_args(hint):
            raise ConfigError(f"{path}{name} is {value!r}, expected one of {get_args(hint)}.")
        else:
            values[name] = value
    return cls(**values)


def differences(a: RunConfig, b: RunConfig) -> dict[str, tuple[Any, Any]]:
    """Fields (dotted) in which two configurations differ, with both values."""

    def flat(data: dict[str, Any], path: str = "") -> dict[str, Any]:
        rows: dict[str, Any] = {}
        for name, value in data.items():
            rows |= (
                flat(value, f"{path}{name}.") if isinstance(value, dict) else {path + name: value}
            )
        return rows

    left, right = flat(to_dict(a)), flat(to_dict(b))
    return {name: (left[name], right[name]) for name in left if left[name] != right[name]}
