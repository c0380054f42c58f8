"""Training processes that the studio starts. They outlive it: the run folder is all they share.

A launch is a record and a log in `runs/.launches`. Whether its process is still there is told by id
and start time, so a studio that starts later knows the launches of an earlier one.
"""

import contextlib
import datetime
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pointins_engine
from app.launching.machine import environment, is_on, resolved_device, started_at
from app.launching.plan import Plan, Wish
from app.runs import Runs
from pointins_engine.errors import RunError
from pointins_engine.run_log.files import read_json, write_bytes
from pointins_engine.run_log.writer import process_exists

FOLDER = ".launches"
WORKING_FOLDER = Path(pointins_engine.__file__).parents[1]  # where -m finds the same engine
MIN_FREE_BYTES = 1024**3
WARN_USED_SHARE = 0.8
MAX_LOG_BYTES = 4 * 1024**2  # of a launch; what is older goes
KEPT_LOG_BYTES = 1024**2
MAX_RECORDS = 200  # of ended launches; the oldest go
KILL_AFTER_S = 10.0  # a second cancel ends a process that does not stop by itself
INTERRUPTED = 130  # exit code of a training that was asked to stop
WORKING = ("starting", "running", "paused", "stalled")  # a run that holds its device


class LaunchRefused(Exception):
    """It cannot be started now; the message says why and what to do."""


