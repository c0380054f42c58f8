"""Which implementation of an operation runs, and why: shown in the log and by `pointins doctor`."""

from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec


@dataclass(frozen=True, slots=True)
class Backend:
    """The chosen implementation of one operation."""

    name: str
    reason: str  # one clause that a person can act on


@cache
def is_installed(module: str) -> bool:
    """True if `module` can be found, without importing it; a missing parent package is a no."""
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False
