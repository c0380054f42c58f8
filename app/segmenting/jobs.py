"""The processes that segment: one at a time, the others wait in line. They outlive the studio.

What was asked and which process does it lies in `job.json` of a segmentation. Whether the process
is still there is told by id and start time, so a studio that starts later knows the jobs of an
earlier one, and goes on with the line.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pointins_engine
from app.launching.machine import environment, started_at
from app.segmenting.store import Refused, SegmentationStore
from pointins_engine.errors import RunError
from pointins_engine.run_log.writer import process_exists

WORKING_FOLDER = Path(pointins_engine.__file__).parents[1]  # where -m finds the same engine
MAX_JOBS = 1  # at a time
MAX_WAITING = 20
MAX_JOB_S = 3600.0
KILL_AFTER_S = 10.0  # a job that was asked to stop and goes on is ended
LOOK_S = 0.5  # between two looks at the jobs, while there are any
NICENESS = 10  # the browser and a training go first
MAX_LOG_BYTES = 1024**2
ENDED = ("finished", "failed", "stopped")
LOG = "job.log"

Command = Callable[[Path], Sequence[str]]


class Jobs:
    """Starts jobs in the order in which they were asked for, and knows what became of them.

    Args:
        store: Where the segmentations are.
        command: The words of a job for a folder.
        max_job_s: A job that takes longer is ended.
        look_s: Time between two looks.
    """

    def __init__(
        self,
        store: SegmentationStore,
        command: Command | None = None,
        *,
        max_job_s: float = MAX_JOB_S,
        look_s: float = LOOK_S,
    ) -> None:
        self._store = store
        self._command = command or segment_command
        self._max_job_s, self._look_s = max_job_s, look_s
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._lock = threading.RLock()
        self._wake, self._closed = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None

    def open(self) -> None:
        """Go on with the line that an earlier studio left."""
        self._thread = threading.Thread(target=self._look, name="segmentations", daemon=True)
        self._thread.start()
        self._wake.set()

    def close(self) -> None:
        """Start nothing more; the job in hand goes on."""
        self._closed.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join()

    def check_line(self) -> None:
        """Raises Refused if nothing more can wait."""
        waiting = len(self._waiting())
        if waiting >= MAX_WAITING:
            raise Refused(
                429, f"{waiting} segmentations wait already. Cancel one, or wait until one is done."
            )

    def ask(self, id: str) -> None:
        """Have the job of a segmentation started, once more if it is at work.

        Raises:
            RunError: If there is no such segmentation.
        """
        with self._lock, self._alone():
            job = self._job(id)
            asked = job.get("asked", 0) + 1
            self._store.write(id, "job.json", {**job, "asked": asked, "since": time.time()})
        self._wake.set()

    def cancel(self, id: str) -> None:
        """Take a segmentation out of the line, or ask its job to stop.

        Raises:
            RunError: If there is no such segmentation.
            Refused: If there is nothing to stop.
        """
        with self._lock, self._alone():
            job = self._job(id)
            alive, waits = self._is_alive(id, job), _waits(job)
            if not alive and not waits:
                raise Refused(409, "Nothing is at work here, so there is nothing to stop.")
            job |= {"taken": job["asked"], "cancelled": job.get("cancelled") or time.time()}
            if not alive:
                job |= {"pid": None, "ended": "cancelled"}
            self._store.write(id, "job.json", job)
            if alive:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(job["pid"], signal.SIGTERM)
        self._wake.set()

    def end(self, id: str) -> None:
        """End the job of a segmentation that is to be deleted, at once."""
        with self._lock, self._alone():
            job = self._job(id)
            if self._is_alive(id, job):
                _kill(job["pid"])
            child = self._children.pop(id, None)
            if child is not None:
                child.wait()

    def progress(self, id: str) -> dict[str, Any]:
        """How far a segmentation is.

        status: `waiting` (with `ahead`, those before it), `running`, `asking` (a person has to
        answer `ask` first), `finished`, `failed` or `stopped`; and phase, layer, done, total,
        eta_s, detail, ask and failures as the job tells them.
        """
        with self._lock:
            job = self._job(id)
            alive = self._is_alive(id, job)
            said = self._store.record(id, "progress.json")
            if job.get("pid") and said.get("pid") != job["pid"]:
                said = {}  # of an earlier job
        told = {
            "phase": said.get("phase", ""),
            "layer": said.get("layer") or "",
            "done": said.get("done", 0),
            "total": said.get("total", 0),
            "eta_s": said.get("eta_s"),
            "detail": str(said.get("detail") or ""),
            "ask": said.get("ask"),
            "failures": said.get("failures") or {},
            "ahead": 0,
        }
        if alive:
            return {**told, "status": "running"}
        if _waits(job):
            line = self._waiting()
            ahead = line.index(id) if id in line else 0
            return {**told, "status": "waiting", "ahead": ahead, "detail": "", "ask": None}
        status = said.get("status") if said.get("status") in ENDED else ""
        if job.get("ended") == "cancelled":
            status = status if status == "finished" else "stopped"
        elif not status:
            status, told["detail"] = "failed", _last_words(job)
        if status == "failed" and told["ask"]:
            status = "asking"
        return {**told, "status": status, "eta_s": None}

    def pump(self) -> bool:
        """End what takes too long, start what is next; whether anything is at work or waits."""
        with self._lock, self._alone():
            alive = 0
            for id in self._store.ids():
                job = self._job(id)
                if self._is_alive(id, job):
                    alive += 1
                    self._watch(id, job)
                else:
                    self._children.pop(id, None)
            line = self._waiting()
            for id in line[: max(MAX_JOBS - alive, 0)]:
                with contextlib.suppress(RunError):  # it has just been deleted
                    self._start(id)
            return alive > 0 or bool(line)

    # -- inside -------------------------------------------------------------------------------

    def _look(self) -> None:
        while True:
            self._wake.clear()
            if self._closed.is_set():
                return
            try:
                busy = self.pump()
            except (OSError, RunError):  # a full or read-only disk; looked at again
                busy = True
            self._wake.wait(self._look_s if busy else None)

    def _start(self, id: str) -> None:
        folder = self._store.folder(id)
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_NOFOLLOW
        log = os.open(folder / LOG, flags, 0o600)
        try:
            process = subprocess.Popen(
                list(self._command(folder)),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=WORKING_FOLDER,
                env=environment(),
                start_new_session=True,
            )
        finally:
            os.close(log)
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, process.pid, NICENESS)
        self._children[id] = process
        job = self._job(id)
        job |= {"taken": job["asked"], "pid": process.pid, "started": started_at(process.pid)}
        job |= {"host": socket.gethostname(), "began": time.time()}
        job |= {"cancelled": None, "ended": None, "exit_code": None}
        self._store.write(id, "job.json", job)

    def _watch(self, id: str, job: dict[str, Any]) -> None:
        now = time.time()
        late = now - job["began"] > self._max_job_s
        ignored = job.get("cancelled") and now - job["cancelled"] > KILL_AFTER_S
        if late or ignored:
            reason = "cancelled" if ignored else "timeout"
            self._store.write(id, "job.json", {**job, "ended": reason})
            _kill(job["pid"])
        with contextlib.suppress(OSError):  # the process appends, so it goes on at the new end
            log = self._store.root / id / LOG
            if log.lstat().st_size > MAX_LOG_BYTES:
                os.truncate(log, 0)

    def _is_alive(self, id: str, job: dict[str, Any]) -> bool:
        pid = job.get("pid")
        if not pid or job.get("host") != socket.gethostname() or job.get("exit_code") is not None:
            return False
        child = self._children.get(id)
        if child is not None and child.pid == pid:
            code = child.poll()
            if code is not None:
                job["exit_code"] = code
                job["ended"] = job.get("ended") or ("cancelled" if job.get("cancelled") else None)
                with contextlib.suppress(RunError):
                    self._store.write(id, "job.json", job)
            return code is None
        return process_exists(pid) and started_at(pid) == job.get("started")

    def _waiting(self) -> list[str]:
        """Ids in line, the first that was asked for first; those at work are not in it."""
        jobs = {id: self._job(id) for id in self._store.ids()}
        line = [id for id, job in jobs.items() if _waits(job) and not self._is_alive(id, job)]
        return sorted(line, key=lambda id: jobs[id].get("since", 0.0))

    def _job(self, id: str) -> dict[str, Any]:
        return self._store.record(id, "job.json")

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """No other studio on this folder starts anything meanwhile."""
        import fcntl  # here, so that a system without it can still show segmentations

        if not self._store.root.is_dir():
            yield
            return
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW
        handle = os.open(self._store.root / ".lock", flags, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)


def segment_command(folder: Path) -> list[str]:
    """The words that start the job of a segmentation."""
    return [sys.executable, "-m", "pointins_engine.segment.job", str(folder)]


def _waits(job: dict[str, Any]) -> bool:
    return job.get("asked", 0) > job.get("taken", 0)


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _last_words(job: dict[str, Any]) -> str:
    if job.get("ended") == "timeout":
        return (
            f"It took longer than {MAX_JOB_S / 60:.0f} minutes and was ended. Try a smaller part "
            "of the scan, or `pointins segment` in a terminal."
        )
    code = job.get("exit_code")
    how = f" (signal {-code})" if isinstance(code, int) and code < 0 else ""
    return (
        f"The process that segments ended in the middle{how}, perhaps for want of memory. Try "
        "again, or try a smaller part of the scan."
    )
