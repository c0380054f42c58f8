"""Pseudo-instances of a frame by segment, against the frame before and the truth. No torch here.

Instances are numbers of cells, -1 = none; the numbers themselves mean nothing from one frame to
the next, only which cells share one. M cells.
"""

from typing import Any

import numpy as np
from jaxtyping import Bool, Int

from pointins_engine.run_log.records import NO_SEGMENT
from pointins_engine.run_log.scenes import InspectedScene

TAKEN = 0.2  # share of an instance's cells that counts as taking it over
MAX_TRANSITIONS = 200  # largest overlaps that a frame's statistics list


def instance_changes(
    before: Int[np.ndarray, " m"] | None,
    before_step: int | None,
    now: Int[np.ndarray, " m"],
    truth: Int[np.ndarray, " m"] | None,
) -> dict[str, Any]:
    """What happened to the pseudo-instances since the frame before, ready for JSON.

    Args:
        before: Pseudo-instance of each cell in the frame before; None where there is none.
        before_step: Step of that frame.
        now: Pseudo-instance of each cell in this frame.
        truth: Ground truth instance of each cell, -1 = none; None for a scan without labels.

    Returns:
        before_step: Step that is compared with.
        merges: Instances now that took at least a fifth of each of two or more instances before.
        splits: Instances before that hold at least a fifth of each of two or more instances now;
            a split is a merge seen backwards.
        transitions: Rows [instance before, instance now, cells in both], largest 200 first.
        changed: Pairs [instance before, instance now] that are part of a merge or of a split.
        ari_before: Adjusted Rand index of the two frames over cells with an instance in both.
        ari_truth: The same of this frame and the ground truth.

        What cannot be known is None, and `transitions` is empty.
    """
    changes: dict[str, Any] = {
        "before_step": None,
        "merges": None,
        "splits": None,
        "transitions": [],
        "changed": None,
        "ari_before": None,
        "ari_truth": None if truth is None else rounded(adjusted_rand_index(truth, now)),
    }
    if before is None:
        return changes
    rows, columns, counts = overlaps(before, now)
    largest = np.argsort(-counts, kind="stable")[:MAX_TRANSITIONS]
    merged = _taken_together(columns, counts / _size_of_each(before, rows))
    split = _taken_together(rows, counts / _size_of_each(now, columns))
    is_part = merged | split
    return changes | {
        "before_step": before_step,
        "merges": len(np.unique(columns[merged])),
        "splits": len(np.unique(rows[split])),
        "transitions": np.stack([rows, columns, counts], axis=1)[largest].tolist(),
        "changed": np.stack([rows, columns], axis=1)[is_part].tolist(),
        "ari_before": rounded(adjusted_rand_index(before, now)),
    }


def segment_figures(
    segment: Int[np.ndarray, " m"], instance: Int[np.ndarray, " m"]
) -> list[dict[str, Any]]:
    """What SCR cut each K-means segment into, ready for JSON; segments without a cell are left out.

    Args:
        segment: Segment of each cell, `NO_SEGMENT` = none.
        instance: Pseudo-instance of each cell.

    Returns:
        A row a segment: `segment`, `cells`, `kept` (cells with a pseudo-instance), `components`
        (pseudo-instances that have a cell in it) and `largest_share` (of its cells, what its
        largest pseudo-instance takes). With the grouping `affinity` a pseudo-instance may lie in
        several segments and counts in each.
    """
    taking_part = segment != NO_SEGMENT
    cells = np.bincount(segment[taking_part])
    rows, _, counts = overlaps(np.where(taking_part, segment.astype(np.int64), -1), instance)
    found = []
    for number in np.flatnonzero(cells):
        pieces = counts[rows == number]
        found.append(
            {
                "segment": int(number),
                "cells": int(cells[number]),
                "kept": int(pieces.sum()),
                "components": len(pieces),
                "largest_share": round(float(pieces.max(initial=0) / cells[number]), 5),
            }
        )
    return found


def overlaps(
    before: Int[np.ndarray, " m"], now: Int[np.ndarray, " m"]
) -> tuple[Int[np.ndarray, " p"], Int[np.ndarray, " p"], Int[np.ndarray, " p"]]:
    """Pairs of instances that share cells, and how many: before, now, cells. Sorted."""
    in_both = (before >= 0) & (now >= 0)
    before, now = before[in_both].astype(np.int64), now[in_both].astype(np.int64)
    width = int(now.max(initial=-1)) + 1
    pair, counts = np.unique(before * width + now, return_counts=True)
    return pair // max(width, 1), pair % max(width, 1), counts


def adjusted_rand_index(a: Int[np.ndarray, " m"], b: Int[np.ndarray, " m"]) -> float | None:
    """Agreement of two groupings over cells that both of them group: 1 = equal, 0 = by chance.

    None if fewer than two cells are left.

    Source:
        Hubert and Arabie, Comparing partitions, 1985, Eq. 5.
    """
    rows, columns, counts = overlaps(a, b)
    num = int(counts.sum())
    if num < 2:
        return None
    together = _pairs(counts)
    in_a = _pairs(np.bincount(rows, counts))
    in_b = _pairs(np.bincount(columns, counts))
    by_chance = in_a * in_b / _pairs(np.array([num]))
    most = (in_a + in_b) / 2
    return 1.0 if most == by_chance else (together - by_chance) / (most - by_chance)


def true_instance(scene: InspectedScene) -> Int[np.ndarray, " m"] | None:
    """Ground truth instance of each cell: the one that most of its points belong to.

    Cells of planes, cells without a point and cells whose commonest label is "none" have -1. None
    for a scan without labels.
    """
    if scene.instance_label is None:
        return None
    found = np.full(len(scene.cell_is_plane), -1, np.int64)
    label = scene.instance_label.astype(np.int64) + 1  # 0 = none
    width = int(label.max(initial=0)) + 1
    pair, counts = np.unique(scene.cell_index.astype(np.int64) * width + label, return_counts=True)
    order = np.argsort(counts, kind="stable")  # the commonest label of a cell is written last
    found[pair[order] // width] = pair[order] % width - 1
    found[_is_plane(scene)] = -1
    return found


def rounded(value: float | None) -> float | None:
    """Five digits, as every figure of the statistics."""
    return None if value is None else round(value, 5)


def _is_plane(scene: InspectedScene) -> Bool[np.ndarray, " m"]:
    return scene.cell_is_plane.astype(bool)


def _size_of_each(instance: np.ndarray, rows: np.ndarray) -> np.ndarray:
    return np.bincount(instance[instance >= 0])[rows]


def _taken_together(taker: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Pairs that hold a fifth of what they take, where their taker has two or more of them."""
    is_taken = share >= TAKEN
    return (
        is_taken
        & (np.bincount(taker[is_taken], minlength=int(taker.max(initial=0)) + 1) > 1)[taker]
    )


def _pairs(counts: np.ndarray) -> float:
    counts = counts.astype(np.float64)
    return float((counts * (counts - 1) / 2).sum())
