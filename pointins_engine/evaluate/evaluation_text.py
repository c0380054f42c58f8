"""The figures of an evaluation as tables for a terminal."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

MAX_SCANS = 40  # rows of the table by scan
_OBJECTS = {
    "ap": "AP",
    "ap50": "AP50",
    "ap25": "AP25",
    "pq": "PQ",
    "sq": "SQ",
    "rq": "RQ",
    "ari": "ARI",
    "recall50": "rec50",
    "recall25": "rec25",
    "mean_best_iou": "bestIoU",
}
_CLASSES = {"ap": "AP", "ap50": "AP50", "ap25": "AP25"}
_PANOPTIC = {"pq": "PQ", "sq": "SQ", "rq": "RQ", "iou": "IoU"}


def evaluation_text(figures: Mapping[str, Any], scans: Mapping[str, Mapping[str, float]]) -> str:
    """Tables of `Evaluation.figures` and of the figures by scan, in percent."""
    strict = ".50 .. .95" if figures["overlap_095"] else ".50 .. .90"
    lines = [
        f"{figures['benchmark']}: {_many(figures['scans'], 'scan')}, "
        f"{_many(figures['true_instances'], 'true instance')}, "
        f"{_many(figures['proposals'], 'proposal')} (of {figures['min_region']} points and more)",
        "",
        f"Objects without classes, %; AP is the mean over the overlaps {strict}",
    ]
    rows = [("all scans", figures["objects"])]
    if 1 < len(scans) <= MAX_SCANS:
        rows += scans.items()
    lines += _table(rows, _OBJECTS)
    if figures["one_score"] and figures["proposals"]:
        lines.append(
            "All proposals have one score: AP is recall (1 + precision) / 2 at each overlap, "
            "which flatters."
        )
    if "classes" in figures:
        lines += ["", "Classes as predicted, %", *_by_class(figures["classes"])]
    if "paired" in figures:
        lines += [
            "",
            "Classes taken from the paired true instances (strict: a proposal without a pair is "
            "wrong in every class), %",
            *_by_class(figures["paired"]),
        ]
    if "panoptic" in figures:
        lines += ["", *_panoptic(figures["panoptic"])]
    return "\n".join(lines)


def _by_class(found: Mapping[str, Any]) -> list[str]:
    known = {name: row for name, row in found["per_class"].items() if not math.isnan(row["ap"])}
    return _table([("mean over classes", found), *known.items()], _CLASSES)


def _panoptic(found: Mapping[str, Any]) -> list[str]:
    lines = [f"Panoptic quality, %; segments of {found['min_points']} points and more"]
    rows = [(name, found[name]) for name in ("all", "things", "stuff")]
    absent = found["absent"]
    if absent:
        rows.append(("classes that occur", found["occurring"]))
    there = {name: row for name, row in found["per_class"].items() if name not in absent}
    lines += _table([*rows, *there.items()], _PANOPTIC)
    lines.append(f"PQ† {100 * found['pq_dagger']:.1f}")
    if absent:
        lines.append(
            f"{_many(len(absent), 'class', 'classes')} of {len(found['per_class'])} did not occur; "
            "they count as 0 in the means, as in the benchmark."
        )
    return lines


def _table(
    rows: Sequence[tuple[str, Mapping[str, float]]], columns: Mapping[str, str]
) -> list[str]:
    wide = max(len(name) for name, _ in rows)
    lines = [" " * wide + "".join(f"{heading:>9}" for heading in columns.values())]
    for name, values in rows:
        lines.append(f"{name:<{wide}}" + "".join(f"{_percent(values[key]):>9}" for key in columns))
    return lines


def _percent(value: float) -> str:
    return "-" if math.isnan(value) else f"{100 * value:.1f}"


def _many(count: int, noun: str, plural: str = "") -> str:
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"
