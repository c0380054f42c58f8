"""Reading run folders: live, finished, killed or copied from elsewhere. No torch, no writing.

Example:
    >>> run = RunStore(Path("runs")).run("rooms")
    >>> steps, values = run.scalars()["loss/offset"]
    >>> frame = run.load_frame("room_0001", run.frames("room_0001")[-1])
"""

import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from pointins_engine.config import RunConfig, from_dict
from pointins_engine.errors import RunError
from pointins_engine.live_edits import with_edits
from pointins_engine.run_log import files
from pointins_engine.run_log.history import History, Series
from pointins_engine.run_log.paths import NAME, RunPaths
from pointins_engine.run_log.records import LISTENING, SCHEMA_VERSION
from pointins_engine.run_log.scenes import InspectedScene
from pointins_engine.run_log.writer import HEARTBEAT_LOST_S, process_exists


@dataclass(slots=True)
class _Tail:
    """Lines of a growing file, read once each."""

    path: Path
    position: int = 0
    lines: list[dict[str, Any]] = field(default_factory=list)

    def read(self) -> list[dict[str, Any]]:
        try:
            size = self.path.stat().st_size
        except FileNotFoundError:
            size = 0
        if size < self.position:  # the file was replaced by a shorter one on resume
            self.position, self.lines = 0, []
        if size > self.position:
            fresh, self.position = files.read_lines(self.path, self.position)
            self.lines.extend(fresh)
        return self.lines


