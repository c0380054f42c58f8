"""`pointins data check`: every scene is read, and each fault is told with its fix."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from pointins_engine.errors import SceneError
from pointins_engine.scenes.datasets.dataset import Dataset, SceneEntry, Task
from pointins_engine.scenes.datasets.jobs import each
from pointins_engine.scenes.datasets.plain import PlainScans
from pointins_engine.scenes.report import describe
from pointins_engine.types import Scene

_FIELDS = ("color", "normal", "intensity", "semantic_label", "instance_label")
_PURE = 0.9  # share of an instance in its most frequent class; overlapping objects have less
_FEW_MIXED = 0.1  # share of instances that may be below; ScanNet's overlaps are fewer
_AGAIN = "Copy or download the files of this scene again, or take it out of the folder."


@dataclass(frozen=True, slots=True)
class _Look:
    """Reads one scene of a dataset; sent to each process once."""

    dataset: Dataset

    def __call__(self, entry: SceneEntry) -> dict[str, Any]:
        scene, notes = self.dataset.read(entry)
        is_stated = not isinstance(self.dataset, PlainScans)
        facts = describe(scene, [*notes, *_mixed_instances(scene)], is_stated=is_stated)
        return {**facts, "split": entry.split, "ranges": _ranges(scene)}


def check(
    dataset: Dataset,
    *,
    limit: int | None = None,
    jobs: int = 1,
    watch: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Read the scenes of a dataset and gather what is there, ready for JSON.

    Args:
        dataset: What to look at.
        limit: Scenes to read at most, spread evenly over the splits; None reads all.
        jobs: Processes.
        watch: Called after every scene.

    Returns:
        path, dataset, layout, licence, notes, classes, num_scenes, num_read, splits (by name: see
        `_split`), lists (scenes of each split file and alias), faults (path, text, fix and whether
        a scene is unreadable because of it), taken and warnings (sentences, each with the
        number of scenes that have it), and scenes (the figures of each).
    """
    entries = dataset.entries if limit is None else _spread(dataset.entries, limit)
    faults = [
        {"path": str(f.path), "text": f.text, "fix": f.fix, "unreadable": False}
        for f in dataset.faults()
    ]
    looked: dict[int, dict[str, Any]] = {}
    for number, found in each(_Look(dataset), entries, jobs):
        if isinstance(found, Exception):
            faults.append(_unreadable(entries[number], found))
        else:
            looked[number] = found
        watch()
    scenes = [looked[number] for number in sorted(looked)]
    faults.sort(key=lambda fault: (not fault["unreadable"], fault["path"]))
    by_split: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for scene in scenes:
        by_split[scene["split"]].append(scene)
    known = dataset.classes
    return {
        "path": str(dataset.root),
        "dataset": dataset.name,
        "layout": dataset.title,
        "licence": dataset.licence,
        "notes": list(dataset.notes),
        "classes": [
            {
                "name": name,
                "has_instances": name in known.things,
                "group": next((g for g, names in known.groups.items() if name in names), None),
            }
            for name in known.names
        ],
        "num_scenes": len(dataset.entries),
        "num_read": len(entries),
        "splits": {
            split: {
                "in_dataset": sum(entry.split == split for entry in dataset.entries),
                **_split(by_split[split], sum(e.split == split for e in entries), known.names),
            }
            for split in sorted({entry.split for entry in entries})
        },
        "lists": {
            name: len(dataset.entries_of(name))
            for name in (*dataset.lists, *dataset.aliases)
            if dataset.has(name)
        },
        "faults": faults,
        "taken": _grouped(scenes, "taken"),
        "warnings": _grouped(scenes, "warnings"),
        "scenes": scenes,
    }


def _split(scenes: Sequence[Mapping[str, Any]], num: int, names: Sequence[str]) -> dict[str, Any]:
    """Figures of the scenes of a split that could be read; `num` were tried."""
    found: dict[str, Any] = {"scenes": num, "unreadable": num - len(scenes)}
    if not scenes:
        return {**found, "tasks": {}}
    points = [scene["points"] for scene in scenes]
    extents = np.array([scene["extent_m"] for scene in scenes])
    fields = Counter(field for scene in scenes for field in scene["fields"])
    classes: dict[str, dict[str, int]] = {}
    for scene in scenes:
        for name, counts in scene["classes"].items():
            row = classes.setdefault(name, {"points": 0, "instances": 0, "scenes": 0})
            row["points"] += counts["points"]
            row["instances"] += counts["instances"] or 0
            row["scenes"] += 1
    order = {name: place for place, name in enumerate(names)}
    return {
        **found,
        "points": {
            "least": min(points),
            "median": int(np.median(points)),
            "most": max(points),
            "all": sum(points),
            "dropped": sum(scene["dropped"] for scene in scenes),
            "unlabelled": sum(scene["unlabelled"] or 0 for scene in scenes),
        },
        "fields": {name: fields[name] for name in ("coord", *_FIELDS)},
        "ranges": _joined_ranges([scene["ranges"] for scene in scenes]),
        "extent_m": {
            "median": np.round(np.median(extents, axis=0), 3).tolist(),
            "most": extents.max(axis=0).tolist(),
        },
        "spacing_m": float(np.median([scene["spacing_m"] for scene in scenes])),
        "up_axis": dict(Counter(scene["up_axis"].split(" (")[0] for scene in scenes).most_common()),
        "instances": sum(scene["num_instances"] or 0 for scene in scenes),
        "classes": dict(sorted(classes.items(), key=lambda row: order.get(row[0], len(order)))),
        "never_seen": [name for name in names if name not in classes] if classes else [],
        "tasks": _tasks(scenes),
    }


