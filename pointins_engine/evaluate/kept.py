"""Figures that are measured once and kept in a file, until what they were made from changes."""

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pointins_engine.errors import RunError
from pointins_engine.run_log.files import read_json, write_json


def kept(
    path: Path, made_from: Mapping[str, Any], measure: Callable[[], Mapping[str, Any]]
) -> dict[str, Any]:
    """Figures from `path`; measured and written there if it is missing, damaged or out of date.

    Args:
        path: JSON file; its folder is made.
        made_from: Everything that decides the figures; its digest is kept with them.
        measure: Makes the figures. NaN becomes null: JSON has none.
    """
    wanted = digest(made_from)
    if path.exists():
        try:
            found = read_json(path)
        except RunError:
            found = {}  # half a file: measured again below
        if found.get("digest") == wanted:
            return found["figures"]
    path.parent.mkdir(parents=True, exist_ok=True)
    started = time.perf_counter()
    figures = _without_nan(measure())
    seconds = round(time.perf_counter() - started, 1)
    write_json(path, {"digest": wanted, "seconds": seconds, "figures": figures})
    return read_json(path)["figures"]  # as the next call finds them: lists, not tuples


def digest(value: Mapping[str, Any]) -> str:
    """Twelve hexadecimal digits that change with any value."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:12]


def _without_nan(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_nan(part) for key, part in value.items()}
    return None if isinstance(value, float) and value != value else value
