"""Checkpoints: safetensors and JSON in one folder a step, whole or not there."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.optim import Optimizer

from pointins_engine.errors import RunError
from pointins_engine.run_log.files import read_json, write_json
from pointins_engine.run_log.paths import RunPaths


@dataclass(frozen=True, kw_only=True, slots=True)
class Checkpoint:
    """Where a checkpoint lies and what its `trainer.json` says."""

    path: Path
    step: int
    trainer: dict[str, Any]


def save_checkpoint(
    paths: RunPaths,
    step: int,
    *,
    student: nn.Module,
    teacher: nn.Module,
    optimizer: Optimizer,
    trainer: dict[str, Any],
    keep: int,
) -> Path:
    """Write a checkpoint after `step` optimiser steps, then remove all but the newest `keep`.

    Raises:
        RunError: If it cannot be written; older checkpoints stay.
    """
    final = paths.checkpoint(step)
    temporary = final.with_name(f".{final.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        temporary.mkdir(parents=True)
        save_file(_contiguous(student.state_dict()), temporary / "student.safetensors")
        save_file(_contiguous(teacher.state_dict()), temporary / "teacher.safetensors")
        save_file(_optimizer_tensors(optimizer), temporary / "optimizer.safetensors")
        write_json(temporary / "trainer.json", {"step": step, **trainer})
        shutil.rmtree(final, ignore_errors=True)
        temporary.replace(final)
    except OSError as error:
        shutil.rmtree(temporary, ignore_errors=True)
        raise RunError(
            f"the checkpoint {final} cannot be written ({error.strerror}). Free some disk space "
            "and go on with --resume; earlier checkpoints are kept."
        ) from error
    for old in sorted(paths.checkpoints.glob("[0-9]*"))[:-keep]:
        shutil.rmtree(old)
    return final


def latest_checkpoint(paths: RunPaths) -> Checkpoint | None:
    """The newest whole checkpoint of a run, if any."""
    for folder in sorted(paths.checkpoints.glob("[0-9]*"), reverse=True):
        if (folder / "trainer.json").exists():
            trainer = read_json(folder / "trainer.json")
            return Checkpoint(path=folder, step=trainer["step"], trainer=trainer)
    return None


def load_checkpoint(
    checkpoint: Checkpoint,
    *,
    student: nn.Module,
    teacher: nn.Module,
    optimizer: Optimizer,
    device: torch.device,
) -> None:
    """Put a checkpoint's weights and optimiser state into the given objects.

    Raises:
        RunError: If the weights do not fit the configuration.
    """
    try:
        for network, name in ((student, "student"), (teacher, "teacher")):
            network.load_state_dict(
                load_file(checkpoint.path / f"{name}.safetensors", device=str(device))
            )
    except RuntimeError as error:
        raise RunError(
            f"{checkpoint.path} holds other weights than the run's configuration asks for: {error}"
        ) from error
    _load_optimizer(optimizer, load_file(checkpoint.path / "optimizer.safetensors"))


def _contiguous(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().contiguous() for name, tensor in state.items()}


def _optimizer_tensors(optimizer: Optimizer) -> dict[str, Tensor]:
    """Optimiser state as `<parameter number>.<name>`; every AdamW entry is a tensor."""
    state = optimizer.state_dict()["state"]
    return {
        f"{number}.{name}": value.detach().cpu().contiguous()
        for number, entry in state.items()
        for name, value in entry.items()
    }


def _load_optimizer(optimizer: Optimizer, tensors: dict[str, Tensor]) -> None:
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        number, name = key.split(".", 1)
        state.setdefault(int(number), {})[name] = value
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": state, "param_groups": groups})
