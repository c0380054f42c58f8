"""Semantic IoU, point by point. N points, C classes 0..C-1, -1 = ignored. NumPy only."""

import numpy as np
from jaxtyping import Float, Int


def confusion(
    predicted: Int[np.ndarray, " n"], truth: Int[np.ndarray, " n"], num_classes: int
) -> Int[np.ndarray, "c d"]:
    """Points by true class (rows, C) and predicted class (columns, C + 1; the last: none).

    Points whose true class is -1 are left out. Tables of several scans add up.
    """
    counted = truth >= 0
    column = np.where(predicted[counted] >= 0, predicted[counted], num_classes)
    cell = truth[counted].astype(np.int64) * (num_classes + 1) + column
    return np.bincount(cell, minlength=num_classes * (num_classes + 1)).reshape(num_classes, -1)


def class_iou(table: Int[np.ndarray, "c d"]) -> Float[np.ndarray, " c"]:
    """IoU of each class over all points of a `confusion`; 0 for a class that does not occur."""
    right = np.diagonal(table)
    union = table.sum(axis=1) + table[:, :-1].sum(axis=0) - right
    return right / np.maximum(union, 1)
