"""Simulated streets beside real sweeps: returns, classes, objects, offsets, ranges, intensities."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.stats import lognorm, wasserstein_distance

from pointins_engine.offset_prior.offsets import labelled_offsets
from pointins_engine.scenes.simulate.outdoor.draft import STREET_CLASSES
from pointins_engine.scenes.simulate.outdoor.streets import Sensor, simulate_street
from pointins_engine.scenes.source import open_raw_scenes
from pointins_engine.types import Scene

NUM_STREETS = 40
FIRST_SEED = 3_000_000_000  # no run trains or is measured on these
CELL = 0.2  # metres: cells of the loss stage outdoors
_BINS = (0, 5, 10, 20, 40, 80)  # metres
_FACE_CELL = 0.3  # metres: patches of an object's box
_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True, kw_only=True, slots=True)
class Sweeps:
    """Sweeps of one origin."""

    name: str
    scenes: Sequence[Scene]
    has_things: bool


def tables(data: Path | None, num_streets: int = NUM_STREETS) -> str:
    """Markdown tables; a real column appears for each dataset found in `data`."""
    columns = []
    for sensor, real_name, folder in (
        ("64", "SemanticKITTI", "semantickitti"),
        ("32", "nuScenes", "nuscenes"),
        ("128", "PandaSet", "pandaset"),
    ):
        scenes = [simulate_street(FIRST_SEED + k, _sensor(sensor)) for k in range(num_streets)]
        columns.append(Sweeps(name=f"simulated, {sensor} beams", scenes=scenes, has_things=True))
        if data is not None and (data / folder).is_dir():
            real = list(open_raw_scenes(str(data / folder)))
            has_things = any((s.instance_label is not None) for s in real)
            columns.append(Sweeps(name=real_name, scenes=real, has_things=has_things))
    return _compare(columns) + "\n\n" + _class_shares(columns)


def _sensor(name: str) -> Sensor:
    return "64" if name == "64" else "32" if name == "32" else "128"


def _compare(columns: list[Sweeps]) -> str:
    rows: list[tuple[str, Callable[[Sweeps], str]]] = [
        ("sweeps", lambda c: f"{len(c.scenes)}"),
        ("returns a sweep beyond 1 m, thousand",
         lambda c: _spread([len(ranges([s], np.inf)) / 1000 for s in c.scenes], 0)),
        ("range, 5/25/50/75/95 %, m", lambda c: _quantiles(ranges(c.scenes), 1)),
        (f"share of returns within {', '.join(map(str, _BINS[1:]))} m", _by_range),
        ("intensity, 5/25/50/75/95 %", lambda c: _quantiles(_intensities(c.scenes), 3)),
        ("things a sweep", lambda c: _of_things(c, lambda s: [len(things(s))], _spread)),
        ("points a thing, 5/25/50/75/95 %", lambda c: _of_things(c, _sizes, _quantiles)),
        ("offset, 5/25/50/75/95 %, m", lambda c: _of_things(c, _lengths, _quantiles2)),
        ("offset, fitted LogNormal, W1 to LogNormal(0, 0.76), m",
         lambda c: _of_things(c, _lengths, _fit)),
        ("part of a car's box that is seen, 5/25/50/75/95 %",
         lambda c: _of_things(c, seen_shares, _quantiles2)),
    ]  # fmt: skip
    lines = ["| | " + " | ".join(c.name for c in columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for label, cell in rows:
        lines.append(f"| {label} | " + " | ".join(cell(c) for c in columns) + " |")
    for simulated, real in zip(columns[::2], columns[1::2], strict=False):
        if not real.name.startswith("simulated"):
            gap = wasserstein_distance(ranges(simulated.scenes), ranges(real.scenes))
            lines.append(f"\nW1 of ranges, {simulated.name} to {real.name}: {gap:.2f} m")
    return "\n".join(lines)


def _class_shares(columns: list[Sweeps]) -> str:
    """Share of points and things a sweep by class, for columns with SemanticKITTI's classes."""
    fit = [c for c in columns if c.scenes[0].class_names == STREET_CLASSES]
    fit = [c for c in fit if "32" not in c.name and "128" not in c.name]
    lines = [
        "| class | " + " | ".join(f"{c.name}: points, things a sweep" for c in fit) + " |",
        "|---" * (len(fit) + 1) + "|",
    ]
    for index, name in [*enumerate(STREET_CLASSES), (-1, "without a class")]:
        cells = []
        for c in fit:
            share = np.mean([(_semantic(s) == index).mean() for s in c.scenes])
            count = np.mean([len(things(s, index)) for s in c.scenes]) if index >= 0 else 0.0
            cells.append(f"{100 * share:.2f} %" + (f", {count:.1f}" if count else ""))
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def things(scene: Scene, index: int | None = None) -> list[np.ndarray]:
    """Rows of each instance, of one class or of all."""
    if scene.instance_label is None:
        return []
    label = scene.instance_label
    if index is not None:
        label = np.where(_semantic(scene) == index, label, -1)
    rows = np.flatnonzero(label >= 0)
    order = rows[np.argsort(label[rows], kind="stable")]
    starts = np.flatnonzero(np.diff(label[order], prepend=-1))
    return np.split(order, starts[1:]) if len(order) else []


