"""What the API and the pages want to know of run folders, as plain data.

One lock stands around the store: its tails are read by worker threads and by the live hub. Ids and
steps are looked up among what exists; nothing a request says becomes a path.
"""

import socket
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from pointins_engine.config import RunConfig
from pointins_engine.errors import PointinsError, RunError
from pointins_engine.run_log.history import Series
from pointins_engine.run_log.paths import RunPaths
from pointins_engine.run_log.records import LISTENING
from pointins_engine.run_log.store import Run, RunStore

STATE_FIELDS = ("status", "detail", "step", "total_steps", "eta_s", "step_s", "age_s")
DAMAGE = (RunError, OSError, KeyError, TypeError, ValueError, AttributeError)
SPARK_POINTS = 60
MAX_EVENTS = 1000  # of one answer; the next one goes on from there


class StoredFile(NamedTuple):
    """An array file and the version of the run that it belongs to."""

    path: Path
    version: str


class Trainer(NamedTuple):
    """The other side of a run's `control` folder."""

    paths: RunPaths
    state: dict[str, Any]
    config: RunConfig  # with the edits that are in force
    first: RunConfig  # what the run was started with
    events: list[dict[str, Any]]  # answers to commands, and edits
    is_recording: bool  # nobody trains it any more


class _Known(NamedTuple):
    """A run that is open, and the state of its run.json when that was read."""

    run: Run
    record_stamp: tuple[int, int] | None


