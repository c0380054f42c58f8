"""Checkpoints: safetensors and JSON in one folder a step, whole or not there.

Nothing in them belongs to a rank or to a part of a batch, so a run goes on with other numbers of
both.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.optim import Optimizer

from pointins_engine.errors import RunError
from pointins_engine.run_log.files import read_json, write_json
from pointins_engine.run_log.paths import RunPaths


@dataclass(frozen=True, kw_only=True, slots=True)
class Checkpoint:
    """Where a checkpoint lies and what it is of."""

    path: Path
    step: int


def save_checkpoint(
    paths: RunPaths,
    step: int,
    *,
    student: nn.Module,
    teacher: nn.Module,
    optimizer: Optimizer,
    keep: int,
    asked: bool = False,
) -> Path:
    """Write a checkpoint after `step` optimiser steps, then remove all but the newest `keep`.

    Args:
        paths: Of the run.
        step: Optimiser steps that are done.
        student, teacher: Networks as they are then.
        optimizer: Of the student.
        keep: Newest checkpoints that stay, besides those that somebody asked for.
        asked: Somebody asked for this one: it stays until a person removes it.

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
        save_file(_optimizer_tensors(optimizer, student), temporary / "optimizer.safetensors")
        write_json(temporary / "trainer.json", {"step": step, **({"asked": True} if asked else {})})
        shutil.rmtree(final, ignore_errors=True)
        temporary.replace(final)
    except (OSError, SafetensorError, RunError) as error:
        shutil.rmtree(temporary, ignore_errors=True)
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise RunError(
            f"the checkpoint {final} cannot be written ({reason}). Free some disk space "
            "and go on with --resume; earlier checkpoints are kept."
        ) from error
    thinned = [folder for folder in sorted(paths.checkpoints.glob("[0-9]*")) if not _asked(folder)]
    for old in thinned[:-keep]:
        shutil.rmtree(old)
    return final


def copy_checkpoint(source: Path, paths: RunPaths, step: int) -> None:
    """Put another run's checkpoint into a run, so that it needs that run no more.

    Raises:
        RunError: If it cannot be copied; nothing is left behind.
    """
    final = paths.checkpoint(step)
    temporary = final.with_name(f".{final.name}.tmp")
    try:
        shutil.copytree(source, temporary)
        write_json(temporary / "trainer.json", {"step": step})
        temporary.replace(final)
    except (OSError, shutil.Error, RunError) as error:
        shutil.rmtree(temporary, ignore_errors=True)
        raise RunError(f"{source} cannot be copied to {final} ({error}).") from error


def _asked(folder: Path) -> bool:
    """Whether somebody asked for this checkpoint."""
    try:
        return bool(read_json(folder / "trainer.json").get("asked"))
    except RunError:
        return False


def latest_checkpoint(paths: RunPaths) -> Checkpoint | None:
    """The newest whole checkpoint of a run, if any."""
    for folder in sorted(paths.checkpoints.glob("[0-9]*"), reverse=True):
        if (folder / "trainer.json").exists():
            return Checkpoint(path=folder, step=read_json(folder / "trainer.json")["step"])
    return None


def load_checkpoint(
    path: Path,
    *,
    student: nn.Module,
    teacher: nn.Module,
    optimizer: Optimizer,
    device: torch.device,
) -> None:
    """Put a checkpoint's weights and optimiser state into the given objects.

    Args:
        path: Folder of the checkpoint.
        student, teacher: Networks of the run's configuration; overwritten.
        optimizer: Of the student.
        device: Where the networks are.

    Raises:
        RunError: If a file is missing or broken, or holds a network of another size.
    """
    for network, name in ((student, "student"), (teacher, "teacher")):
        file = path / f"{name}.safetensors"
        stored = _read(file, device)
        _refuse_other_sizes(file, stored, network.state_dict())
        network.load_state_dict(stored)
    _load_optimizer(optimizer, student, path / "optimizer.safetensors")


def _read(file: Path, device: torch.device) -> dict[str, Tensor]:
    try:
        return load_file(file, device=str(device))
    except (OSError, SafetensorError) as error:
        raise RunError(
            f"{file} cannot be read ({error}). Remove the folder {file.parent}, and --resume goes "
            "on from the checkpoint before it."
        ) from error


def _refuse_other_sizes(file: Path, stored: dict[str, Tensor], wanted: dict[str, Tensor]) -> None:
    for name in sorted(stored.keys() | wanted.keys()):
        was, now = (_size(tensors.get(name)) for tensors in (stored, wanted))
        if was != now:
            raise RunError(
                f"{file} holds another network than the configuration asks for: {name} is {was} "
                f"there and {now} here. Resume with the configuration that the run was started "
                "with, or start a new run in another folder."
            )


def _size(tensor: Tensor | None) -> str:
    return "not" if tensor is None else " x ".join(map(str, tensor.shape)) or "one number"


def _contiguous(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().contiguous() for name, tensor in state.items()}


def _parameter_names(optimizer: Optimizer, student: nn.Module) -> list[str]:
    """Name of each parameter in the order that the optimiser numbers them."""
    name_of = {parameter: name for name, parameter in student.named_parameters()}
    return [name_of[p] for group in optimizer.param_groups for p in group["params"]]


def _optimizer_tensors(optimizer: Optimizer, student: nn.Module) -> dict[str, Tensor]:
    """Optimiser state as `<parameter>:<entry>`; every entry of AdamW is a tensor.

    A parameter that never had a gradient has no state.
    """
    names = _parameter_names(optimizer, student)
    return {
        f"{names[number]}:{entry}": value.detach().cpu().contiguous()
        for number, state in optimizer.state_dict()["state"].items()
        for entry, value in state.items()
    }


def _load_optimizer(optimizer: Optimizer, student: nn.Module, file: Path) -> None:
    number_of = {name: n for n, name in enumerate(_parameter_names(optimizer, student))}
    sizes = {name: parameter.shape for name, parameter in student.named_parameters()}
    state: dict[int, dict[str, Tensor]] = {}
    # From the CPU: AdamW keeps its step counts there and moves the rest to its parameters.
    for key, value in _read(file, torch.device("cpu")).items():
        name, _, entry = key.rpartition(":")
        if name not in number_of or (value.ndim > 0 and value.shape != sizes[name]):
            raise RunError(
                f"{file} holds the state of another optimiser: {key} fits no parameter of the "
                "student. Resume with the version that wrote it, or start a new run."
            )
        state.setdefault(number_of[name], {})[entry] = value
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": state, "param_groups": groups})