def _tasks(scenes: Sequence[Mapping[str, Any]]) -> dict[Task, int]:
    """What can be done with a split, and how many of its scenes it can be done with."""
    semantic = sum(bool(scene["classes"]) for scene in scenes)
    instance = sum(bool(scene["classes"] and scene["num_instances"]) for scene in scenes)
    counts: dict[Task, int] = {
        "pre-training": len(scenes),
        "semantic segmentation": semantic,
        "instance segmentation": instance,
    }
    return {task: count for task, count in counts.items() if count}


def _ranges(scene: Scene) -> dict[str, tuple[float, float]]:
    """Least and largest value of what is measured, and the length of normals."""
    ranges = {}
    for name in ("color", "intensity"):
        values = getattr(scene, name)
        if values is not None:
            ranges[name] = (float(values.min()), float(values.max()))
    if scene.normal is not None:
        length = np.linalg.norm(scene.normal, axis=1)
        ranges["normal_length"] = (float(length.min()), float(length.max()))
    return ranges


def _mixed_instances(scene: Scene) -> list[str]:
    """A warning if many instances hold several classes: labels that do not belong together."""
    semantic, instance = scene.semantic_label, scene.instance_label
    if semantic is None or instance is None or not ((semantic >= 0) & (instance >= 0)).any():
        return []
    both = (semantic >= 0) & (instance >= 0)
    table = csr_array(
        (np.ones(both.sum()), (np.unique(instance[both], return_inverse=True)[1], semantic[both]))
    )
    share = table.max(axis=1).toarray().ravel() / table.sum(axis=1)
    mixed, num = int((share < _PURE).sum()), len(share)
    if mixed <= _FEW_MIXED * num:
        return []
    return [
        f"{scene.id}: {mixed:,} of {num:,} instances hold points of several classes; are both "
        "label files of this scan, in the same order?"
    ]


def _joined_ranges(ranges: Sequence[Mapping[str, Sequence[float]]]) -> dict[str, list[float]]:
    joined: dict[str, list[float]] = {}
    for found in ranges:
        for name, (low, high) in found.items():
            least, most = joined.get(name, (low, high))
            joined[name] = [min(least, low), max(most, high)]
    return joined


def _unreadable(entry: SceneEntry, error: Exception) -> dict[str, Any]:
    text = str(error) if isinstance(error, SceneError) else f"{type(error).__name__}: {error}"
    text = text.removeprefix(f"{entry.path}: ").replace(f"{entry.path}/", "")
    return {"path": str(entry.path), "text": text, "fix": _AGAIN, "unreadable": True}


def _spread(entries: Sequence[SceneEntry], limit: int) -> tuple[SceneEntry, ...]:
    """At most `limit` entries (one a split at least), evenly spread over each split."""
    chosen: list[SceneEntry] = []
    for split in dict.fromkeys(entry.split for entry in entries):
        own = [entry for entry in entries if entry.split == split]
        count = min(len(own), max(1, limit * len(own) // len(entries)))
        chosen += [own[place * len(own) // count] for place in range(count)]
    return tuple(chosen)


def _grouped(scenes: Sequence[Mapping[str, Any]], key: str) -> list[dict[str, Any]]:
    """Sentences that differ in names and numbers only, once, the most frequent first."""
    groups: dict[str, list[str]] = defaultdict(list)
    for scene in scenes:
        for kind, text in {_kind(text): text for text in scene[key]}.items():
            groups[kind].append(text)
    rows = sorted(groups.values(), key=len, reverse=True)
    return [{"text": texts[0], "scenes": len(texts)} for texts in rows]


def _kind(text: str) -> str:
    """A sentence without the file it is about and without numbers."""
    return re.sub(r"\d[\d.,]*", "#", re.sub(r"^\S+: ", "", text))
