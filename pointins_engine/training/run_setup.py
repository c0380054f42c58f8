"""How a run begins: anew, from a checkpoint, or as a fork; and with which prior and edits."""

import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pointins_engine.checkpoint import copy_checkpoint, latest_checkpoint
from pointins_engine.config import RunConfig, differences, from_dict
from pointins_engine.errors import ConfigError, RunError
from pointins_engine.fork import Parent
from pointins_engine.live_edits import prior_of_edits, with_edits
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
from pointins_engine.run_log.store import Run
from pointins_engine.run_log.tensorboard_mirror import require_tensorboard
from pointins_engine.run_log.writer import RunWriter, refuse_if_taken, refuse_if_written
from pointins_engine.scenes import SceneSet
from pointins_engine.world import World

PRIOR_SCENES = 4  # scenes that a label-free prior is fitted on
# They change how a batch is computed or who else is told, not what comes out.
FREE_TO_CHANGE = frozenset(
    {"optim.accumulate", "backbone.activation_checkpointing", "log.tensorboard"}
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Beginning:
    """From where a run starts or goes on; the same on all ranks."""

    is_resuming: bool
    checkpoint: Path | None
    step: int  # steps that are done
    first: RunConfig  # what the run is started with
    record: PriorRecord  # the prior of that: what the run folder keeps
    config: RunConfig  # with the edits that are in force
    prior: MagnitudePrior  # of that
    lost_edits: tuple[str, ...] = ()  # edits after the checkpoint, in words
    parent: Parent | None = None  # of a fork that begins

    def sentence(self, run: Path) -> str:
        """For a person."""
        if self.parent is not None:
            return f"Writing {run}, a fork of {self.parent.run} at step {self.step}."
        if not self.is_resuming:
            return f"Writing {run}."
        if self.checkpoint is None:
            return f"Starting {run} again."
        return f"Going on with {run} from step {self.step}."


def beginning(
    config: RunConfig,
    run: Path,
    scenes: SceneSet,
    world: World,
    *,
    resume: bool,
    parent: Parent | None = None,
) -> Beginning:
    """Decide on one rank how the run begins; all ranks are told.

    Args:
        config: Run configuration.
        run: Run folder, the same on all ranks.
        scenes: Training scenes; a label-free prior is fitted on some of them, on one rank.
        world: The ranks.
        resume: Go on with the run in that folder, if there is one.
        parent: Where a fork begins; a fork that is resumed has its own checkpoints.

    Raises:
        ConfigError: If the configuration cannot begin there.
        RunError: If the folder is taken, being written, or its run has another configuration.
    """
    told = world.share(_decide(config, run, scenes, resume, parent) if world.is_main else None)
    if told["is_resuming"]:
        parent = None
    checkpoint, edits = told["checkpoint"], told["edits"]
    record = from_json(told["prior"])
    now = with_edits(config, edits)
    return Beginning(
        is_resuming=told["is_resuming"],
        checkpoint=None if checkpoint is None else Path(checkpoint),
        step=told["step"],
        first=config,
        record=record,
        config=now,
        prior=prior_of(
            prior_of_edits(edits) or record,
            with_directions=now.odr.direction_prior == "empirical",
        ),
        lost_edits=tuple(told["lost_edits"]),
        parent=parent,
    )


def _decide(
    config: RunConfig, run: Path, scenes: SceneSet, resume: bool, parent: Parent | None
) -> dict[str, Any]:
    paths = RunPaths(run)
    if config.log.tensorboard:
        require_tensorboard()
    if resume and paths.run.exists():
        return _decide_resumed(config, paths, scenes)
    refuse_if_taken(run)
    if parent is not None and config.optim.steps <= parent.step:
        raise ConfigError(
            f"optim.steps is {config.optim.steps}, and {parent.run} has {parent.step} steps done "
            "at that checkpoint. Set optim.steps higher, or fork from an earlier checkpoint."
        )
    is_same_prior = parent is not None and config.odr.prior == parent.config.odr.prior
    return {
        "is_resuming": False,
        "checkpoint": None if parent is None else str(parent.checkpoint),
        "step": 0 if parent is None else parent.step,
        "prior": to_json(
            parent.prior if parent is not None and is_same_prior else _find_prior(config, scenes)
        ),
        "edits": [],
        "lost_edits": [],
    }


def _decide_resumed(config: RunConfig, paths: RunPaths, scenes: SceneSet) -> dict[str, Any]:
    refuse_if_written(paths.root)
    _refuse_changes(paths, config)
    found = latest_checkpoint(paths)
    run = Run(paths.root.resolve())
    if found is None and (parent := run.record.get("parent")) is not None:
        raise RunError(
            f"{paths.root} is a fork and holds no checkpoint to go on from. Remove the folder, and "
            f"fork again with --fork {parent['run']}@{parent['step']}."
        )
    step = 0 if found is None else found.step
    is_kept = paths.prior.exists() or found is not None
    edits = run.edits()
    return {
        "is_resuming": True,
        "checkpoint": None if found is None else str(found.path),
        "step": step,
        "prior": to_json(prior_of_run(paths.root) if is_kept else _find_prior(config, scenes)),
        "edits": [edit for edit in edits if edit["step"] <= step],
        "lost_edits": [str(edit.get("text", "")) for edit in edits if edit["step"] > step],
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
        writer = RunWriter.reopen(run, step=begin.step, config=begin.config)
        for text in begin.lost_edits:
            lost = f"An edit came after the checkpoint and is gone; ask for it again: {text}."
            writer.event("warning", begin.step, text=lost)
    else:
        writer = RunWriter.create(
            run,
            recipe=recipe,
            config=begin.first,
            device=device_names(device, world),
            libraries={"torch": torch.__version__, "numpy": np.__version__},
            command=command,
            step=begin.step,
            parent=None if begin.parent is None else begin.parent.to_json(),
        )
        if begin.parent is not None:
            _take_checkpoint(writer, begin.parent)
    if not writer.paths.prior.exists():
        write_prior(writer.paths.prior, begin.record)
    return writer


def _take_checkpoint(writer: RunWriter, parent: Parent) -> None:
    """Copy where a fork begins into its folder, so that it can be resumed without its parent."""
    try:
        copy_checkpoint(parent.checkpoint, writer.paths, parent.step)
    except RunError as error:
        writer.close("failed", str(error))
        raise


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
