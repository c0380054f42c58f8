"""Packed networks: one safetensors file with all that turns a scan into offsets. No torch here.

Encoder and offset head of a run's teacher as float16, the run's configuration, and where they come
from. Semantic heads and prototypes are left out: pre-training alone needs them.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from pointins_engine.config import RunConfig, from_dict, to_dict
from pointins_engine.errors import PointinsError, RunError, WeightsError
from pointins_engine.run_log.files import write_bytes
from pointins_engine.run_log.publishing import training_seconds, without_place
from pointins_engine.run_log.store import Run

FORMAT = "pointins-network-1"
PARTS = ("encoder.", "offset_head.")
PROBE = "probe/"
ADVICE = (
    "Name a file that `pointins pack` wrote, a folder of a run, builtin:indoor or builtin:outdoor."
)


@dataclass(frozen=True, kw_only=True, slots=True)
class PackedNetwork:
    """Weights of a network, and what is known of them.

    Attributes:
        state: Arrays by the names of `PointNetwork`, those of its encoder and offset head; float16.
        config: Of the run that they come from.
        provenance: `recipe`, `command`, `seed`, `steps`, `total_steps`, `parameters`, `data`,
            `duration_s`, `device`, `machine`, `created`, `version`, `libraries`, `license`;
            `probe`, the figures of the run's last online probe up to that step; `scores`, figures
            that were measured afterwards.
    """

    state: dict[str, np.ndarray]
    config: RunConfig
    provenance: dict[str, Any]


def pack(
    run: Path,
    out: Path,
    *,
    step: int | None = None,
    machine: str = "",
    license: str = "unknown",
    scores: Mapping[str, Any] | None = None,
) -> PackedNetwork:
    """Write the teacher of a run's checkpoint as one file.

    Args:
        run: Folder of the run.
        out: `.safetensors`, written whole or not at all.
        step: Of the checkpoint; None = the newest.
        machine: What the run was trained on, in words.
        license: Terms of the weights.
        scores: Figures to keep with them, ready for JSON.

    Raises:
        RunError: If there is no such run or checkpoint, or the file cannot be written.
        WeightsError: If the checkpoint is damaged, has no offset head, or does not fit float16.
    """
    if out.suffix != ".safetensors":
        raise WeightsError(f"--out {out}: a packed network is a .safetensors file; name it so.")
    opened = Run(run.resolve())
    chosen = _checkpoint(opened, step)
    state = _half(opened.paths.checkpoint(chosen) / "teacher.safetensors")
    provenance = {
        **_origin(opened, chosen),
        "parameters": sum(array.size for array in state.values()),
        "machine": machine,
        "license": license,
        "scores": dict(scores or {}),
    }
    metadata = {
        "format": FORMAT,
        "config": json.dumps(to_dict(opened.config), separators=(",", ":")),
        "provenance": json.dumps(provenance, separators=(",", ":")),
    }
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(f"the folder {out.parent} cannot be made ({error.strerror}).") from error
    write_bytes(out, save(state, metadata=metadata))
    return PackedNetwork(state=state, config=opened.config, provenance=provenance)


def read_packed(path: Path) -> PackedNetwork:
    """A packed network back from its file.

    Raises:
        WeightsError: If the file is missing, damaged or something else; says what.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            about = file.metadata() or {}
            _refuse_others(path, about)
            return PackedNetwork(
                state={name: file.get_tensor(name) for name in file.keys()},
                config=from_dict(json.loads(about["config"])),
                provenance=dict(json.loads(about["provenance"])),
            )
    except WeightsError:
        raise
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, PointinsError) as error:
        raise WeightsError(
            f"{path} cannot be read as a packed network ({error}). {ADVICE}"
        ) from error


def _checkpoint(run: Run, step: int | None) -> int:
    there = [found["step"] for found in run.checkpoints()]
    if not there:
        raise RunError(
            f"{run.paths.root} has no checkpoint yet; train at least log.checkpoint_every steps."
        )
    if step is None:
        return there[-1]
    if step not in there:
        known = ", ".join(map(str, there))
        raise RunError(f"{run.paths.root} has no checkpoint of step {step}; there are {known}.")
    return step


def _half(file: Path) -> dict[str, np.ndarray]:
    """The parts that are packed, as float16."""
    try:
        with safe_open(file, framework="numpy") as stored:
            names = [name for name in stored.keys() if name.startswith(PARTS)]
            full = {name: stored.get_tensor(name) for name in names}
    except (OSError, SafetensorError) as error:
        raise WeightsError(
            f"{file} cannot be read ({error}). Name another checkpoint with --step."
        ) from error
    if not any(name.startswith("offset_head.") for name in full):
        raise WeightsError(
            f"{file} has no offset head: the run was trained with offset.enabled False, and "
            "instances come from offsets."
        )
    limit = float(np.finfo(np.float16).max)
    for name, array in full.items():
        if not np.all(np.abs(array) <= limit):  # NaN too
            raise WeightsError(
                f"{file}: {name} holds values that float16 does not, above {limit:.0f} or not "
                "finite. Pack an earlier checkpoint with --step."
            )
    return {name: array.astype(np.float16) for name, array in full.items()}


def _origin(run: Run, step: int) -> dict[str, Any]:
    """What the run folder tells of the weights at a step."""
    record = run.record
    probe = {}
    for key, (steps, values) in run.scalars().items():
        told = [v for s, v in zip(steps, values, strict=True) if s <= step and v is not None]
        if key.startswith(PROBE) and told:
            probe[key.removeprefix(PROBE)] = told[-1]
    return {
        "recipe": record.get("recipe", ""),
        "command": without_place(record.get("command", ""), run.paths.root),
        "seed": record.get("seed"),
        "steps": step,
        "total_steps": record["config"]["optim"]["steps"],
        "data": run.config.scene.source,
        "duration_s": training_seconds(run, step),
        "device": record.get("device", ""),
        "created": record.get("created", ""),
        "version": record.get("version", ""),
        "libraries": record.get("libraries", {}),
        "probe": probe,
    }


def _refuse_others(path: Path, about: Mapping[str, str]) -> None:
    """Say what a file of another kind is, where its metadata tells."""
    kind = about.get("format", "")
    if kind == FORMAT:
        return
    if "pointins_encoder" in about:
        raise WeightsError(
            f"{path} holds an encoder alone, as `pointins convert` writes it; instances need the "
            f"offset head too. {ADVICE}"
        )
    if kind.startswith("pointins-network-"):
        raise WeightsError(
            f"{path} is a packed network of another version: {kind}, expected {FORMAT}. Open it "
            "with the version that wrote it, or pack the run again."
        )
    raise WeightsError(f"{path} is no packed network: its header has no {FORMAT}. {ADVICE}")
