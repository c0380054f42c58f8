"""How a run begins: anew, or from a checkpoint; and the prior that its offsets are mapped onto."""

import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pointins_engine.checkpoint import latest_checkpoint
from pointins_engine.config import RunConfig, differences, from_dict
from pointins_engine.errors import RunError
from pointins_engine.objectives.priors import MagnitudePrior, prior_of
from pointins_engine.offset_prior.files import (
    find_prior,
    from_json,
    prior_of_run,
    to_json,
    write_prior,
)
from pointins_engine.offset_prior.measure import label_free_prior
from pointins_engine.offset_prior.record import PriorRecord, record_of
from pointins_engine.run_log.files import read_json
from pointins_engine.run_log.paths import RunPaths
from pointins_engine.run_log.writer import RunWriter, refuse_if_taken, refuse_if_written
from pointins_engine.scenes import SceneSet
from pointins_engine.world import World

PRIOR_SCENES = 4  # scenes that a label-free prior is fitted on
# They change how a batch is computed, not what comes out.
FREE_TO_CHANGE = frozenset({"optim.accumulate", "backbone.activation_checkpointing"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Beginning:
    """From where a run starts or goes on; the same on all ranks."""

    is_resuming: bool
    checkpoint: Path | None
    step: int  # steps that are done
    prior: MagnitudePrior
    record: PriorRecord  # of the prior: what the run folder keeps

    def sentence(self, run: Path) -> str:
        """For a person."""
        if not self.is_resuming:
            return f"Writing {run}."
        if self.checkpoint is None:
            return f"Starting {run} again."
        return f"Going on with {run} from step {self.step}."


def beginning(
    config: RunConfig, run: Path, scenes: SceneSet, world: World, *, resume: bool
) -> Beginning:
    """Decide on one rank how the run begins; all ranks are told.

    Args:
        config: Run configuration.
        run: Run folder, the same on all ranks.
        scenes: Training scenes; a label-free prior is fitted on some of them, on one rank.
        world: The ranks.
        resume: Go on with the run in that folder, if there is one.

    Raises:
        RunError: If the folder is taken, being written, or its run has another configuration.
    """
    told = world.share(_decide(config, run, scenes, resume) if world.is_main else None)
    step: int | None = told["step"]
    record = from_json(told["prior"])
    return Beginning(
        is_resuming=told["is_resuming"],
        checkpoint=None if step is None else RunPaths(run).checkpoint(step),
        step=step or 0,
        prior=prior_of(record, with_directions=config.odr.direction_prior == "empirical"),
        record=record,
    )


def _decide(config: RunConfig, run: Path, scenes: SceneSet, resume: bool) -> dict[str, Any]:
    paths = RunPaths(run)
    is_resuming = resume and paths.run.exists()
    if is_resuming:
        refuse_if_written(run)
        _refuse_changes(paths, config)
    else:
        refuse_if_taken(run)
    found = latest_checkpoint(paths) if is_resuming else None
    is_kept = paths.prior.exists() if is_resuming else False
    record = prior_of_run(run) if is_kept or found is not None else _find_prior(config, scenes)
    return {
        "is_resuming": is_resuming,
        "step": None if found is None else found.step,
        "prior": to_json(record),
    }


def _find_prior(config: RunConfig, scenes: SceneSet) -> PriorRecord:
    """The prior of a new run: as configured, from a file, or measured on some of its scenes."""
    if config.odr.prior.kind == "file":
        return find_prior(config.odr.prior.path)
    if config.odr.prior.kind != "hdbscan":
        return record_of(config.odr.prior)
    return label_free_prior(
        (scenes[number] for number in evenly_spread(len(scenes), PRIOR_SCENES)),
        cell_size=config.cell_size,
        domain=config.scene.domain,
        seed=config.seed,
        source=config.scene.source,
    )


def _refuse_changes(paths: RunPaths, config: RunConfig) -> None:
    stored = from_dict(read_json(paths.run)["config"])
    for name, (was, now) in differences(stored, config).items():
        if name not in FREE_TO_CHANGE:
            raise RunError(
                f"{paths.root} was started with {name} = {was!r}, and {now!r} was asked for now. "
                "Resume with the same values, or start a new run in another folder."
            )


def open_writer(
    config: RunConfig,
    run: Path,
    begin: Beginning,
    recipe: str,
    device: torch.device,
    world: World,
    command: str,
) -> RunWriter:
    """The run folder, made or opened again; on the rank that writes.

    Raises:
        RunError: If it cannot be written.
    """
    if begin.is_resuming:
        writer = RunWriter.reopen(run, step=begin.step, config=config)
    else:
        writer = RunWriter.create(
            run,
            recipe=recipe,
            config=config,
            device=device_names(device, world),
            libraries={"torch": torch.__version__, "numpy": np.__version__},
            command=command,
        )
    if not writer.paths.prior.exists():
        write_prior(writer.paths.prior, begin.record)
    return writer


def device_names(device: torch.device, world: World) -> str:
    """The device of this rank, and how many others there are."""
    name = device_name(device)
    return name if world.size == 1 else f"{name} and {world.size - 1} more ranks"


def device_name(device: torch.device) -> str:
    """`cpu` or `cuda` with the machine's own name for it."""
    if device.type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)})"
    return f"{device.type} ({platform.machine()}, {torch.get_num_threads()} threads)"


def evenly_spread(count: int, wanted: int) -> list[int]:
    """At most `wanted` scene numbers, evenly spread, the first among them."""
    return sorted({number * count // min(wanted, count) for number in range(min(wanted, count))})
