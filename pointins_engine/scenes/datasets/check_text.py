"""What `data check` found, as text for a terminal of 100 columns."""

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pointins_engine.scenes.datasets.plain import PlainScans

WIDTH = 100
_INDENT = 14  # of what stands behind a row's name
_MAX_SPLITS = 3  # that have columns of their own in the table of classes
_MAX_CLASSES = 40
_MAX_FAULTS = 20
_MAX_WARNINGS = 10

_ABSENT = {  # what the lack of a field means
    "color": "colour (zeros in training)",
    "normal": "normals (estimated when they are a feature)",
    "intensity": "intensity (zeros when it is a feature)",
    "semantic_label": "classes",
    "instance_label": "instances",
}


def format_check(report: Mapping[str, Any]) -> str:
    """The report of `check` for a person."""
    blocks = [_head(report)]
    blocks += [_split(name, found, report["dataset"]) for name, found in report["splits"].items()]
    blocks += [_classes(report)]
    blocks += [_sentences(title, report[title]) for title in ("taken", "warnings")]
    blocks += [_faults(report), _last(report)]
    return "\n\n".join(block for block in blocks if block)


def _head(report: Mapping[str, Any]) -> str:
    num, read = report["num_scenes"], report["num_read"]
    splits = ", ".join(f"{name} {s['in_dataset']:,}" for name, s in report["splits"].items())
    rows = [
        ("path", report["path"]),
        ("licence", report["licence"]),
        ("scenes", f"{num:,}" + (f"; {read:,} of them read here" if read < num else "")),
        ("splits", splits),
    ]
    if report["lists"]:
        rows.append(("also", ", ".join(f"{k} {v:,}" for k, v in report["lists"].items())))
    rows += [("note", note) for note in report["notes"]]
    return _block(report["layout"], rows)


def _split(name: str, found: Mapping[str, Any], dataset: str) -> str:
    unreadable = f", {found['unreadable']:,} unreadable" if found["unreadable"] else ""
    title = f"{name}: {_count(found['scenes'], 'scene')}{unreadable}"
    if not found["tasks"]:
        return _block(title, [("tasks", "none: no scene could be read")])
    num = found["scenes"] - found["unreadable"]
    points, fields = found["points"], found["fields"]
    of_all = ", ".join(
        _words(field) + ("" if count == num else f" (in {count:,} of {num:,})")
        for field, count in fields.items()
        if count
    )
    x, y, z = found["extent_m"]["median"]
    far = " x ".join(f"{value:,.1f}" for value in found["extent_m"]["most"])
    rows = [
        (
            "points",
            f"{points['least']:,} to {points['most']:,} a scene, median {points['median']:,}, "
            f"{points['all']:,} in all",
        ),
        ("fields", of_all),
        ("values", _ranges(found["ranges"])),
        ("extent", f"{x:,.1f} x {y:,.1f} x {z:,.1f} m in the median, {far} m at most"),
        ("spacing", f"{found['spacing_m'] * 1000:,.1f} mm to the nearest point (median)"),
        ("up axis", _up_axis(found["up_axis"], dataset)),
    ]
    if found["instances"]:
        rows.append(("instances", f"{found['instances']:,}"))
    if points["dropped"]:
        rows.append(("dropped", f"{points['dropped']:,} points without a finite position"))
    missing = [text for field, text in _ABSENT.items() if not fields[field]]
    if missing:
        rows.append(("missing", ", ".join(missing)))
    if found["never_seen"]:
        rows.append(("no point of", _few(found["never_seen"])))
    tasks = (
        task + ("" if count == num else f" ({count:,} of {num:,} scenes)")
        for task, count in found["tasks"].items()
    )
    return _block(title, [*((k, v) for k, v in rows if v), ("good for", ", ".join(tasks))])


def _classes(report: Mapping[str, Any]) -> str:
    """Points and instances by class, a pair of columns a split, or one for all of many splits."""
    splits = {name: s["classes"] for name, s in report["splits"].items() if s.get("classes")}
    if not splits:
        return ""
    unlabelled = {name: report["splits"][name]["points"]["unlabelled"] for name in splits}
    if len(splits) > _MAX_SPLITS:
        splits, unlabelled = {"all": _summed(splits)}, {"all": sum(unlabelled.values())}
    names = [row["name"] for row in report["classes"]]
    names += sorted({name for rows in splits.values() for name in rows} - set(names))
    totals = {
        name: sum(rows.get(name, {}).get("points", 0) for rows in splits.values()) for name in names
    }
    shown = [name for name in names if totals[name]]
    if len(shown) > _MAX_CLASSES:
        shown = sorted(shown, key=lambda name: -totals[name])[:_MAX_CLASSES]
    lines = [f"{'classes':<22}" + "".join(f"{f'{s} points':>17}{'instances':>10}" for s in splits)]
    for name in shown:
        cells = (_cell(rows.get(name)) for rows in splits.values())
        lines.append(f"  {name[:20]:<20}" + "".join(cells))
    rest = sum(bool(total) for total in totals.values()) - len(shown)
    if rest:
        lines.append(f"  and {rest:,} classes with fewer points; --json has them all")
    groups = dict.fromkeys(row["group"] for row in report["classes"] if row["group"])
    for group in groups:
        members = [row["name"] for row in report["classes"] if row["group"] == group]
        cells = (
            _cell(_sum_of([rows[name] for name in members if name in rows]))
            for rows in splits.values()
        )
        lines.append(f"  {f'all {len(members)} {group}':<20}" + "".join(cells))
    if any(unlabelled.values()):
        cells = (f"{count:>17,}{'':>10}" for count in unlabelled.values())
        lines.append(f"  {'(no class)':<20}" + "".join(cells).rstrip())
    return "\n".join(lines)


