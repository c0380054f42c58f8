"""A segmentation in the manner of COCO: masks over the points of a scan, as run lengths.

COCO knows images; here the one "image" is the scan, and a mask says of each point, in the order of
the file, whether it belongs to the instance. No torch.
"""

from typing import Any

import numpy as np
from jaxtyping import Int

from pointins_engine.segment.result import Segmentation

OBJECT = "object"  # category of instances without a name


def coco_record(segmentation: Segmentation) -> dict[str, Any]:
    """images, categories and annotations.

    An annotation has `segmentation` {"size": [points], "counts": run lengths that begin with points
    outside}, `area` in points, `bbox` [x, y, z, dx, dy, dz] in metres and `score`.
    """
    label = segmentation.label
    table = segmentation.instances()
    kinds = sorted({row.get("name", OBJECT) for row in table} or {OBJECT})
    low = _lowest(segmentation)
    order = np.argsort(label, kind="stable")
    bounds = np.searchsorted(label[order], [(row["id"], row["id"] + 1) for row in table])
    annotations = []
    for row, (start, end) in zip(table, bounds, strict=True):
        corner = [round(float(value), 4) for value in low[row["id"]] + segmentation.origin]
        annotations.append(
            {
                "id": row["id"],
                "image_id": 1,
                "category_id": kinds.index(row.get("name", OBJECT)) + 1,
                "segmentation": {
                    "size": [len(label)],
                    "counts": run_lengths(order[start:end], len(label)),
                },
                "area": row["points"],
                "bbox": [*corner, *row["extent"]],
                "score": row["score"],
                "iscrowd": 0,
            }
        )
    return {
        "info": {"description": "Instances of a point cloud; masks over its points."},
        "images": [{"id": 1, "file_name": segmentation.scan, "width": len(label), "height": 1}],
        "categories": [{"id": k + 1, "name": kind} for k, kind in enumerate(kinds)],
        "annotations": annotations,
    }


def run_lengths(rows: Int[np.ndarray, " r"], num: int) -> list[int]:
    """Lengths of runs outside and inside in turn, of `num` points with rising `rows` inside."""
    if len(rows) == 0:
        return [num]
    breaks = np.flatnonzero(np.diff(rows) > 1)
    starts = rows[np.append(0, breaks + 1)]
    ends = rows[np.append(breaks, len(rows) - 1)] + 1
    edges = np.concatenate([[0], np.stack([starts, ends], axis=1).ravel(), [num]])
    lengths = np.diff(edges).tolist()
    return lengths if lengths[-1] else lengths[:-1]


def _lowest(segmentation: Segmentation) -> np.ndarray:
    """Lowest corner of each instance, relative to the origin; infinite of one without points."""
    label = segmentation.label
    low = np.full((len(segmentation.score), 3), np.inf)
    rows = label >= 0
    np.minimum.at(low, label[rows], segmentation.coord[rows].astype(np.float64))
    return low
