"""How far a segmentation's job is, and what ends it from outside: a signal, or too much memory."""

import os
import select
import signal
import threading
import time
from pathlib import Path
from typing import Any, Literal, NoReturn

from pointins_engine.run_log.files import write_json

STOPPED = 3  # exit status
OUT_OF_MEMORY = 2

_HEARTBEAT_S = 0.3
_LOOK_EVERY_S = 0.1
_VOTING = ("planes", "network")  # phases of one loop over tiles
_STATM = Path("/proc/self/statm")


class JobProgress:
    """`progress.json`: written a few times a second at most, and whole at the end.

    Args:
        path: Of the file.
        failures: Sentences of layers that failed in earlier jobs.
    """

    def __init__(self, path: Path, failures: dict[str, str]) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._is_closed = False
        self._written = float("-inf")
        self._loop, self._began = "", 0.0
        self._failed_now: list[str] = []
        self._values: dict[str, Any] = {
            "status": "running",
            "pid": os.getpid(),
            "phase": "reading",
            "layer": None,
            "done": 0,
            "total": 1,
            "eta_s": None,
            "detail": "",
            "ask": None,
            "failures": failures,
        }
        self._write()

    @property
    def failures(self) -> dict[str, str]:
        """Sentences by layer, of earlier jobs and of this one."""
        return self._values["failures"]

    @property
    def failed_now(self) -> list[str]:
        """Layers that this job could not make."""
        return self._failed_now

    def begin(self, layer: str) -> None:
        """The layer that comes next."""
        self._values["layer"] = layer

    def tell(self, phase: str, done: int, total: int) -> None:
        """State the phase, and how many of its parts are done."""
        loop = _VOTING[-1] if phase in _VOTING else phase
        now = time.monotonic()
        is_new = loop != self._loop
        if is_new or (done == 0 and phase == _VOTING[0]):
            self._loop, self._began = loop, now
        left = (now - self._began) / done * (total - done) if done else None
        self._values |= {
            "phase": phase,
            "done": done,
            "total": total,
            "eta_s": None if left is None else round(left, 1),
        }
        if is_new or now - self._written >= _HEARTBEAT_S:
            self._write()

    def fail_layer(self, layer: str, sentence: str) -> None:
        """A layer that could not be made; the others go on."""
        self.failures[layer] = sentence
        self._failed_now.append(layer)

    def close(
        self,
        status: Literal["finished", "failed", "stopped"],
        detail: str = "",
        ask: dict[str, str] | None = None,
    ) -> None:
        """The last word; what is told later is not written."""
        self._values |= {"status": status, "detail": detail, "ask": ask, "eta_s": None}
        if status == "finished":
            self._values["done"] = self._values["total"]
        self._write(is_last=True)

    def _write(self, *, is_last: bool = False) -> None:
        with self._lock:
            if self._is_closed:
                return
            self._is_closed = is_last
            write_json(self._path, self._values)
            self._written = time.monotonic()


def watch(progress: JobProgress, max_bytes: int) -> None:
    """End this process with a sentence when it is told to stop or takes too much memory.

    A thread looks after both, so that a long call into a library delays neither.

    Args:
        progress: Where the sentence goes.
        max_bytes: Memory that the process may hold.
    """
    told, tell = os.pipe()
    os.set_blocking(tell, False)
    signal.signal(signal.SIGTERM, lambda *_: None)
    signal.set_wakeup_fd(tell, warn_on_full_buffer=False)

    def look() -> None:
        while True:
            if select.select([told], [], [], _LOOK_EVERY_S)[0] and (
                signal.SIGTERM in os.read(told, 64)
            ):
                _end(progress, "stopped", "", STOPPED)
            if (held := resident_bytes()) > max_bytes:
                sentence = (
                    f"This scan needs more memory than the {max_bytes / 2**30:.1f} GB that a job "
                    f"may take (it held {held / 2**30:.1f} GB). Cut it into parts, or thin it."
                )
                _end(progress, "failed", sentence, OUT_OF_MEMORY)

    threading.Thread(target=look, daemon=True).start()


def resident_bytes() -> int:
    """Memory that this process holds; 0 where the system does not tell."""
    try:
        return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0


def _end(
    progress: JobProgress, status: Literal["failed", "stopped"], detail: str, code: int
) -> NoReturn:
    """Leave at once, and with what we started: files are whole or not there."""
    try:
        progress.close(status, detail)
    finally:
        if os.getpgrp() == os.getpid():  # the group is ours: readers of other libraries end too
            os.killpg(0, signal.SIGTERM)
        os._exit(code)
