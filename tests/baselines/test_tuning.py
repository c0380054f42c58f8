"""Parameters are chosen on scenes that give no figures."""

from dataclasses import replace

import numpy as np
import pytest

from pointins_engine.baselines.cells import labelled_cells
from pointins_engine.baselines.methods import METHODS
from pointins_engine.baselines.tuning import GRIDS, Grid, classical_ap, classical_figures, tuned
from pointins_engine.errors import SceneError
from pointins_engine.types import Scene


@pytest.fixture
def boxes() -> Scene:
    """Four cubes of 0.5 m, 0.4 m apart, over a floor that is marked as a plane."""
    rng = np.random.default_rng(0)
    floor = rng.uniform(-1, 5, (9_000, 3)) * [1, 1, 0]
    cubes = [rng.random((1_500, 3)) * 0.5 + [0.9 * k, 1.0, 0.5] for k in range(4)]
    count = len(floor)
    return Scene(
        id="boxes",
        coord=np.concatenate([floor, *cubes]).astype(np.float32),
        instance_label=np.concatenate([np.full(count, -1), np.repeat(np.arange(4), 1_500)]).astype(
            np.int32
        ),
        is_plane=np.arange(count + 6_000) < count,
    )


def test_the_values_with_the_largest_measure_are_taken_and_refined():
    grid = Grid(
        name="x",
        method="components",
        values={"radius": (1.0, 2.0, 3.0)},
        then={"min_size": (10, 20)},
    )
    asked = []

    def measure(values):
        asked.append(dict(values))
        return float("nan") if values["radius"] == 1 else -values["radius"]

    assert tuned(grid, measure) == {"radius": 2.0, "min_size": 10}
    assert asked[3:] == [{"radius": 2.0, "min_size": 10}, {"radius": 2.0, "min_size": 20}]


@pytest.mark.parametrize("domain", GRIDS)
def test_every_value_of_a_grid_is_a_parameter_of_its_method(domain):
    for grid in GRIDS[domain]:
        known = {p.name for p in METHODS[grid.method].parameters}
        assert set(grid.values) | set(grid.then) <= known
        assert all(set(v) <= known for v in grid.after(grid.choices()[-1]))


def test_boxes_that_stand_apart_are_found_whole_where_the_radius_fits(boxes):
    (grid,) = (g for g in GRIDS["indoor"] if g.name == "components")
    scene = labelled_cells(boxes, 0.06)
    fits = {"radius": 2.2, "min_size": 10}
    assert classical_ap(grid, [scene], fits, planes="remove").ap == 1.0
    assert classical_ap(grid, [scene], {**fits, "radius": 8.0}, planes="remove").ap == 0.0
    assert grid.words(fits) == "radius 2.2 voxels, minimum size 10"


def test_a_length_means_the_same_in_a_scan_of_another_scale(boxes):
    (grid,) = (g for g in GRIDS["indoor"] if g.name == "DBSCAN xyz")
    small = replace(boxes, coord=boxes.coord * 0.1)
    values = grid.choices()[2]
    found = [
        grid.proposals(labelled_cells(scene, size), values, planes="remove")
        for scene, size in ((boxes, 0.06), (small, 0.006))
    ]
    assert abs(len(found[0].rows) - len(found[1].rows)) <= 1  # float32 rounds at voxel borders


def test_rows_that_need_colour_are_left_out_without_it(boxes, monkeypatch):
    few = [replace(g, values={k: v[:1] for k, v in g.values.items()}) for g in GRIDS["indoor"]]
    monkeypatch.setitem(GRIDS, "indoor", tuple(few[1:3]))
    rows = classical_figures([boxes], [boxes], 0.06, "indoor")
    assert list(rows) == ["DBSCAN xyz"]
    assert set(rows["DBSCAN xyz"]) == {"all", "without_planes"}


def test_scenes_without_labels_or_planes_are_refused(boxes):
    with pytest.raises(SceneError, match="no instance labels"):
        labelled_cells(replace(boxes, instance_label=None), 0.06)
    with pytest.raises(SceneError, match="planes were not looked for"):
        labelled_cells(replace(boxes, is_plane=None), 0.06)