def _cell(row: Mapping[str, int] | None) -> str:
    if not row or not row["points"]:
        return f"{'-':>17}{'-':>10}"
    return f"{row['points']:>17,}{row['instances'] or '-':>10}"


def _summed(splits: Mapping[str, Mapping[str, Mapping[str, int]]]) -> dict[str, dict[str, int]]:
    names = dict.fromkeys(name for rows in splits.values() for name in rows)
    return {
        name: _sum_of([rows[name] for rows in splits.values() if name in rows]) for name in names
    }


def _sum_of(rows: Sequence[Mapping[str, int]]) -> dict[str, int]:
    return {key: sum(row[key] for row in rows) for key in ("points", "instances", "scenes")}


def _sentences(title: str, found: Sequence[Mapping[str, Any]]) -> str:
    rows = [(_count(row["scenes"], "scene"), row["text"]) for row in found[:_MAX_WARNINGS]]
    if len(found) > _MAX_WARNINGS:
        rows.append(("", f"and {len(found) - _MAX_WARNINGS:,} other kinds; --json has them all"))
    title = {"taken": "taken as given, because nothing speaks against it"}.get(title, title)
    return _block(title, rows) if rows else ""


def _faults(report: Mapping[str, Any]) -> str:
    found = report["faults"]
    lines = []
    for fault in found[:_MAX_FAULTS]:
        lines += ["", *_wrapped(fault["path"], "  ", "  ")]
        lines += _wrapped(fault["text"], "    ", "    ")
        lines += _wrapped(f"fix: {fault['fix']}", "    ", "         ")
    if len(found) > _MAX_FAULTS:
        lines += ["", f"  and {len(found) - _MAX_FAULTS:,} more; --json has them all"]
    return "\n".join(["faults", *lines[1:]]) if lines else ""


def _last(report: Mapping[str, Any]) -> str:
    bad = sum(fault["unreadable"] for fault in report["faults"])
    other = len(report["faults"]) - bad
    read = f"{report['num_read'] - bad:,} of {report['num_read']:,} scenes can be read"
    if not report["faults"]:
        return f"{read}; no fault found."
    return f"{read}; {bad:,} cannot, and {_count(other, 'other fault')} found."


def _ranges(ranges: Mapping[str, Sequence[float]]) -> str:
    parts = []
    if color := ranges.get("color"):
        parts.append(f"colour {color[0]:.0f}..{color[1]:.0f}")
    if intensity := ranges.get("intensity"):
        parts.append(f"intensity {intensity[0]:.2f}..{intensity[1]:.2f}")
    if normal := ranges.get("normal_length"):
        parts.append(f"normals of length {normal[0]:.3f}..{normal[1]:.3f}")
    return ", ".join(parts)


def _up_axis(found: Mapping[str, int], dataset: str) -> str:
    if dataset == PlainScans.name:
        return "; ".join(f"{text} ({count:,})" for text, count in found.items())
    confirmed, total = sum(n for text, n in found.items() if text == "z"), sum(found.values())
    return f"z, as the dataset states; level surfaces confirm it in {confirmed:,} of {total:,}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _words(field: str) -> str:
    return {"color": "colour", "semantic_label": "class", "instance_label": "instance"}.get(
        field, field
    )


def _few(names: Sequence[str], most: int = 8) -> str:
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _block(title: str, rows: Sequence[tuple[str, str]]) -> str:
    lines = list(_wrapped(title, "", "  "))
    for name, text in rows:
        lines += _wrapped(text, f"  {name:<{_INDENT - 2}}", " " * _INDENT)
    return "\n".join(lines)


def _wrapped(text: str, first: str, later: str) -> Iterator[str]:
    """Lines of at most `WIDTH` columns; long paths stay whole."""
    yield from textwrap.wrap(
        text,
        WIDTH,
        initial_indent=first,
        subsequent_indent=later,
        break_long_words=False,
        break_on_hyphens=False,
    ) or [first.rstrip()]