class Launches:
    """Starts training, one process a device, and knows what became of it."""

    def __init__(self, runs: Runs) -> None:
        self._runs = runs
        self._folder = runs.root / FOLDER
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._asked: dict[str, float] = {}  # when a launch was first asked to stop
        self._lock = threading.RLock()

    def start(self, wish: Wish, plan: Plan, by: str) -> dict[str, Any]:
        """Start what was planned.

        Raises:
            LaunchRefused: If the device is taken or the disk is full.
        """
        assert plan.argv, "a plan with errors is not started"
        device = resolved_device(wish.device)
        with self._lock, self._alone():
            refusal = self.refusal(device)
            if refusal:
                raise LaunchRefused(refusal)
            id = f"{datetime.datetime.now(datetime.UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"
            log = os.open(self._log(id), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
            try:
                process = subprocess.Popen(
                    plan.argv,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd=WORKING_FOLDER,
                    env=environment(),
                    start_new_session=True,
                )
            finally:
                os.close(log)
            self._children[id] = process
            record = {
                "id": id,
                "run": wish.run,
                "recipe": wish.recipe,
                "device": device,
                "command": plan.command,
                "argv": list(plan.argv),
                "by": by,
                "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
                "host": socket.gethostname(),
                "pid": process.pid,
                "started": started_at(process.pid),
                "exit_code": None,
                "ended": None,
            }
            self._write(record)
            self._drop_old()
            return record

    def refusal(self, device: str) -> str:
        """Why nothing can be started on a device now; empty if it can."""
        free = shutil.disk_usage(self._runs.root).free
        if free < MIN_FREE_BYTES:
            return (
                f"{self._runs.root} has {free / 1024**2:.0f} MiB left; a run needs 1 GiB at least. "
                "Free some space first."
            )
        holder = self.holder(device)
        if holder:
            return (
                f"Run {holder} trains on {device}, and a device takes one run at a time. Stop it, "
                "wait for it, or choose another device."
            )
        return ""

    def notes(self) -> list[str]:
        """What somebody should know before a start."""
        disk = shutil.disk_usage(self._runs.root)
        used = 1 - disk.free / disk.total
        if used < WARN_USED_SHARE:
            return []
        free = disk.free / 1024**3
        return [f"The disk of the runs is {used:.0%} full; {free:.1f} GiB are left."]

    def holder(self, device: str) -> str:
        """The run that trains on a device of this machine; empty if it is free."""
        with self._lock:
            for record in self._records():
                if record["device"] == device and self._is_alive(record):
                    return record["run"]
        for run in self._runs.ids():
            with contextlib.suppress(RunError):
                if self._runs.works_here(run) and is_on(self._runs.record(run), device):
                    return run
        return ""

    def all(self) -> list[dict[str, Any]]:
        """All launches, newest first, with their state and the end of their log."""
        with self._lock:
            return [self._told(record, num_lines=40) for record in self._records()]

    def one(self, id: str, num_lines: int = 400) -> dict[str, Any]:
        """One launch.

        Raises:
            RunError: If there is none of that id.
        """
        with self._lock:
            return self._told(self._record(id), num_lines=num_lines)

    def cancel(self, id: str) -> str:
        """Ask a training process to save and stop; once more after a while, and it is ended.

        Returns:
            What was done, as a sentence.

        Raises:
            RunError: If there is none of that id.
            LaunchRefused: If it has ended already, or runs on another machine.
        """
        with self._lock:
            record = self._record(id)
            if not self._is_alive(record):
                raise LaunchRefused(f"run {record['run']} does not train any more.")
            asked = self._asked.setdefault(id, time.monotonic())
            waited = time.monotonic() - asked
            with contextlib.suppress(ProcessLookupError):
                if waited >= KILL_AFTER_S:
                    os.killpg(record["pid"], signal.SIGKILL)
                    return f"{record['run']} was ended; it goes on from its last checkpoint."
                os.kill(record["pid"], signal.SIGTERM)
            return f"{record['run']} saves a checkpoint after the step in hand, and stops."

    # -- inside -------------------------------------------------------------------------------

    def _told(self, record: dict[str, Any], num_lines: int) -> dict[str, Any]:
        alive = self._is_alive(record)
        try:
            run = self._runs.summary(record["run"])
        except RunError:
            run = {}
        state = run.get("status") or "starting"
        if alive and state not in WORKING:
            state = "starting"  # the folder is not there yet, or tells of the time before a resume
        if alive and record["id"] in self._asked:
            state = "stopping"
        if not alive and record["ended"] is None:
            code = record["exit_code"] or 0
            if code > 0 and code != INTERRUPTED:
                state = "failed"  # whatever the folder tells of the time before
            elif not run or state in WORKING:
                was_asked = code == INTERRUPTED or record["id"] in self._asked
                state = "stopped" if was_asked else "lost"
            record["ended"] = state  # for good: the run may be gone on with by another launch
            self._write(record)
        state = state if alive else record["ended"]
        log = self._tail(record["id"], num_lines)
        said = log[-1] if state == "failed" and log else ""
        shown = ("id", "run", "recipe", "device", "command", "by", "created", "exit_code")
        return {
            **{name: record.get(name) for name in shown},
            "state": state,
            "alive": alive,
            "detail": said or run.get("detail") or "",
            **{name: run.get(name) for name in ("step", "total_steps", "eta_s")},
            "log": log,
        }

    def _is_alive(self, record: dict[str, Any]) -> bool:
        if record["host"] != socket.gethostname():
            return False
        child = self._children.get(record["id"])
        if child is not None:
            code = child.poll()
            if code is not None:
                record["exit_code"] = code
                self._write(record)
                del self._children[record["id"]]
            return code is None
        is_there = record["exit_code"] is None and process_exists(record["pid"])
        return is_there and started_at(record["pid"]) == record["started"]

    def _records(self) -> list[dict[str, Any]]:
        found = [self._read(path) for path in sorted(self._folder.glob("*.json"), reverse=True)]
        return [record for record in found if record]

    def _record(self, id: str) -> dict[str, Any]:
        for record in self._records():
            if record["id"] == id:
                return record
        raise RunError(f"there is no launch {id[:60]!r}.")

    def _read(self, path: Path) -> dict[str, Any]:
        try:
            record = read_json(path)
        except RunError:
            return {}
        needed = {"id", "run", "device", "host", "pid", "started", "exit_code", "ended"}
        return record if needed <= set(record) and record["id"] == path.stem else {}

    def _write(self, record: dict[str, Any]) -> None:
        path = self._folder / f"{record['id']}.json"
        write_bytes(path, json.dumps(record).encode())
        path.chmod(0o600)

    def _log(self, id: str) -> Path:
        return self._folder / f"{id}.log"

    def _tail(self, id: str, num_lines: int) -> list[str]:
        """Last lines of a log, which is cut where it has grown too long."""
        path = self._log(id)
        try:
            with path.open("r+b") as file:
                size = file.seek(0, os.SEEK_END)
                if size > MAX_LOG_BYTES:  # the process appends, so it goes on at the new end
                    file.seek(size - KEPT_LOG_BYTES)
                    end = file.read()
                    file.seek(0)
                    file.write(end)
                    file.truncate()
                    size = len(end)
                file.seek(max(size - 64 * 1024, 0))
                text = file.read().decode(errors="replace")
        except OSError:
            return []
        return [line.rpartition("\r")[2] for line in text.splitlines()][-num_lines:]

    def _drop_old(self) -> None:
        ended = [record for record in self._records() if not self._is_alive(record)]
        for record in ended[MAX_RECORDS:]:
            (self._folder / f"{record['id']}.json").unlink(missing_ok=True)
            self._log(record["id"]).unlink(missing_ok=True)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """No other studio on this folder starts anything meanwhile."""
        import fcntl  # here, so that a system without it can still show runs

        self._folder.mkdir(mode=0o700, exist_ok=True)
        handle = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)
