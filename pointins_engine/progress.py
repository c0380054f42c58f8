"""A progress bar for people, a line now and then for log files."""

import os
import sys
import time
from pathlib import Path
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from pointins_engine.item_progress import LINE_EVERY_S, duration
from pointins_engine.training import recorder


class _PatientConsole(Console):
    """A console whose reader may leave: rich would end the process, and the training with it."""

    def on_broken_pipe(self) -> None:
        self.quiet = True
        sys.stderr = Path(os.devnull).open("w")


class ProgressBar:
    """Shows where a run is on stderr; in a pipe it prints a plain line every ten seconds."""

    def __init__(self, run: Path, *, quiet: bool = False) -> None:
        self._console = _PatientConsole(file=sys.stderr, highlight=False)
        self._run = run
        self._quiet = quiet
        self._is_live = self._console.is_terminal and not quiet
        self._last_line = -LINE_EVERY_S
        self._bar = Progress(
            TextColumn("{task.completed}/{task.total}"),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[numbers]}"),
            TimeElapsedColumn(),
            console=self._console,
            disable=not self._is_live,
        )
        self._task = self._bar.add_task("steps", total=None, numbers="")

    def __enter__(self) -> "ProgressBar":
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()
        if kind is None:
            self.say(f"Finished. Watch it again with: pointins studio --runs {self._run.parent}")
        elif kind is KeyboardInterrupt:
            self.say("Stopped; the same command with --resume goes on from here.")

    def say(self, line: str) -> None:
        """One sentence above the bar."""
        if not self._quiet:
            self._console.print(line, soft_wrap=True, markup=False)

    def update(self, now: recorder.Progress) -> None:
        """Advance to a finished step."""
        numbers = f"{now.step_s:.2f} s/step  {duration(now.eta_s)} left"
        if now.loss is not None:
            numbers = f"loss {now.loss:.3f}  offset {now.offset_loss:.3f}  {numbers}"
        self._bar.update(self._task, completed=now.step, total=now.total_steps, numbers=numbers)
        due = time.monotonic() - self._last_line >= LINE_EVERY_S or now.step == now.total_steps
        if not self._is_live and due:
            self._last_line = time.monotonic()
            self.say(f"step {now.step}/{now.total_steps}  {numbers}")