def seen_shares(scene: Scene) -> list[float]:
    """For each car within 30 m: how much of the box around its points holds a point.

    The box is turned to the smallest footprint; its four sides and its top are cut into patches
    of 0.3 m, and each point counts for the nearest patch.
    """
    index = [k for k, name in enumerate(scene.class_names) if name.lower() == "car"]
    shares = []
    for rows in things(scene, index[0]) if index else []:
        p = scene.coord[rows].astype(np.float64)
        if len(p) < 50 or np.linalg.norm(p.mean(axis=0)) > 30:
            continue
        shares.append(_seen(p))
    return shares


def _seen(p: np.ndarray) -> float:
    best = None
    for angle in np.linspace(0, np.pi / 2, 46)[:-1]:
        c, s = np.cos(angle), np.sin(angle)
        turned = np.c_[c * p[:, 0] + s * p[:, 1], c * p[:, 1] - s * p[:, 0], p[:, 2]]
        area = np.prod(np.ptp(turned[:, :2], axis=0))
        if best is None or area < best[0]:
            best = (area, turned)
    assert best is not None, "some angle has the smallest footprint"
    q = best[1] - best[1].min(axis=0)
    size = np.maximum(q.max(axis=0), _FACE_CELL)
    walls = np.stack([q[:, 0], size[0] - q[:, 0], q[:, 1], size[1] - q[:, 1], size[2] - q[:, 2]])
    face = walls.argmin(axis=0)
    hit = total = 0
    for k, (a, b) in enumerate(((1, 2), (1, 2), (0, 2), (0, 2), (0, 1))):
        shape = np.ceil(size[[a, b]] / _FACE_CELL).astype(int)
        cell = np.minimum(q[face == k][:, [a, b]] / _FACE_CELL, shape - 1).astype(int)
        hit += len(np.unique(cell, axis=0))
        total += int(shape.prod())
    return hit / total


def ranges(scenes: Sequence[Scene], most: float = 80.0) -> np.ndarray:
    """Distances of all returns in metres, from 1 m (nearer is the own car) to `most`."""
    found = np.concatenate([np.linalg.norm(s.coord, axis=1) for s in scenes])
    return found[(found > 1) & (found < most)]


def _semantic(scene: Scene) -> np.ndarray:
    return np.full(len(scene), -1) if scene.semantic_label is None else scene.semantic_label


def _intensities(scenes: Sequence[Scene]) -> np.ndarray:
    return np.concatenate([s.intensity for s in scenes if s.intensity is not None])


def _by_range(column: Sweeps) -> str:
    counts, _ = np.histogram(ranges(column.scenes), _BINS)
    return " ".join(f"{100 * c / counts.sum():.0f} %" for c in counts)


def _sizes(scene: Scene) -> list[int]:
    return [len(rows) for rows in things(scene)]


def _lengths(scene: Scene) -> np.ndarray:
    return np.linalg.norm(labelled_offsets(scene, CELL), axis=1)


def _of_things(
    column: Sweeps, measure: Callable[[Scene], Sequence[float] | np.ndarray],
    show: Callable[[np.ndarray], str],
) -> str:  # fmt: skip
    if not column.has_things:
        return "no labels"
    return show(np.concatenate([np.asarray(measure(s), float) for s in column.scenes]))


def _spread(values: Sequence[float] | np.ndarray, digits: int = 0) -> str:
    low, middle, high = np.quantile(np.asarray(values), (0.0, 0.5, 1.0))
    return f"{middle:.{digits}f} ({low:.{digits}f}..{high:.{digits}f})"


def _quantiles(values: np.ndarray, digits: int = 0) -> str:
    return " ".join(f"{q:.{digits}f}" for q in np.quantile(values, _QUANTILES))


def _quantiles2(values: np.ndarray) -> str:
    return _quantiles(values, 2)


def _fit(lengths: np.ndarray) -> str:
    log = np.log(np.maximum(lengths, 1e-3))
    published = lognorm(s=0.76).ppf((np.arange(len(lengths)) + 0.5) / len(lengths))
    gap = wasserstein_distance(lengths, published)
    return f"mu {log.mean():.2f}, sigma {log.std():.2f}; {gap:.2f}"
