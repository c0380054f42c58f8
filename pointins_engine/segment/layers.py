"""What is drawn of a segmentation: the scan once, and a frame of its cells for each layer.

Both are arrays of a run folder (an inspected scene, and a frame of it), so whatever draws runs
draws them too. No torch. N points, M cells, K instances.
"""

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float, Int, Int64

from pointins_engine.errors import RunError
from pointins_engine.run_log.files import read_arrays, write_arrays, write_json
from pointins_engine.run_log.records import NO_SEGMENT
from pointins_engine.run_log.scenes import Frame, InspectedScene, make_inspected_scene
from pointins_engine.segment.folder import SegmentationFolder, StoredScan, read_offset, read_scan
from pointins_engine.segment.result import Segmentation
from pointins_engine.types import Scene

MAX_POINTS = 200_000  # drawn
MAX_INSTANCES = 32_767  # a frame's labels are int16


def drawn_scene(scene: Scene, scan: StoredScan) -> InspectedScene:
    """The points to draw, evenly thinned, and all cells.

    Args:
        scene: As read, with what the scan does not keep: intensity and classes.
        scan: The same with its cells.
    """
    chosen = np.sort(np.random.default_rng(0).permutation(len(scene))[:MAX_POINTS])

    def taken(values: np.ndarray | None) -> np.ndarray | None:
        return None if values is None else values[chosen]

    return make_inspected_scene(
        id=scan.id,
        coord=scan.coord[chosen],
        cell_index=scan.votes.cell_of_point[chosen],
        cell_coord=scan.votes.coord,
        cell_is_plane=scan.votes.is_plane,
        cell_size=scan.votes.grid_size,
        color=taken(scan.color),
        intensity=taken(scene.intensity),
        semantic_label=taken(scene.semantic_label),
        instance_label=taken(scan.truth),
        class_names=scene.class_names,
    )


def write_scene(folder: SegmentationFolder, scene: InspectedScene) -> None:
    """Store what is drawn as `scene.safetensors`."""
    write_arrays(folder.scene, scene.arrays(), scene.metadata())


def layer_frame(segmentation: Segmentation) -> Frame:
    """A layer as a frame: offsets as predicted, and to the centroid of the cell's instance."""
    centroid = segmentation.centroid
    absent = np.isnan(centroid).any(axis=1)
    if absent.any():  # a marker is drawn for each row; one upon another is not seen
        shown = centroid[~absent]
        centroid[absent] = shown[0] if len(shown) else 0.0
    label = segmentation.cell_label
    to_centroid = np.zeros_like(segmentation.cell_coord)
    has_one = label >= 0
    to_centroid[has_one] = centroid[label[has_one]] - segmentation.cell_coord[has_one]
    return Frame(
        offset_teacher=segmentation.cell_offset,
        offset_regularized=to_centroid,
        segment=np.full(len(label), NO_SEGMENT),
        pseudo_instance=label,
        centroid=centroid,
        pca_color=np.zeros((len(label), 3), np.uint8),
    )


def write_layer(
    folder: SegmentationFolder,
    layer: str,
    segmentation: Segmentation,
    *,
    label: str,
    figures: Mapping[str, float | None] | None,
    votes: str | None = None,
    more: Mapping[str, Any] | None = None,
) -> None:
    """Store a layer; it is there once its JSON file is, which is written last.

    Args:
        folder: Of the segmentation.
        layer: Name of the layer.
        segmentation: The labelling.
        label: Words for a person.
        figures: Against the truth, None where it is not known.
        votes: Whose offsets it shows: "" those of the scan, a name of `votes/`, or None.
        more: Further keys of the JSON file.

    Raises:
        RunError: If it cannot be written, or has more instances than a frame can hold.
    """
    if len(segmentation.score) > MAX_INSTANCES:
        raise RunError(
            f"{len(segmentation.score):,} instances are more than the {MAX_INSTANCES:,} that can "
            "be shown; ask for a larger minimum size."
        )
    frame = layer_frame(segmentation)
    write_arrays(folder.frame(layer), frame.arrays(), frame.metadata())
    record = {
        "layer": layer,
        "method": segmentation.method,
        "label": label,
        "settings": dict(segmentation.settings),
        "instances": segmentation.instances(),
        "figures": None if figures is None else dict(figures),
        "seconds": dict(segmentation.seconds),
        "provenance": dict(segmentation.provenance),
        "votes": votes,
        "made": round(time.time(), 3),
    }
    write_json(folder.layer(layer), {**record, **(more or {})})


