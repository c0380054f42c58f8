"""How often somebody may do something, and how much of it is kept in memory."""

import threading
import time
from collections import deque
from collections.abc import Callable

MAX_VISITORS = 1000  # remembered; the one that was heard of longest ago goes first


class RateLimit:
    """At most `count` calls of a visitor within `window_s` seconds."""

    def __init__(
        self, count: int, window_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._count, self._window_s, self._clock = count, window_s, clock
        self._calls: dict[str, deque[float]] = {}
        self._lock = threading.Lock()

    def allows(self, visitor: str) -> bool:
        """Whether the visitor may do it now; if so, the call counts."""
        with self._lock:
            now = self._clock()
            calls = self._calls.pop(visitor, None) or deque(maxlen=self._count)
            self._calls[visitor] = calls
            while len(self._calls) > MAX_VISITORS:
                del self._calls[next(iter(self._calls))]
            if len(calls) == self._count and now - calls[0] < self._window_s:
                return False
            calls.append(now)
            return True