class Runs:
    """Read access to the runs of one folder, and to the recorded example beside it.

    Every method that takes an id raises RunError if there is no such run, scene or frame, or if it
    cannot be read.

    Args:
        store: The folder.
        example: Folder of a recording that comes last, unless a run has its id; None = none.
    """

    def __init__(self, store: RunStore, example: Path | None = None) -> None:
        self.root = store.root
        self._store = store
        self._example = None if example is None else RunStore(example)
        self._lock = threading.RLock()
        self._known: dict[str, _Known] = {}

    def ids(self) -> list[str]:
        """Ids of all runs, newest first, the recorded example at the end."""
        with self._lock:
            own = self._store.ids()
            return own if (example := self._example_id(own)) is None else [*own, example]

    @property
    def example(self) -> str | None:
        """Id of the recorded example, where it is shown."""
        with self._lock:
            return self._example_id(self._store.ids())

    def summaries(self) -> list[dict[str, Any]]:
        """One row a run, newest first; a damaged run is a row that says why."""
        return [self.summary_or_damage(run_id) for run_id in self.ids()]

    def summary_or_damage(self, run_id: str) -> dict[str, Any]:
        try:
            return self.summary(run_id)
        except RunError as error:
            return {
                "id": run_id,
                "recipe": None,
                "created": None,
                "recording": None,
                "status": "damaged",
                "detail": str(error),
                "step": None,
                "total_steps": None,
                "eta_s": None,
                "step_s": None,
                "age_s": None,
                "device": None,
                "scenes": [],
                "thumbnail": None,
                "loss": None,
                "spark": [],
            }

    def summary(self, run_id: str) -> dict[str, Any]:
        """A run in one row."""
        with self._lock:
            run = self._open(run_id)
            try:
                state = run.state()
                losses = run.scalars().get("loss/total", ([], []))[1]
                finite = [value for value in losses if value is not None]
                return {
                    "id": run_id,
                    "recipe": run.record["recipe"],
                    "created": run.record["created"],
                    "recording": _recording(run),
                    **{name: state.get(name) for name in STATE_FIELDS},
                    "device": run.record.get("device"),
                    "scenes": run.scenes(),
                    "thumbnail": None,
                    "loss": finite[-1] if finite else None,
                    "spark": _spaced(finite, SPARK_POINTS),
                }
            except DAMAGE as error:
                raise _damage(run_id, error) from error

    def details(self, run_id: str) -> dict[str, Any]:
        """Everything about a run but its arrays."""
        with self._lock:
            run = self._open(run_id)
            record = run.record
            try:
                return {
                    **self.summary(run_id),
                    "version": run.version,
                    "cell_size": run.config.cell_size,
                    "config": record["config"],
                    "engine": record.get("version", ""),
                    "libraries": record.get("libraries", {}),
                    "seed": record.get("seed"),
                    "command": record.get("command", ""),
                    "scenes": [{"id": scene, "steps": run.frames(scene)} for scene in run.scenes()],
                    "marks": list(run.marks()),
                    "alarms": run.alarms(),
                    "checkpoints": run.checkpoints(),
                    "parent": record.get("parent"),
                    "log": run.log_tail(),
                }
            except DAMAGE as error:
                raise _damage(run_id, error) from error

    def head(self, run_id: str) -> dict[str, Any]:
        """Version, state and newest frames: what a poll wants."""
        with self._lock:
            run = self._open(run_id)
            try:
                latest = {scene: run.latest_frame(scene) for scene in run.scenes()}
                return {
                    "version": run.version,
                    "state": run.state(),
                    "latest": {scene: step for scene, step in latest.items() if step is not None},
                }
            except DAMAGE as error:
                raise _damage(run_id, error) from error

    def first_picture(self, run_id: str) -> tuple[str, str, int | None] | None:
        """Version, first scene and its newest step; None while there is no scene."""
        with self._lock:
            run = self._open(run_id)
            scenes = run.scenes()
            if not scenes:
                return None
            return run.version, scenes[0], run.latest_frame(scenes[0])

    def version(self, run_id: str) -> str:
        with self._lock:
            return self._open(run_id).version

    def frames(self, run_id: str, scene: str) -> dict[str, Any]:
        """Rising steps of a scene's frames."""
        with self._lock:
            run = self._with_scene(run_id, scene)
            return {"version": run.version, "steps": run.frames(scene)}

    def stats(self, run_id: str, scene: str, step: int) -> dict[str, Any]:
        with self._lock:
            return self._with_scene(run_id, scene).stats(scene, step)

    def alarms(self, run_id: str) -> list[dict[str, Any]]:
        """Alarms that were raised and not cleared."""
        with self._lock:
            return self._open(run_id).alarms()

    def stats_series(self, run_id: str, scene: str) -> list[dict[str, Any]]:
        """Statistics of all frames of a scene, by step."""
        with self._lock:
            return list(self._with_scene(run_id, scene).stats_series(scene))

    def scalars(self, run_id: str, keys: Iterable[str] | None = None) -> dict[str, Series]:
        """Steps and values of the keys that were logged; of all of them without `keys`."""
        with self._lock:
            series = self._open(run_id).scalars()
            wanted = series if keys is None else [key for key in keys if key in series]
            return {key: (list(series[key][0]), list(series[key][1])) for key in wanted}

    def events(self, run_id: str, after: int = 0) -> dict[str, Any]:
        """What happened but for scalars, from an index of the events on; `next` goes on from here.

        An index beyond the end means that the run was started anew: all is told again.
        """
        with self._lock:
            run = self._open(run_id)
            events = run.events()
            start = after if 0 <= after <= len(events) else 0
            told: list[dict[str, Any]] = []
            at = start
            while at < len(events) and len(told) < MAX_EVENTS:
                if events[at].get("kind") != "scalars":
                    told.append(events[at])
                at += 1
            version = run.version
        return {"events": told, "next": at, "more": at < len(events), "version": version}

    def last_event(self, run_id: str) -> int:
        """How many events there are up to the last one that is not scalars."""
        with self._lock:
            events = self._open(run_id).events()
            at = len(events)
            while at > 0 and events[at - 1].get("kind") == "scalars":
                at -= 1
            return at

    def trainer(self, run_id: str) -> Trainer:
        """Whether a trainer listens to commands, and what holds for it now."""
        with self._lock:
            run = self._open(run_id)
            try:
                events = [e for e in run.events() if e.get("kind") in ("control", "edit")]
                return Trainer(
                    run.paths,
                    run.state(),
                    run.config_now(),
                    run.config,
                    events,
                    _recording(run) is not None,
                )
            except DAMAGE as error:
                raise _damage(run_id, error) from error

    def works_here(self, run_id: str) -> bool:
        """Whether a process of this machine writes the run now."""
        with self._lock:
            try:
                state = self._open(run_id).state()
            except DAMAGE as error:
                raise _damage(run_id, error) from error
            is_there = state["status"] in (*LISTENING, "stalled")
            return is_there and state.get("host") == socket.gethostname()

    def record(self, run_id: str) -> dict[str, Any]:
        """What stands in `run.json`; not to be changed."""
        with self._lock:
            return self._open(run_id).record

    def config(self, run_id: str) -> RunConfig:
        """The configuration that the run was started with."""
        with self._lock:
            try:
                return self._open(run_id).config
            except (*DAMAGE, PointinsError) as error:
                raise _damage(run_id, error) from error

    def config_at(self, run_id: str, step: int) -> RunConfig:
        """With the edits that were in force after `step` steps."""
        with self._lock:
            try:
                return self._open(run_id).config_at(step)
            except (*DAMAGE, PointinsError) as error:
                raise _damage(run_id, error) from error

    def folder(self, run_id: str) -> Path:
        """Where the run lies, links followed."""
        with self._lock:
            return self._inside(self._open(run_id).paths.root)

    def checkpoints(self, run_id: str) -> list[dict[str, Any]]:
        """Whole checkpoints by rising `step`; one that somebody asked for is `kept`."""
        with self._lock:
            return self._open(run_id).checkpoints()

    def last_scalar_step(self, run_id: str) -> int:
        """Step of the newest scalars, -1 if there are none."""
        with self._lock:
            return self._open(run_id).history().scalar_step

    def step_marks(self, run_id: str) -> list[tuple[int, str]]:
        """Steps that a time axis should mark, with their kind: events, and changes of phase.

        The phases come from the configuration, so that they are marked before they are reached.
        """
        with self._lock:
            run = self._open(run_id)
            try:
                phases = _phases(run.config)
                marks = [
                    (event["step"], event["kind"])
                    for event in run.marks()
                    if event.get("state") != "cleared"
                ]
            except DAMAGE as error:
                raise _damage(run_id, error) from error
            near = {step + d for step, _ in phases for d in range(-2, 3)}
            return [*phases, *(mark for mark in marks if mark[1] != "mark" or mark[0] not in near)]

    def scene_file(self, run_id: str, scene: str) -> StoredFile:
        with self._lock:
            run = self._with_scene(run_id, scene)
            return StoredFile(self._inside(run.paths.scene(scene)), run.version)

    def frame_file(self, run_id: str, scene: str, step: int) -> StoredFile:
        with self._lock:
            run = self._with_scene(run_id, scene)
            if step not in run.frames(scene):
                raise RunError(f"run {run_id} has no frame of scene {scene} at step {step}.")
            return StoredFile(self._inside(run.paths.frame(scene, step)), run.version)

    def watched_files(self, run_id: str) -> list[Path]:
        """Files that change when a run goes on."""
        with self._lock:
            paths = self._open(run_id).paths
            return [paths.state, paths.events, paths.stats]

    def _open(self, run_id: str) -> Run:
        try:
            known = self._known.get(run_id)
            if known is None or known.record_stamp != _stamp(known.run.paths.run):
                run = self._store_of(run_id).run(run_id)
                self._inside(run.paths.root)
                known = self._known[run_id] = _Known(run, _stamp(run.paths.run))
            return known.run
        except DAMAGE as error:
            raise _damage(run_id, error) from error

    def _with_scene(self, run_id: str, scene: str) -> Run:
        run = self._open(run_id)
        if scene not in run.scenes():
            raise RunError(f"run {run_id} has no scene called {scene!r}.")
        return run

    def _example_id(self, own: list[str]) -> str | None:
        there = [] if self._example is None else self._example.ids()
        return there[0] if there and there[0] not in own else None

    def _store_of(self, run_id: str) -> RunStore:
        """Where a run is looked up; the folder's own runs go first."""
        own = self._store.ids()
        is_example = run_id not in own and run_id == self._example_id(own)
        return self._example if is_example and self._example is not None else self._store

    def _inside(self, path: Path) -> Path:
        """`path` with links followed, if it stays inside the runs folder or the example."""
        real = path.resolve()
        roots = [self.root, *([] if self._example is None else [self._example.root])]
        if not any(real.is_relative_to(root.resolve()) for root in roots):
            raise RunError(
                f"{path.name} is a link that leaves the runs folder. "
                "Start a studio on the folder that it points to."
            )
        return real


