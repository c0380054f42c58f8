"""The trainer's side of the run folder: one writer a run, whole files, whole lines.

Nothing here blocks training for longer than a small write, and a reader never sees half of one.
"""

import datetime
import json
import os
import platform
import secrets
import socket
import threading
import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from pointins_engine import __version__
from pointins_engine.config import RunConfig, to_dict
from pointins_engine.errors import RunError
from pointins_engine.run_log import files
from pointins_engine.run_log.paths import RunPaths, checked_name
from pointins_engine.run_log.records import (
    LISTENING,
    SCALARS,
    SCHEMA_VERSION,
    EventKind,
    RunStatus,
)
from pointins_engine.run_log.retention import superseded
from pointins_engine.run_log.scenes import Frame, InspectedScene
from pointins_engine.run_log.tensorboard_mirror import TensorboardMirror

HEARTBEAT_S = 1.0
HEARTBEAT_LOST_S = 15.0  # an older heartbeat means that nobody writes any more


class RunWriter:
    """Writes one run folder. Make it with `create` or `reopen`; use it as a context manager.

    A heartbeat thread replaces `state.json` once a second, also during a long step.
    """

    def __init__(self, paths: RunPaths, config: RunConfig, step: int) -> None:
        self.paths = paths
        self._keep_frames = config.log.keep_frames
        self._mirror = TensorboardMirror(paths.tensorboard) if config.log.tensorboard else None
        self._lock = threading.Lock()
        self._state: dict[str, Any] = {
            "status": "starting",
            "detail": "",
            "step": step,
            "total_steps": config.optim.steps,
            "step_s": None,
            "eta_s": None,
            "control": False,
            "pid": os.getpid(),
            "host": socket.gethostname(),
        }
        self._closed = threading.Event()
        self._heartbeat = threading.Thread(target=self._beat, name="run-heartbeat", daemon=True)

    # -- opening and closing ------------------------------------------------------------------

    @classmethod
    def create(
        cls,
        root: Path,
        *,
        recipe: str,
        config: RunConfig,
        device: str,
        libraries: Mapping[str, str],
        command: str = "",
        step: int = 0,
        parent: Mapping[str, Any] | None = None,
    ) -> "RunWriter":
        """Start a new run folder.

        Args:
            root: Of the run.
            recipe: Name that the run goes by.
            config: Stored whole.
            device: What trains, for people.
            libraries: Versions by name.
            command: Command line that started it.
            step: Steps that are done; more than 0 for a fork.
            parent: `run`, `step` and `uid` of the run that it is a fork of.

        Raises:
            RunError: If the folder cannot be made or already holds a run; nothing is left behind.
        """
        checked_name(root.name, "run")
        refuse_if_taken(root)
        paths = RunPaths(root)
        made = [folder for folder in (root, *root.parents) if not folder.exists()]
        try:
            for folder in _folders(paths):
                folder.mkdir(parents=True, exist_ok=True)
            files.write_json(
                paths.run,
                {
                    "schema_version": SCHEMA_VERSION,
                    "id": root.name,
                    "uid": secrets.token_hex(8),
                    "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
                    "recipe": recipe,
                    "command": command,
                    "config": to_dict(config),
                    "seed": config.seed,
                    "version": __version__,
                    "libraries": {"python": platform.python_version(), **libraries},
                    "device": device,
                    "parent": None if parent is None else dict(parent),
                },
            )
        except (OSError, RunError) as error:
            _remove_empty([*_folders(paths), *made])
            reason = error.strerror if isinstance(error, OSError) else str(error)
            raise RunError(
                f"the run folder {root} cannot be written ({reason}). "
                "Choose a folder that you may write to with --run."
            ) from error
        writer = cls(paths, config, step)
        writer._start()
        return writer

    @classmethod
    def reopen(cls, root: Path, *, step: int, config: RunConfig) -> "RunWriter":
        """Go on with a run folder from `step`; what came after that step is superseded.

        Frames and statistics past `step` are removed, since they will be made again; `events.jsonl`
        keeps everything and gets a `resume` event.

        Raises:
            RunError: If another process still writes the folder.
        """
        paths = RunPaths(root)
        refuse_if_written(root)
        torn = files.cut_torn_line(paths.events) + files.cut_torn_line(paths.stats)
        _drop_after(paths, step)
        writer = cls(paths, config, step)
        writer.event("resume", step, from_step=step, torn_bytes=torn)
        writer._start()
        return writer

    def _start(self) -> None:
        self._write_state()
        self._heartbeat.start()

    def close(self, status: RunStatus, detail: str = "") -> None:
        """Last state of the run; the heartbeat stops.

        Raises:
            RunError: If a file cannot be written; what can be is, `state.json` first.
        """
        if self._closed.is_set():
            return
        with self._lock:
            self._state |= {"status": status, "detail": detail, "control": False}
            step = self._state["step"]
        self._closed.set()
        self._heartbeat.join()
        with ExitStack() as each:  # one that fails holds up no other; the last is done first
            if self._mirror is not None:
                each.callback(self._mirror.close)
            each.callback(self.event, "state", step, status=status, detail=detail)
            each.callback(self._write_state)

    # -- state and events ---------------------------------------------------------------------

    def state(self, status: RunStatus, detail: str = "") -> None:
        """Change of status: an event now, and `state.json` with it."""
        with self._lock:
            self._state |= {"status": status, "detail": detail}
            step = self._state["step"]
        self.event("state", step, status=status, detail=detail)
        self._write_state()

    def listens(self, is_listening: bool) -> None:
        """Whether the trainer takes commands; reaches `state.json` with the next status."""
        with self._lock:
            self._state["control"] = is_listening

    def progress(self, step: int, step_s: float, eta_s: float) -> None:
        """Where the run is; reaches `state.json` with the next heartbeat."""
        with self._lock:
            self._state |= {"step": step, "step_s": round(step_s, 4), "eta_s": round(eta_s, 1)}

    def event(self, kind: EventKind, step: int, **fields: Any) -> None:
        event = {"t": round(time.time(), 3), "step": step, "kind": kind, **fields}
        files.append_line(self.paths.events, event)
        if self._mirror is not None:
            self._mirror.take(event)

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Log numbers under declared keys; a number that is not finite is written as null.

        Raises:
            RunError: If a key is not declared in `records.SCALARS`.
        """
        unknown = sorted(set(values) - set(SCALARS))
        if unknown:
            raise RunError(f"{unknown[0]!r} is not declared in run_log/records.py.")
        self.event(
            "scalars",
            step,
            values={key: _rounded(value) for key, value in values.items()},
        )

    def log(self, line: str) -> None:
        """One line of `log.txt`, with the time."""
        stamp = datetime.datetime.now().astimezone().isoformat(timespec="seconds")
        files.append(self.paths.log, f"{stamp} {line}\n".encode())

    # -- scenes and frames --------------------------------------------------------------------

    def scene(self, scene: InspectedScene) -> None:
        files.write_arrays(self.paths.scene(scene.id), scene.arrays(), scene.metadata())

    def frame(self, step: int, scene: str, frame: Frame, stats: Mapping[str, Any]) -> int:
        """Write a frame, then its statistics line, which is the sign that the frame is there.

        Returns:
            Bytes of the frame's file.
        """
        path = self.paths.frame(scene, step)
        header = {"scene": scene, "step": str(step), **frame.metadata()}
        size = files.write_arrays(path, frame.arrays(), header)
        files.append_line(
            self.paths.stats, {"step": step, "scene": scene, "t": round(time.time(), 3), **stats}
        )
        kept = sorted(int(file.stem) for file in path.parent.glob("[0-9]*.safetensors"))
        for old in superseded(kept, self._keep_frames):
            self.paths.frame(scene, old).unlink(missing_ok=True)
        return size

    # -- inside -------------------------------------------------------------------------------

    def _beat(self) -> None:
        while not self._closed.wait(HEARTBEAT_S):
            with suppress(RunError):  # no room now; the next beat may find some
                self._write_state()

    def _write_state(self) -> None:
        with self._lock:
            files.write_json(self.paths.state, {**self._state, "heartbeat": round(time.time(), 3)})


def refuse_if_taken(root: Path) -> None:
    """Raise if the folder holds a run."""
    if RunPaths(root).run.exists():
        raise RunError(
            f"{root} already holds a run. Go on with it by adding --resume, "
            "or choose another folder with --run."
        )


def refuse_if_written(root: Path) -> None:
    """Raise if a living process writes this run folder."""
    state_path = RunPaths(root).state
    if not state_path.exists():
        return
    state = files.read_json(state_path)
    fresh = time.time() - state.get("heartbeat", 0) < HEARTBEAT_LOST_S
    unfinished = state.get("status") in LISTENING
    if unfinished and fresh and not _is_dead_here(state):
        raise RunError(
            f"{root} is being written by process {state.get('pid')} on {state.get('host')}. "
            "Stop it first, or choose another folder with --run."
        )


def _is_dead_here(state: Mapping[str, Any]) -> bool:
    return state.get("host") == socket.gethostname() and not process_exists(state.get("pid", -1))


def process_exists(pid: int) -> bool:
    """Whether a process of this machine has that id."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return pid > 0 and not _is_zombie(pid)


def _is_zombie(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rsplit(")", 1)[-1].split()[0] == "Z"


def _drop_after(paths: RunPaths, step: int) -> None:
    for file in paths.frames.glob("*/[0-9]*.safetensors"):
        if int(file.stem) > step:
            file.unlink()
    lines, _ = files.read_lines(paths.stats)
    kept = [line for line in lines if line["step"] <= step]
    if len(kept) < len(lines):
        text = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in kept)
        files.write_bytes(paths.stats, text.encode())


def _folders(paths: RunPaths) -> tuple[Path, ...]:
    return paths.scenes, paths.frames, paths.checkpoints, paths.control


def _remove_empty(folders: list[Path]) -> None:
    for folder in folders:
        try:
            folder.rmdir()
        except OSError:
            continue  # not made by us, or not empty: it stays


def _rounded(value: float) -> float | None:
    number = float(value)
    finite = number == number and abs(number) != float("inf")
    return float(f"{number:.6g}") if finite else None
