"""Predictions of many scans against their ground truth, one after the other: all figures.

Only counts are kept of a scan, so memory does not grow with the length of the scans.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pointins_engine.evaluate.benchmarks import Benchmark, Prediction, Truth
from pointins_engine.evaluate.hungarian import named_proposals
from pointins_engine.evaluate.instance_ap import (
    MIN_REGION,
    ap_over_scenes,
    mean_of_known,
    overlaps_by_class,
)
from pointins_engine.evaluate.matching import ClassOverlaps
from pointins_engine.evaluate.objects import ObjectCounts, count_objects, object_figures
from pointins_engine.evaluate.panoptic import (
    MIN_POINTS,
    PanopticCounts,
    count_segments,
    pq_dagger,
)
from pointins_engine.evaluate.semantic import class_iou, confusion


@dataclass(slots=True)
class Evaluation:
    """Figures over scans that are added one by one.

    Attributes:
        benchmark: Classes of the truth.
        min_region: Points below which an instance does not count for AP and the figures without
            classes.
        min_points: The same for panoptic quality with classes.
        include_095: Whether AP takes the overlap 0.95 in.
    """

    benchmark: Benchmark
    min_region: int = MIN_REGION
    min_points: int = 0
    include_095: bool = False
    scores: set[float] = field(default_factory=set)  # at most two are kept
    _objects: list[ObjectCounts] = field(default_factory=list)
    _named: list[list[ClassOverlaps]] = field(default_factory=list)
    _paired: list[list[ClassOverlaps]] = field(default_factory=list)
    _counts: PanopticCounts | None = None
    _confusion: np.ndarray | None = None

    def __post_init__(self) -> None:
        self.min_points = self.min_points or MIN_POINTS.get(self.benchmark.name, 0)

    def add(self, prediction: Prediction, truth: Truth) -> dict[str, float]:
        """Count one scan; returns its figures without classes."""
        counted = count_objects(
            prediction.proposals,
            prediction.label,
            truth.instances.instance_label,
            self.min_region,
        )
        self._objects.append(counted)
        self.scores = set(sorted({*self.scores, *prediction.proposals.score.tolist()})[:2])
        self._add_classes(prediction, truth)
        return object_figures([counted], self.min_region, include_095=self.include_095)

    def figures(self) -> dict[str, Any]:
        """All figures: without classes, and with them where truth and prediction name any."""
        figures: dict[str, Any] = {
            "benchmark": self.benchmark.name,
            "scans": len(self._objects),
            "true_instances": sum(scan.true_instances for scan in self._objects),
            "proposals": sum(scan.proposals for scan in self._objects),
            "min_region": self.min_region,
            "overlap_095": self.include_095,
            "one_score": len(self.scores) < 2,
            "objects": object_figures(self._objects, self.min_region, include_095=self.include_095),
        }
        if self._named:
            figures["classes"] = self._with_classes(self._named)
        if self._paired:
            figures["paired"] = self._with_classes(self._paired)
        if self._counts is not None and self._confusion is not None:
            figures["panoptic"] = self._panoptic(self._counts, class_iou(self._confusion))
        return figures

    def _add_classes(self, prediction: Prediction, truth: Truth) -> None:
        if not self.benchmark.has_classes:
            return
        num_classes = len(self.benchmark.class_names)
        classes = tuple(np.flatnonzero(self.benchmark.is_thing).tolist())
        if prediction.segments is not None and truth.segments is not None:
            counts = count_segments(
                prediction.segments, truth.segments, num_classes, self.min_points
            )
            table = confusion(
                prediction.segments.semantic_label, truth.segments.semantic_label, num_classes
            )
            self._counts = counts if self._counts is None else self._counts + counts
            self._confusion = table if self._confusion is None else self._confusion + table
            return
        truths, proposals = truth.instances, prediction.proposals
        if prediction.has_classes:
            counted = overlaps_by_class(proposals, truths, classes, self.min_region)
            self._named.append(counted)
        named = named_proposals(proposals, truths, classes, self.min_region)
        self._paired.append(overlaps_by_class(named, truths, classes, self.min_region))

    def _with_classes(self, scenes: list[list[ClassOverlaps]]) -> dict[str, Any]:
        things = np.flatnonzero(self.benchmark.is_thing)
        found = ap_over_scenes(scenes, len(things), self.min_region, include_095=self.include_095)
        return {
            **found.figures(),
            "recall50": found.recall50,
            "recall25": found.recall25,
            "per_class": {
                self.benchmark.class_names[c]: {
                    "ap": float(row[:-1].mean()),
                    "ap50": float(row[0]),
                    "ap25": float(row[-1]),
                }
                for c, row in zip(things, found.per_class, strict=True)
            },
        }

    def _panoptic(self, counts: PanopticCounts, iou: np.ndarray) -> dict[str, Any]:
        thing, occurs = self.benchmark.is_thing, counts.occurs | (iou > 0)
        columns = {"pq": counts.pq, "sq": counts.sq, "rq": counts.rq, "iou": iou}
        groups = {"all": np.ones(len(thing), bool), "things": thing, "stuff": ~thing}
        means = {
            group: {name: mean_of_known(values[taken]) for name, values in columns.items()}
            for group, taken in {**groups, "occurring": occurs}.items()
        }
        return {
            "min_points": self.min_points,
            **means,
            "pq_dagger": pq_dagger(counts.pq, iou, thing),
            "absent": [
                name
                for name, there in zip(self.benchmark.class_names, occurs, strict=True)
                if not there
            ],
            "per_class": {
                name: {
                    **{key: float(values[c]) for key, values in columns.items()},
                    "tp": int(counts.true_positive[c]),
                    "fp": int(counts.false_positive[c]),
                    "fn": int(counts.false_negative[c]),
                }
                for c, name in enumerate(self.benchmark.class_names)
            },
        }