def _recording(run: Run) -> dict[str, Any] | None:
    """What a recording says of itself; None for any other run."""
    told = run.record.get("recording")
    if not isinstance(told, dict):
        return None
    return {
        "steps": int(told["steps"]),
        "seconds": float(told["seconds"]),
        "machine": str(told["machine"]),
        "frames": int(told["frames"]),
        "of_frames": int(told["of_frames"]),
    }


def _phases(config: RunConfig) -> list[tuple[int, str]]:
    """Steps at which another part of the method joins."""
    parts = (("offset loss", config.offset), ("ODR", config.odr))
    return [
        (round(part.start * config.optim.steps), name)
        for name, part in parts
        if part.enabled and part.start > 0
    ]


def _stamp(path: Path) -> tuple[int, int] | None:
    """Tells one version of a file from another; None while there is no file."""
    try:
        stat = path.stat()
    except FileNotFoundError:
        return None
    return stat.st_mtime_ns, stat.st_ino


def _damage(run_id: str, error: Exception) -> RunError:
    if isinstance(error, RunError):
        return error
    what = f"{error} is missing" if isinstance(error, KeyError) else str(error)
    return RunError(f"run {run_id} cannot be read: {what}.")


def _spaced(values: list[float], num: int) -> list[float]:
    """At most `num` evenly spaced values, the last one among them."""
    if len(values) <= num:
        return list(values)
    picks: Iterable[int] = (round(i * (len(values) - 1) / (num - 1)) for i in range(num))
    return [values[i] for i in picks]