def read_layer(
    folder: SegmentationFolder, layer: str, scan: StoredScan | None = None
) -> Segmentation:
    """A layer at the scan's full resolution.

    Args:
        folder: Of the segmentation.
        layer: Name of the layer.
        scan: The stored scan, if it is read already.

    Raises:
        RunError: If there is no such layer, or a file is damaged.
    """
    record = folder.read_layer_record(layer)
    scan = scan or read_scan(folder)
    if record.get("votes"):
        scan = read_offset(folder, str(record["votes"]), scan)
    arrays = read_arrays(folder.frame(layer))[0]
    try:
        rows = record["instances"]
        label = arrays["pseudo_instance"].astype(np.int64)
        known = np.array([row["id"] for row in rows], np.int64)
        score = np.zeros(max([*known.tolist(), int(label.max(initial=-1))], default=-1) + 1)
        score[known] = [row["score"] for row in rows]
        return segmentation_of(
            scan,
            label,
            score,
            has_votes=record["votes"] is not None,
            method=record["method"],
            names={row["id"]: str(row["name"]) for row in rows if "name" in row},
            by_hand=frozenset(row["id"] for row in rows if row.get("by_hand")),
            settings=record["settings"],
            provenance=record["provenance"],
            seconds=record["seconds"],
        )
    except (IndexError, KeyError, TypeError, ValueError) as error:
        raise RunError(f"layer {layer} is damaged ({error!r}); ask for it again.") from error


def segmentation_of(
    scan: StoredScan,
    label: Int[np.ndarray, " m"],
    score: Float[np.ndarray, " k"],
    *,
    has_votes: bool,
    **about: Any,
) -> Segmentation:
    """A labelling of the cells of a stored scan.

    Args:
        scan: The scan.
        label: Instance of each cell, -1 = none.
        score: Of each instance.
        has_votes: Whether the labels come from the scan's votes; else offsets are 0.
        **about: Further fields of the segmentation.
    """
    votes = scan.votes
    return Segmentation(
        scan=scan.id,
        coord=scan.coord,
        color=scan.color,
        origin=scan.origin,
        cell_of_point=votes.cell_of_point,
        cell_coord=votes.coord,
        cell_label=label,
        cell_offset=votes.offset if has_votes else np.zeros_like(votes.offset),
        cell_is_plane=votes.is_plane,
        score=score,
        **about,
    )


def true_cells(scan: StoredScan) -> tuple[Int64[np.ndarray, " m"], Float[np.ndarray, " k"]]:
    """The true instance that most points of each cell have, and a score of 1 for each.

    Raises:
        RunError: If the scan has no true instances.
    """
    if scan.truth is None:
        raise RunError("the scan has no true instances to show.")
    num = int(scan.truth.max(initial=-1)) + 1
    width = num + 1
    key, count = np.unique(
        scan.votes.cell_of_point.astype(np.int64) * width + scan.truth + 1, return_counts=True
    )
    cell = key // width
    order = np.lexsort((count, cell))  # the last row of each cell has most points
    last = order[np.append(np.diff(cell[order]) > 0, True)[: len(order)]]
    label = np.full(len(scan.votes.coord), -1, np.int64)
    label[cell[last]] = key[last] % width - 1
    return label, np.ones(num)


def renumbered(
    instance: Int[np.ndarray, " n"] | None,
    semantic: Int[np.ndarray, " n"] | None,
    class_names: tuple[str, ...],
) -> tuple[np.ndarray | None, dict[int, str]]:
    """True instances numbered from 0 by falling size, -1 = void, and the class of each by name.

    Returns:
        None and no names where nothing is labelled.
    """
    if instance is None or not (instance >= 0).any():
        return None, {}
    known = instance >= 0
    _, inverse, size = np.unique(instance[known], return_inverse=True, return_counts=True)
    rank = np.empty(len(size), np.int32)
    rank[np.argsort(-size, kind="stable")] = np.arange(len(size))
    truth = np.full(len(instance), -1, np.int32)
    truth[known] = rank[inverse]
    truth[truth >= MAX_INSTANCES] = -1
    names: dict[int, str] = {}
    if semantic is not None and class_names:
        classed = known & (semantic >= 0) & (semantic < len(class_names)) & (truth >= 0)
        votes = np.zeros((int(truth.max()) + 1, len(class_names)), np.int64)
        np.add.at(votes, (truth[classed], semantic[classed]), 1)
        for id in np.flatnonzero(votes.any(axis=1)).tolist():
            names[id] = class_names[int(votes[id].argmax())]
    return truth, names
