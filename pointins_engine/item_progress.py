"""How far a job over many items is: a bar for people, a line now and then for log files."""

import sys
import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

LINE_EVERY_S = 10.0


class ItemProgress:
    """Shows on stderr how many items are done and how long the rest will take.

    The estimate counts only items that took work, so that a job that was resumed does not promise
    the speed at which it passed over what was there.
    """

    def __init__(self, noun: str, total: int) -> None:
        self._console = Console(file=sys.stderr, highlight=False)
        self._noun = noun
        self._total = total
        self._num_done = self._num_passed = 0
        self._start = self._last_line = time.monotonic()
        self._is_live = self._console.is_terminal
        self._bar = Progress(
            TextColumn("{task.fields[done]}/{task.total} " + noun),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[left]} {task.fields[doing]}", markup=False),
            console=self._console,
            disable=not self._is_live,
        )
        self._task = self._bar.add_task(noun, total=total, done=0, left="", doing="")
        self._doing, self._share = "", 0.0

    def __enter__(self) -> "ItemProgress":
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def say(self, line: str) -> None:
        """One sentence above the bar."""
        self._console.print(line, soft_wrap=True, markup=False)

    def within(self, share: float, doing: str) -> None:
        """The item in work is done to a share of 0..1; what is done to it just now, in words."""
        self._share, self._doing = share, doing
        self._show()

    def advance(self, is_passed_over: bool = False) -> None:
        """One more item is done; it cost nothing if it was passed over."""
        self._num_done += 1
        self._num_passed += is_passed_over
        self._share, self._doing = 0.0, ""
        self._show()

    def _show(self) -> None:
        now = time.monotonic()
        worked = self._num_done - self._num_passed + self._share
        left = ""
        if worked:
            each_s = (now - self._start) / worked
            left = f"{duration(each_s * (self._total - self._num_done - self._share))} left"
        self._bar.update(
            self._task,
            completed=self._num_done + self._share,
            done=self._num_done,
            left=left,
            doing=self._doing,
        )
        is_last = self._num_done == self._total
        if not self._is_live and (is_last or now - self._last_line >= LINE_EVERY_S):
            self._last_line = now
            parts = (f"{self._num_done}/{self._total} {self._noun}", left, self._doing)
            self.say("  ".join(part for part in parts if part))


def duration(seconds: float) -> str:
    """Seconds as people say them: 45 s, 3 min 20 s, 2 h 5 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
