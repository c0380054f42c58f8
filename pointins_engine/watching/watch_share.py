"""What share of the trainer's time its frames take, measured. No torch here."""

import time
from collections import deque

FRAMES = 8  # newest frames that the share is of


class WatchShare:
    """Counts from the end of one frame to the end of another, so that whole periods are measured.

    Standing still, and what somebody asked for, is left out: neither follows from the budget.
    """

    def __init__(self) -> None:
        self._ends: deque[tuple[float, float]] = deque(maxlen=FRAMES)  # clock, seconds of frames
        self._left_out_s = 0.0
        self._frames_s = 0.0

    def leave_out(self, seconds: float) -> None:
        """The run did not train for that long."""
        self._left_out_s += seconds

    def frame(self, seconds: float) -> float | None:
        """A frame has just ended; returns the share 0..1 of the last ones, None at the first."""
        self._frames_s += seconds
        self._ends.append((time.perf_counter() - self._left_out_s, self._frames_s))
        (first, before), (last, now) = self._ends[0], self._ends[-1]
        return (now - before) / (last - first) if last > first else None
