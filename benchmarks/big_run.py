"""A recorded run of any number of points, made without a network: boxes in a hall.

Five points a cell, as a room scan on the grid of the loss stage has; votes gather at the boxes'
centres over the frames.
"""

from pathlib import Path

import numpy as np

from pointins_engine.run_log.scenes import (
    Frame,
    InspectedScene,
    levels_as_u16,
    make_inspected_scene,
)
from pointins_engine.run_log.writer import RunWriter
from tests.recorded_run import CONFIG, odr_stats

CELL_SIZE = 0.08  # metres
POINTS_A_CELL = 5
BOX = 1.0  # metres, edge of a box and the least gap beside it
NUM_SEGMENTS = 20


def hall(num_points: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Points (n, 3) in metres on a floor with boxes, and the box of each, -1 = floor."""
    rng = np.random.default_rng(seed)
    # A third of the area is floor; a box shows five faces.
    area = num_points / POINTS_A_CELL * CELL_SIZE**2
    side = max(int((area * 0.67 / (5 * BOX**2)) ** 0.5), 1)  # boxes along a wall
    num_floor = num_points // 3
    floor = rng.uniform(0, 2 * BOX * side, (num_floor, 3)) * (1, 1, 0)
    box = rng.integers(0, side**2, num_points - num_floor)
    on_box = rng.uniform(0, BOX, (len(box), 3))
    face = rng.integers(0, 3, len(box))
    on_box[np.arange(len(box)), face] = np.where(face == 2, 1, rng.integers(0, 2, len(box))) * BOX
    corner = np.stack([box % side, box // side, np.zeros_like(box)], 1) * 2 * BOX
    coord = np.concatenate([floor, corner + np.array([BOX / 2, BOX / 2, 0]) + on_box])
    return coord.astype(np.float32), np.concatenate([np.full(num_floor, -1), box])


def hall_scene(num_points: int, name: str = "hall") -> tuple[InspectedScene, np.ndarray]:
    """The scene, and the box of each of its cells."""
    coord, box = hall(num_points)
    cells, first, cell_index = np.unique(
        np.floor(coord / CELL_SIZE).astype(int), axis=0, return_index=True, return_inverse=True
    )
    cell_index = cell_index.reshape(-1)
    counts = np.bincount(cell_index)[:, None]
    mean = np.stack([np.bincount(cell_index, coord[:, axis]) for axis in range(3)], 1) / counts
    light = np.random.default_rng(1).integers(60, 220, (int(box.max()) + 2, 3))
    scene = make_inspected_scene(
        id=name,
        coord=coord,
        cell_index=cell_index,
        cell_coord=mean.astype(np.float32),
        cell_is_plane=cells[:, 2] == 0,
        cell_size=CELL_SIZE,
        color=light[box].astype(np.uint8),
        instance_label=box,
    )
    return scene, box[first]


def write_hall_run(root: Path, *, num_points: int, num_frames: int) -> RunWriter:
    """A run folder with one scene and `num_frames` frames, ten steps apart; its closed writer."""
    scene, box = hall_scene(num_points)
    writer = RunWriter.create(
        root, recipe="indoor_demo", config=CONFIG, device="cpu", libraries={"numpy": np.__version__}
    )
    writer.scene(scene)
    writer.state("running")
    place = scene.cell_coord
    num_boxes = int(box.max()) + 1
    centroid = np.stack(
        [np.bincount(box[box >= 0], place[box >= 0, axis], num_boxes) for axis in range(3)], 1
    ) / np.bincount(box[box >= 0], minlength=num_boxes)[:, None].clip(1)
    truth = np.where(box[:, None] >= 0, centroid[box] - place, 0)
    on_boxes = np.flatnonzero(box >= 0)
    for number in range(num_frames):
        rng = np.random.default_rng(number)
        done = (number + 1) / num_frames
        before = done * truth + rng.normal(0, 0.05, truth.shape)
        after = 1.1 * before
        level = np.full(len(box), np.nan)
        rank = np.argsort(np.argsort(np.linalg.norm(before[on_boxes], axis=1)))
        level[on_boxes] = (rank + 0.5) / len(rank)
        frame = Frame(
            offset_teacher=before.astype(np.float32),
            offset_regularized=after.astype(np.float32),
            segment=np.where(box < 0, 255, box % NUM_SEGMENTS),
            pseudo_instance=box,
            centroid=centroid.astype(np.float32),
            pca_color=np.clip((truth + 0.7) / 1.4 * 255, 0, 255).astype(np.uint8),
            odr_level=levels_as_u16(level),
            feature=rng.integers(-100, 100, (len(box), 16)).astype(np.int8),
            feature_scale=0.01,
            feature_share=0.9,
        )
        sizes = np.bincount(box[box >= 0], minlength=num_boxes)
        stats = {
            "odr": odr_stats(before[on_boxes], after[on_boxes], before[on_boxes]),
            "scr": {
                "components": num_boxes,
                "kept_share": 1.0,
                "largest_share": float(sizes.max() / sizes.sum()),
                "sizes": sizes.tolist(),
            },
            "frame_s": 0.1,
        }
        writer.frame(10 * number, scene.id, frame, stats)
        writer.scalars(10 * number, {"loss/total": 2 - done, "time/step_s": 0.5})
        writer.progress(10 * number, 0.5, 0.0)
    writer.close("finished")
    return writer
