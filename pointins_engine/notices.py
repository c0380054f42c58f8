"""What ranks tell each other outside of their tensors, and how they end together.

A rank that fails cannot be waited for: the others stand in a reduction that it never joins. So the
first failure goes to the key-value store that launched the ranks, every rank looks there several
times a second from a thread of its own, and all of them end with the same reason.
"""

import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

from torch.distributed.distributed_c10d import Store

LOOK_EVERY_S = 0.2
GRACE_S = 60.0  # for the step in hand and a checkpoint
EXIT_FAILED = 1
_BROKEN_GROUP = ("Connection closed by peer", "Connection reset", "gloo", "NCCL")


class Notices:
    """One rank's view of the store.

    Args:
        store: Of the main thread; nothing but `share` waits in it.
        watched: A second client of the same store, for the watching thread.
        rank: Of this process.
    """

    def __init__(self, store: Store, watched: Store, rank: int) -> None:
        self._store = store
        self._watched = watched
        self._rank = rank
        self._shared = 0
        self._told = 0
        self._reason: str | None = None
        self._is_first = False
        self._is_over = threading.Event()
        self._watch = threading.Thread(target=self._look, name="ranks", daemon=True)
        self.close_run: Callable[[str], None] = lambda reason: None  # on the rank that writes
        self._watch.start()

    def share(self, value: Any) -> Any:
        """What rank 0 gives, as JSON, on all ranks; every rank calls this equally often."""
        key = f"shared/{self._shared}"
        self._shared += 1
        if self._rank == 0:
            self._store.set(key, json.dumps(value))
        return json.loads(self._store.get(key))

    def tell(self, line: str) -> None:
        """A sentence for the rank that writes; from any thread."""
        self._store.set(f"line/{self._store.add('lines', 1)}", f"rank {self._rank}: {line}")

    def told(self) -> list[str]:
        """Sentences of the other ranks since the last call."""
        lines: list[str] = []
        while self._store.check([f"line/{self._told + 1}"]):
            self._told += 1
            lines.append(self._store.get(f"line/{self._told}").decode())
        return lines

    def failure(self, error: BaseException) -> tuple[str, bool]:
        """Why the ranks end, and whether this rank was the first to fail; tells the others.

        An error that merely follows from another rank's end is given that rank's reason.
        """
        if self._reason is None:
            self.leave()
            own = self._described(error)
            # The answer also says that the store has it before this rank's connections close.
            self._reason = self._store.compare_set("failure", "", own).decode()
            self._is_first = self._reason == own
        return self._reason, self._is_first

    def leave(self) -> None:
        """Stop watching; if the ranks are just being ended, this does not return."""
        self._is_over.set()
        self._watch.join()

    def _described(self, error: BaseException) -> str:
        text = f"{type(error).__name__}: {error}"
        if any(word in str(error) for word in _BROKEN_GROUP):
            text = f"another rank ended without a word ({text.splitlines()[0]})"
        return f"rank {self._rank}: {text}"

    def _look(self) -> None:
        while not self._is_over.wait(LOOK_EVERY_S):
            try:
                if self._watched.check(["failure"]):
                    self._end(self._watched.get("failure").decode())
            except RuntimeError:
                # The launcher has gone, and nobody would end this process if it hung.
                os.kill(os.getpid(), signal.SIGTERM)
                if not self._is_over.wait(GRACE_S):
                    self._end("the launcher of the ranks has gone")

    def _end(self, reason: str) -> None:
        """End this process: its main thread may stand in a reduction that no exception reaches."""
        if self._is_over.is_set():
            return
        self.close_run(reason)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(EXIT_FAILED)
