"""Means and spreads over seeds, and the table that people read."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

FIGURES = (  # name, place in a run's record, heading
    ("linear_accuracy", ("linear_accuracy",), "linear"),
    ("linear_miou", ("linear_miou",), "mIoU"),
    ("neighbour_accuracy", ("neighbour_accuracy",), "neighbours"),
    ("cosine", ("cosine",), "cos"),
    ("centroid_error", ("centroid_error",), "error m"),
    ("pseudo_error", ("pseudo_error",), "pseudo m"),
    ("pseudo_ari", ("pseudo_ari",), "ARI"),
)
POINTS = {"all": "all points", "without_planes": "planes removed"}
APS = ("ap", "ap50", "ap25")
HEADINGS = ("AP", "AP50", "AP25")


def spread(values: Sequence[float | None]) -> dict[str, float | int | None]:
    """Mean, standard deviation over seeds (n - 1) and count of what was measured."""
    there = [value for value in values if value is not None]
    if not there:
        return {"mean": None, "std": None, "count": 0}
    mean = sum(there) / len(there)
    squares = sum((value - mean) ** 2 for value in there)
    std = math.sqrt(squares / (len(there) - 1)) if len(there) > 1 else None
    return {"mean": mean, "std": std, "count": len(there)}


def summarize(results: Mapping[str, Any]) -> dict[str, Any]:
    """Spread over seeds of every figure of every variant, the untrained network among them."""
    records: dict[str, list[Mapping[str, Any]]] = {}
    for record in [*results["untrained"].values(), *results["runs"].values()]:
        records.setdefault(record["variant"], []).append(record)
    summary: dict[str, Any] = {}
    for variant, rows in records.items():
        summary[variant] = {
            name: spread([_at(row, place) for row in rows]) for name, place, _ in FIGURES
        }
        for points in POINTS:
            summary[variant][points] = {
                name: {ap: spread([row[points][name][ap] for row in rows]) for ap in APS}
                for name in rows[0][points]
                if name != "best"
            }
            chosen = [row[points][row[points]["best"]] for row in rows]
            summary[variant][points]["best"] = {
                ap: spread([row[ap] for row in chosen]) for ap in APS
            }
    return summary


def markdown(results: Mapping[str, Any]) -> str:
    """The results as tables, with what a reader needs to judge them."""
    settings, summary = results["settings"], results["summary"]
    seeds = ", ".join(map(str, results["seeds"]))
    lines = [
        f"# Ablation of {results['recipe']} on {results['source']}, {results['steps']} steps",
        "",
        f"`{results['command']}`; seeds {seeds}; mean ± standard deviation over seeds.",
        f"Measured on {settings['unseen']} scenes that no run has seen. Numbers of read-outs and",
        f"classical methods were chosen on {settings['development']} other scenes; linear probe",
        f"and neighbours learn labels on {settings['probe']} more.",
        "",
        "## Representation and votes",
        "",
        "linear, mIoU: linear probe on frozen cells. neighbours: the 20 nearest cells vote.",
        "cos, error m: votes against true centroids, on cells of objects off the planes.",
        "pseudo m, ARI: pseudo-instances that SCR cuts from the raw votes, against the true ones.",
        "",
        _row(["variant", *(heading for _, _, heading in FIGURES)]),
        _row(["---"] * (len(FIGURES) + 1)),
    ]
    for variant, row in summary.items():
        lines.append(_row([variant, *(_cell(row[name]) for name, _, _ in FIGURES)]))
    lines += [
        "",
        "## Instances without labels",
        "",
        "Class-agnostic ScanNet AP on the raw points of the scans; true instances and proposals",
        f"of fewer than {settings['min_region']} points do not count; floor, walls and ceiling are",
        'void. "Planes removed": what lies on planes found without labels takes no part, in every',
        "row alike. A variant's read-out is the one that did best on the development scenes.",
        "",
        _row(["row", *(f"{ap}, {text}" for text in POINTS.values() for ap in HEADINGS)]),
        _row(["---"] * 7),
    ]
    for name, row in results["classical"].items():
        cells = [_figure(row[points][ap]) for points in POINTS for ap in APS]
        lines.append(_row([name, *cells]))
    for variant, row in summary.items():
        cells = [_cell(row[points]["best"][ap]) for points in POINTS for ap in APS]
        lines.append(_row([variant, *cells]))
    lines += ["", *_by_read_out(results)]
    if results["failed"]:
        lines += ["", f"Failed: {', '.join(results['failed'])}."]
    return "\n".join(lines) + "\n"


def _by_read_out(results: Mapping[str, Any]) -> list[str]:
    """AP of every read-out; the row of zero offsets says what the read-out does by itself."""
    summary, still = results["summary"], results["zero_offsets"]
    names = [name for name in still["all"] if name != "best"]
    lines = [
        "AP by read-out. Zero offsets: the same grouping of points that stay where they are.",
        "",
        _row(["row", *(f"{name}, {text}" for text in POINTS.values() for name in names)]),
        _row(["---"] * (1 + len(POINTS) * len(names))),
        _row(
            ["zero offsets"]
            + [_figure(still[points][name]["ap"]) for points in POINTS for name in names]
        ),
    ]
    for variant, row in summary.items():
        cells = [_cell(row[points][name]["ap"]) for points in POINTS for name in names]
        lines.append(_row([variant, *cells]))
    return lines


def _at(record: Mapping[str, Any], place: Sequence[str]) -> Any:
    for name in place:
        record = record[name]
    return record


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _cell(value: Mapping[str, Any]) -> str:
    if value["mean"] is None:
        return ""
    return _figure(value["mean"]) + ("" if value["std"] is None else f" ± {value['std']:.3f}")