class Run:
    """One run folder. Calls read what is new since the last call."""

    def __init__(self, root: Path) -> None:
        self.paths = RunPaths(root)
        self.id = root.name
        self.record = files.read_json(self.paths.run)
        version = self.record.get("schema_version")
        if version != SCHEMA_VERSION:
            raise RunError(
                f"{root} has run folder schema {version}, this version reads {SCHEMA_VERSION}. "
                "Open it with the version that wrote it."
            )
        self._events = _Tail(self.paths.events)
        self._history = History()
        self._stats = _Tail(self.paths.stats)
        self._stats_index: tuple[int, dict[tuple[str, int], dict[str, Any]]] = (0, {})

    @property
    def config(self) -> RunConfig:
        """What the run was started with."""
        return from_dict(self.record["config"])

    def config_now(self) -> RunConfig:
        """The configuration with the edits that are in force."""
        return with_edits(self.config, self.edits())

    def config_at(self, step: int) -> RunConfig:
        """What the next step trains with where `step` steps are done."""
        return with_edits(self.config, (edit for edit in self.edits() if edit["step"] <= step))

    # -- state --------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """`state.json` with `age_s`.

        Where the heartbeat has stopped the status reads `lost`, or `stalled` if the process is
        still there: a step that never ends, or a disk that does not answer.
        """
        try:
            state = files.read_json(self.paths.state)
        except RunError:
            state = {
                "status": "starting",
                "detail": "",
                "step": 0,
                "total_steps": self.record["config"]["optim"]["steps"],
                "step_s": None,
                "eta_s": None,
                "heartbeat": self.paths.run.stat().st_mtime,
            }
        state["age_s"] = round(max(time.time() - state["heartbeat"], 0.0), 1)
        if state["status"] in LISTENING:
            is_here = state.get("host") == socket.gethostname()
            lives = is_here and process_exists(state.get("pid", -1))
            if is_here and not lives:
                state |= _cut_off("lost", state, "its process has ended")
            elif state["age_s"] > HEARTBEAT_LOST_S and lives:
                state |= _cut_off("stalled", state, "no sign of life, though its process is there")
            elif state["age_s"] > HEARTBEAT_LOST_S:
                state |= _cut_off("lost", state, "its heartbeat has stopped")
        return state

    def events(self) -> list[dict[str, Any]]:
        """All events so far, in the order of writing; the list is shared, do not change it."""
        return self._events.read()

    def history(self) -> History:
        """What the events add up to so far; the object is shared, do not change it."""
        self._history.catch_up(self.events())
        return self._history

    def scalars(self) -> dict[str, Series]:
        """Steps and values of every logged key; what a resume superseded is left out."""
        return self.history().scalars

    def marks(self) -> list[dict[str, Any]]:
        """What a timeline should show: checkpoints, resumes, warnings, phases, alarms, edits."""
        return self.history().marks

    def edits(self) -> list[dict[str, Any]]:
        """`edit` events that are in force, oldest first; do not change the list."""
        return self.history().edits

    def checkpoints(self) -> list[dict[str, Any]]:
        """Whole checkpoints by rising step: `step`, and whether somebody asked for it (`kept`)."""
        found = []
        for file in sorted(self.paths.checkpoints.glob("[0-9]*/trainer.json")):
            try:
                about = files.read_json(file)
                found.append({"step": int(about["step"]), "kept": bool(about.get("asked"))})
            except (RunError, KeyError, TypeError, ValueError):
                continue  # just being removed, or damaged: nothing to go on from
        return found

    def alarms(self) -> list[dict[str, Any]]:
        """Alarms that were raised and not cleared, in the order of raising."""
        return list(self.history().alarms.values())

    @property
    def version(self) -> str:
        """Changes whenever arrays that were read before may have been written again."""
        return f"{self.record.get('uid', '')}-{self.history().num_resumes}"

    def log_tail(self, num_lines: int = 20) -> list[str]:
        try:
            with self.paths.log.open("rb") as file:
                file.seek(max(file.seek(0, 2) - 64 * 1024, 0))
                return file.read().decode(errors="replace").splitlines()[-num_lines:]
        except FileNotFoundError:
            return []

    # -- scenes and frames --------------------------------------------------------------------

    def scenes(self) -> list[str]:
        """Ids of the inspected scenes."""
        return sorted(path.stem for path in self.paths.scenes.glob("*.safetensors"))

    def frames(self, scene: str) -> list[int]:
        """Rising steps whose frame and statistics are there."""
        folder = self.paths.frame(scene, 0).parent
        on_disk = {int(file.stem) for file in folder.glob("[0-9]*.safetensors")}
        return sorted(step for name, step in self._index() if name == scene and step in on_disk)

    def latest_frame(self, scene: str) -> int | None:
        """Step of the newest frame of a scene; reads only what was appended."""
        return max((step for name, step in self._index() if name == scene), default=None)

    def stats(self, scene: str, step: int) -> dict[str, Any]:
        """Statistics of one frame.

        Raises:
            RunError: If there is no such frame.
        """
        try:
            return self._index()[scene, step]
        except KeyError:
            raise RunError(f"run {self.id} has no frame of scene {scene} at step {step}.") from None

    def stats_series(self, scene: str) -> Iterator[dict[str, Any]]:
        """Statistics of all frames of a scene, by step."""
        index = self._index()
        for name, step in sorted(index):
            if name == scene:
                yield index[name, step]

    def load_scene(self, scene: str) -> InspectedScene:
        return InspectedScene.from_arrays(*files.read_arrays(self.paths.scene(scene)))

    def load_frame(self, scene: str, step: int) -> dict[str, np.ndarray]:
        """Arrays of one frame; keys in `records.FRAME_ARRAYS`."""
        return files.read_arrays(self.paths.frame(scene, step))[0]

    def _index(self) -> dict[tuple[str, int], dict[str, Any]]:
        lines = self._stats.read()
        known, index = self._stats_index
        if len(lines) < known:
            known, index = 0, {}
        for line in lines[known:]:
            index[line["scene"], line["step"]] = line
        self._stats_index = (len(lines), index)
        return index


def _cut_off(status: str, state: dict[str, Any], how: str) -> dict[str, Any]:
    what = "was cut off" if status == "lost" else "hangs"
    detail = f"The trainer {what} at step {state['step']}: {how}."
    return {"status": status, "detail": detail, "eta_s": None}


class RunStore:
    """The runs of a folder, by id. A folder that is itself a run holds just that one."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._runs: dict[str, Run] = {}

    def ids(self) -> list[str]:
        """Ids of all runs, newest first."""
        found = [
            (path.stat().st_mtime, path.parent.name)
            for path in self._candidates()
            if NAME.fullmatch(path.parent.name)
        ]
        return [name for _, name in sorted(found, reverse=True)]

    def run(self, run_id: str) -> Run:
        """One run; the same object every time, so that its tail is read once.

        Raises:
            RunError: If no run has that id. Ids are looked up among the folders that exist, so an
                id never becomes a path by itself.
        """
        folder = next((p.parent for p in self._candidates() if p.parent.name == run_id), None)
        if folder is None:
            raise RunError(f"no run is called {run_id!r} in {self.root}.")
        known = self._runs.get(run_id)
        if known is None or known.record.get("uid") != files.read_json(folder / "run.json").get(
            "uid"
        ):
            self._runs[run_id] = Run(folder)
        return self._runs[run_id]

    def _candidates(self) -> list[Path]:
        if (self.root / "run.json").exists():
            return [self.root / "run.json"]
        return [path for path in self.root.glob("*/run.json") if path.parent.is_dir()]
