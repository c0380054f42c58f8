"""What the panels of ODR and SCR need besides a frame's statistics: the prior and its bounds."""

from app.runs import Runs
from pointins_engine.config import RunConfig
from pointins_engine.errors import PointinsError
from pointins_engine.offset_prior.files import prior_of_run
from pointins_engine.offset_prior.record import PriorRecord
from pointins_engine.watching import alarms


def prior_of(runs: Runs, run_id: str) -> PriorRecord | None:
    """The prior that a run started with; None where its file is gone or cannot be read."""
    try:
        return prior_of_run(runs.folder(run_id))
    except PointinsError:
        return None


def alarm_limits(config: RunConfig, prior: PriorRecord | None) -> dict[str, float]:
    """Bounds of the alarms by name, in the unit of what is logged."""
    return alarms.limits(config, prior_mean_m=None if prior is None else prior.mean())


def wanted_directions(
    config: RunConfig, prior: PriorRecord | None
) -> tuple[tuple[float, ...], ...] | None:
    """Tables that ODR maps the axes of directions onto; None where it maps them onto uniform ones.

    The values of x, y and z are at evenly spaced levels from 0 to 1.
    """
    if config.odr.direction_prior != "empirical" or prior is None:
        return None
    return prior.direction or None
