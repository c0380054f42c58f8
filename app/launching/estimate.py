"""What a run will take, before it is started: parameters, memory, time.

Parameters are counted from the sizes. Memory is weights and what training keeps beside them, plus
the activations of a part of the batch by a formula whose three constants were fitted to the peak
memory of seven runs of the demonstration's recipe on a CPU (4,000 to 16,000 voxels a view, 2 or 4
scenes, twice its width, twice its depth, eight times its prototypes; off by 12 % at most). On a GPU
it is an extrapolation. Time is that of runs of the same shape on the same device.
"""

from dataclasses import dataclass
from statistics import median

from app.launching.machine import resolved_device
from app.runs import Runs
from pointins_engine.config import RunConfig, flat
from pointins_engine.errors import RunError

GIB = 1024**3
BYTES_A_PARAMETER = 4 * 5  # student, teacher, gradient, two moments of AdamW; float32
KEPT_A_BLOCK = 27.0  # numbers a block keeps for its gradient, per voxel and channel
KEPT_A_PROTOTYPE = 6.4  # numbers a cell keeps per prototype: similarities, softmaps, gradients
COARSER = 0.3  # cells of a stage for each cell of the stage before: scans are surfaces
PROGRAM_GIB = 0.5  # the libraries alone
STEPS_LOOKED_AT = 50  # newest logged steps of a run whose time counts
SHAPE = (  # fields, and groups of them, that decide how long a step takes
    *("backbone.", "optim.batch_scenes", "optim.accumulate", "scene.source", "scene.grid_size"),
    *("view.crop_scale", "view.max_points", "view.num_local", "view.local_scale", "view.masking"),
    *("semantic.objective", "semantic.num_prototypes", "semantic.hidden", "semantic.embed"),
    *("offset.enabled", "offset.hidden", "odr.enabled", "odr.side", "scr.enabled", "scr.grouping"),
    *("scr.num_segments", "scr.kmeans_iterations", "scr.num_neighbours", "scr.core_neighbours"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Estimate:
    """What a run will take.

    Attributes:
        parameters: Of the encoder.
        parameters_all: Of encoder and heads.
        memory_gib: At the most, on the device.
        step_s: One optimiser step; None if no run of this shape was seen.
        like: The run that the time is from; "" without one.
    """

    parameters: int
    parameters_all: int
    memory_gib: float
    step_s: float | None
    like: str


def estimate(config: RunConfig, device: str, runs: Runs) -> Estimate:
    """What a run with that configuration will take on a device (auto, cpu, cuda, cuda:1)."""
    step_s, like = known_step_s(config, resolved_device(device), runs)
    return Estimate(
        parameters=config.backbone.num_parameters(config.scene.in_channels),
        parameters_all=num_parameters(config),
        memory_gib=memory_gib(config),
        step_s=step_s,
        like=like,
    )


def num_parameters(config: RunConfig) -> int:
    """Parameters of the student: encoder, semantic heads and offset head."""
    width, semantic, offset = config.backbone.out_channels, config.semantic, config.offset
    head = (
        width * semantic.hidden
        + semantic.hidden
        + semantic.hidden * semantic.embed
        + semantic.embed
        + semantic.num_prototypes * semantic.embed
    )
    num_heads = 2 if semantic.unmask_head and config.view.num_local > 0 else 1
    votes = width * offset.hidden + 6 * offset.hidden + 3  # two layers, and a norm between them
    encoder = config.backbone.num_parameters(config.scene.in_channels)
    return encoder + num_heads * head + offset.enabled * votes


def memory_gib(config: RunConfig) -> float:
    """Most memory of a training step in GiB."""
    scenes = config.optim.batch_scenes / config.optim.accumulate
    voxels = 2 * scenes * config.view.max_points  # at most: a small scan has fewer
    width = 2 if config.backbone.dtype == "bfloat16" else 4
    blocks = zip(config.backbone.depths, config.backbone.channels, strict=True)
    per_voxel = sum(
        (1 if config.backbone.activation_checkpointing else depth * KEPT_A_BLOCK)
        * channels
        * COARSER**stage
        for stage, (depth, channels) in enumerate(blocks)
    )
    cells = voxels * COARSER**config.backbone.loss_stage
    maps = cells * config.semantic.num_prototypes * KEPT_A_PROTOTYPE * 4
    kept = BYTES_A_PARAMETER * num_parameters(config)
    return PROGRAM_GIB + (kept + voxels * per_voxel * width + maps) / GIB


def known_step_s(config: RunConfig, device: str, runs: Runs) -> tuple[float | None, str]:
    """Seconds of a step in the newest run of the same shape and device, and that run."""
    wanted = _shape(config)
    for run in runs.ids():
        try:
            record = runs.record(run)
            on = str(record.get("device", "")).partition(" ")[0].partition(":")[0]
            if on != device.partition(":")[0] or _shape(runs.config(run)) != wanted:
                continue
            values = runs.scalars(run, ["time/step_s"]).get("time/step_s", ([], []))[1]
        except RunError:
            continue
        seen = [value for value in values[-STEPS_LOOKED_AT:] if value is not None]
        if seen:
            return median(seen), run
    return None, ""


def _shape(config: RunConfig) -> dict[str, object]:
    return {name: value for name, value in flat(config).items() if name.startswith(SHAPE)}
