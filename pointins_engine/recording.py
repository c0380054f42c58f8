"""Recordings: a run thinned to what a page shows over time, small enough to hand on. No torch.

Frames stay dense at the beginning, where most happens. Checkpoints and commands go; scalars stay.
"""

import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pointins_engine.errors import RunError
from pointins_engine.run_log.files import write_bytes
from pointins_engine.run_log.paths import RunPaths, checked_name
from pointins_engine.run_log.publishing import training_seconds, without_place
from pointins_engine.run_log.store import Run
from pointins_engine.watching.instance_figures import instance_changes, true_instance

MOST_FRAMES = 45  # of a scene
FEWEST_FRAMES = 2
MARGIN = 0.98  # share of the limit that is planned with: statistics are written anew
DENSITY = 1.5  # power of the curve that frames are chosen along: 1 = evenly
LOG_LINES = 40
LEFT_OUT = ("checkpoint", "control")  # kinds of events about what a recording does not have
ENDED = ("finished", "stopped", "failed")


def record(run: Path, out: Path, *, max_bytes: int, machine: str = "") -> dict[str, Any]:
    """Write a recording of a run, a run folder itself; one that lies there is replaced.

    Args:
        run: Folder of the run.
        out: Folder of the recording; its name is the recording's id.
        max_bytes: Of all files together; as many frames are kept as fit, at most 45 a scene.
        machine: What the run was trained on, in words.

    Returns:
        What `run.json` says of the recording: `steps`, `seconds`, `machine`, `frames`, `of_frames`.

    Raises:
        RunError: If there is no run, it has too few frames, two of a scene do not fit, or the
            folder cannot be written or holds something else.
    """
    source = Run(run.resolve())
    checked_name(out.name, "the recording")
    if out.exists() and not _is_recording(out):
        raise RunError(f"{out} holds something else than a recording; name another folder.")
    kept, all_frames = _chosen_frames(source, max_bytes)
    stats = [line for scene in kept for line in _stats(source, scene, kept[scene])]
    stats.sort(key=lambda line: line["step"])
    state = _state(source)
    about = {
        "steps": state["step"],
        "seconds": training_seconds(source, state["step"]),
        "machine": machine or source.record.get("device", ""),
        "frames": sum(map(len, kept.values())),
        "of_frames": all_frames,
    }
    text: dict[str, str] = {
        "run.json": json.dumps(
            {**source.record, "id": out.name, "parent": None, "recording": about}, indent=1
        ),
        "state.json": json.dumps(state, indent=1),
        "events.jsonl": _lines(e for e in source.events() if e.get("kind") not in LEFT_OUT),
        "stats.jsonl": _lines(stats),
        "log.txt": "\n".join([*source.log_tail(LOG_LINES), ""]),
    }
    if source.paths.prior.exists():
        text["prior.json"] = source.paths.prior.read_text()
    temporary = out.with_name(f".{out.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        _write(source, RunPaths(temporary), text, kept)
        shutil.rmtree(out, ignore_errors=True)
        temporary.replace(out)
    except OSError as error:
        raise RunError(f"{out} cannot be written ({error.strerror}).") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return about


def spread(count: int, wanted: int) -> list[int]:
    """`wanted` of `count` places, first and last among them, dense at the beginning.

    Raises:
        ValueError: If fewer than two are wanted, or more than there are.
    """
    if not 2 <= wanted <= count:
        raise ValueError(f"{wanted} of {count} places were wanted; expected 2 to {count}.")
    places: list[int] = []
    for number in range(wanted):
        place = int((count - 1) * (number / (wanted - 1)) ** DENSITY)
        places.append(max(place, places[-1] + 1) if places else 0)
    return places


def _chosen_frames(source: Run, max_bytes: int) -> tuple[dict[str, list[int]], int]:
    """Steps to keep of each scene, as many as fit, and how many frames there are in all."""
    paths = source.paths
    there = {scene: source.frames(scene) for scene in source.scenes()}
    fewest = min(map(len, there.values()), default=0)
    if fewest < FEWEST_FRAMES:
        raise RunError(
            f"{paths.root} has {fewest} frames of a scene, a recording needs {FEWEST_FRAMES} at "
            "least; train on."
        )
    fixed = sum(paths.scene(scene).stat().st_size for scene in there)
    fixed += sum(p.stat().st_size for p in (paths.run, paths.prior, paths.events) if p.exists())
    for wanted in range(min(MOST_FRAMES, fewest), FEWEST_FRAMES - 1, -1):
        kept = {
            scene: [steps[place] for place in spread(len(steps), wanted)]
            for scene, steps in there.items()
        }
        frames = sum(
            paths.frame(scene, step).stat().st_size + len(json.dumps(source.stats(scene, step)))
            for scene, steps in kept.items()
            for step in steps
        )
        if fixed + frames <= MARGIN * max_bytes:
            return kept, sum(map(len, there.values()))
    raise RunError(
        f"{FEWEST_FRAMES} frames a scene of {paths.root} take more than {max_bytes:,} bytes; allow "
        "more, or record a run with fewer inspected scenes."
    )


def _stats(source: Run, scene: str, steps: Sequence[int]) -> list[dict[str, Any]]:
    """Statistics of the kept frames; what changed is told against the kept frame before."""
    truth = true_instance(source.load_scene(scene))
    lines: list[dict[str, Any]] = []
    before: np.ndarray | None = None
    before_step: int | None = None
    for step in steps:
        line = source.stats(scene, step)
        frame = source.load_frame(scene, step)
        if "scr" in line and "pseudo_instance" in frame:
            now = frame["pseudo_instance"].astype(np.int64)
            line = {
                **line,
                "scr": {**line["scr"], **instance_changes(before, before_step, now, truth)},
            }
            before, before_step = now, step
        lines.append(line)
    return lines


def _state(source: Run) -> dict[str, Any]:
    """The state that the run was left in; a trainer that is still there has no part in it."""
    state = source.state()
    status = state["status"] if state["status"] in ENDED else "stopped"
    kept = {name: state.get(name) for name in ("step", "total_steps", "step_s", "heartbeat")}
    return {"status": status, "detail": "", **kept, "eta_s": None, "control": False}


def _write(
    source: Run, target: RunPaths, text: Mapping[str, str], kept: Mapping[str, Sequence[int]]
) -> None:
    target.scenes.mkdir(parents=True)
    for name, content in text.items():
        safe = without_place(content, source.paths.root)
        write_bytes(target.root / name, safe.encode())
    for scene, steps in kept.items():
        shutil.copyfile(source.paths.scene(scene), target.scene(scene))
        target.frame(scene, 0).parent.mkdir(parents=True)
        for step in steps:
            shutil.copyfile(source.paths.frame(scene, step), target.frame(scene, step))


def _lines(records: Iterable[Mapping[str, Any]]) -> str:
    return "".join(json.dumps(record, separators=(",", ":")) + "\n" for record in records)


def _is_recording(folder: Path) -> bool:
    try:
        return "recording" in Run(folder).record
    except RunError:
        return False
