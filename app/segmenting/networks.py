"""Networks that can be chosen for a segmentation: by name in a request, by place for its job."""

from pathlib import Path

from app.runs import Runs
from pointins_engine.errors import ConfigError, RunError
from pointins_engine.segment.settings import AUTO, BUILTIN

OWN = (AUTO, f"{BUILTIN}indoor", f"{BUILTIN}outdoor")
RUN = "run:"


class Networks:
    """The built-in ones, and runs that have a checkpoint."""

    def __init__(self, runs: Runs) -> None:
        self._runs = runs

    def names(self) -> list[str]:
        """What can be chosen."""
        return [*OWN, *(f"{RUN}{run}" for run in self._runs.ids() if self._is_there(run))]

    def checkpoint(self, name: str) -> str:
        """What a job opens for a network that was chosen by its name.

        Raises:
            ConfigError: If there is no such network.
        """
        if name in OWN:
            return name
        run = name.removeprefix(RUN)
        if not name.startswith(RUN) or run not in self._runs.ids() or not self._is_there(run):
            raise ConfigError(
                f"there is no network {name[:60]!r}; there are: {', '.join(self.names())}."
            )
        return str(self._runs.folder(run).resolve())

    def _is_there(self, run: str) -> bool:
        try:
            return bool(self._runs.checkpoints(run))
        except RunError:
            return False


def network_name(checkpoint: object) -> str:
    """The name of what a job opens."""
    text = str(checkpoint or AUTO)
    return text if text in OWN else f"{RUN}{Path(text).name}"
