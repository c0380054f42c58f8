"""What can be asked of a scan: methods with their parameters, and requests that name them."""

from collections.abc import Mapping
from typing import Any

from pointins_engine.baselines import METHODS
from pointins_engine.errors import ConfigError
from pointins_engine.segment.settings import SegmentSettings

OURS, TRUTH, EDITED = "pointins", "truth", "edited"
LABELS = {OURS: "PointINS", TRUTH: "Ground truth", EDITED: "Edited by hand"}
GRID_SIZE = 0.06  # metres; of a scan that is not read yet
PLANES = ("remove", "keep")
_OWN_PARAMETERS = (
    {
        "name": "radius",
        "label": "Radius",
        "meaning": "votes that are closer belong together; empty = from the scan",
        "unit": "m",
        "default": None,
        "minimum": 0.001,
        "maximum": 100.0,
        "integer": False,
    },
    {
        "name": "min_size",
        "label": "Least size",
        "meaning": "cells that an object has at least; empty = from the scan",
        "unit": "",
        "default": None,
        "minimum": 1,
        "maximum": 1_000_000,
        "integer": True,
    },
    {
        "name": "least_score",
        "label": "Least score",
        "meaning": "what is less sure is no object; empty = 0.01",
        "unit": "",
        "default": None,
        "minimum": 0.0,
        "maximum": 1.0,
        "integer": False,
    },
)


def offered(facts: Mapping[str, Any], *, has_truth: bool) -> list[dict[str, Any]]:
    """All methods for a scan, ours first, each with its parameters; `planes` goes with any.

    Args:
        facts: What the job says of the scan: domain, grid_size (metres), has_color.
        has_truth: Whether the scan brings labels.
    """
    domain = "outdoor" if facts.get("domain") == "outdoor" else "indoor"
    grid_size = float(facts.get("grid_size") or GRID_SIZE)
    ours = {
        "method": OURS,
        "label": LABELS[OURS],
        "summary": "Votes of a network that saw no labels, grouped.",
        "needs": [],
        "parameters": list(_OWN_PARAMETERS),
    }
    truth = {
        "method": TRUTH,
        "label": LABELS[TRUTH],
        "summary": "The labels that the scan brings.",
        "needs": ["labels"],
        "parameters": [],
    }
    has_color = bool(facts.get("has_color", True))
    classical = [each.describe(domain, grid_size, has_color=has_color) for each in METHODS.values()]
    return [ours, *classical, *([truth] if has_truth else [])]


def checked_settings(method: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of a layer as its request holds them; what was left out is chosen from the scan.

    Raises:
        ConfigError: If there is no such method or setting, or a value is not possible.
    """
    if method == OURS:
        return SegmentSettings.from_values(values).values()
    if method == TRUTH:
        if values:
            raise ConfigError("the ground truth has no settings.")
        return {}
    if method not in METHODS:
        known = ", ".join((OURS, *METHODS, TRUTH))
        raise ConfigError(f"there is no method {method[:60]!r}; there are: {known}.")
    given = dict(values)
    planes = given.pop("planes", "remove")
    if planes not in PLANES:
        raise ConfigError(f"planes is {planes!r}, expected one of {', '.join(PLANES)}.")
    parameters = {parameter.name: parameter for parameter in METHODS[method].parameters}
    settings: dict[str, Any] = {"planes": planes}
    for name, value in given.items():
        if name not in parameters:
            known = ", ".join(("planes", *parameters))
            raise ConfigError(f"{method} has no setting {name[:60]!r}; it has: {known}.")
        if value is not None:
            settings[name] = parameters[name].checked(value, method)
    return settings


def add_wanted(
    wanted: list[dict[str, Any]], method: str, settings: dict[str, Any], checkpoint: str | None
) -> tuple[list[dict[str, Any]], str]:
    """The layers that are wanted with one more, and its name.

    The same method with the same settings is the same layer; with others it is another, which has
    a number behind its name.
    """
    new = {"method": method, "settings": settings}
    if checkpoint is not None:
        new["checkpoint"] = checkpoint
    for item in wanted:
        if {name: value for name, value in item.items() if name != "layer"} == new:
            return wanted, str(item["layer"])
    taken = {str(item["layer"]) for item in wanted}
    name, count = method, 1
    while name in taken:
        count += 1
        name = f"{method}-{count}"
    return [*wanted, {"layer": name, **new}], name
