"""Classical methods: one call, the same promises from all, words for what cannot be."""

import subprocess
import sys

import numpy as np
import pytest

from pointins_engine.baselines import METHODS, CellCloud, cluster, resolved
from pointins_engine.errors import ConfigError, SceneError


@pytest.fixture
def blobs() -> CellCloud:
    """Three balls of 60 cells that stand free above a floor of 400 cells."""
    rng = np.random.default_rng(3)
    ball = rng.normal(size=(60, 3))
    ball *= 0.2 * rng.random((60, 1)) ** (1 / 3) / np.linalg.norm(ball, axis=1, keepdims=True)
    line = np.arange(20) * 0.1
    floor = np.stack([a.ravel() for a in np.meshgrid(line, line, [0.0])], axis=1)
    balls = [ball + np.array((0.4 + 0.6 * k, 1.0, 0.8)) for k in range(3)]
    return CellCloud(
        coord=np.concatenate([floor, *balls]),
        color=np.concatenate([np.full((400, 3), 0.5), np.full((180, 3), 0.9)]),
        is_plane=np.arange(580) < 400,
        grid_size=0.1,
        domain="indoor",
    )


TRUTH = np.concatenate([np.full(400, -1), np.repeat([0, 1, 2], 60)])


@pytest.mark.parametrize("method", METHODS)
def test_every_method_finds_balls_that_stand_free(method, blobs):
    values = {"mean_shift": {"bandwidth": 0.4}, "felzenszwalb": {"scale": 100.0}}.get(method, {})
    found = cluster(method, blobs, values)
    assert len(found.rows) == 3
    assert sorted(sorted(rows.tolist()) for rows in found.rows) == [
        np.flatnonzero(TRUTH == k).tolist() for k in range(3)
    ]
    assert found.score.tolist() == [0.5] * 3  # 60 of 120 cells


@pytest.mark.parametrize("method", METHODS)
def test_removed_planes_are_in_no_instance_and_kept_ones_may_be(method, blobs):
    removed = cluster(method, blobs)
    assert not blobs.is_plane[np.concatenate(removed.rows)].any()
    kept = cluster(method, blobs, planes="keep")
    assert blobs.is_plane[np.concatenate(kept.rows)].any()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("count", [0, 1, 2, 3, 12])
def test_a_handful_of_cells_is_no_trouble(method, count, blobs):
    few = CellCloud(
        coord=blobs.coord[:count],
        is_plane=np.zeros(count, bool),
        grid_size=0.1,
    )
    found = cluster(method, few)
    rows = np.concatenate([np.zeros(0, int), *found.rows])
    assert len(np.unique(rows)) == len(rows) <= count


def test_instances_come_largest_first_and_crumbs_are_dropped(blobs):
    cut = CellCloud(
        coord=blobs.coord[: 400 + 60 + 40 + 5],
        is_plane=blobs.is_plane[:505],
        grid_size=0.1,
        domain="indoor",
    )
    cut.coord[500:] += [0.6, 0, 0]
    found = cluster("components", cut, {"radius": 0.2, "min_size": 6})
    assert [len(rows) for rows in found.rows] == [60, 40]
    assert (np.diff(found.score) < 0).all()


def test_colour_tells_touching_things_apart():
    line = np.arange(40) * 0.05
    coord = np.stack([line, 0 * line, 0 * line], axis=1)
    cells = CellCloud(
        coord=coord,
        color=np.repeat([[1.0, 0, 0], [0, 0, 1.0]], 20, axis=0),
        is_plane=np.zeros(40, bool),
        grid_size=0.05,
        domain="indoor",
    )
    settings = {"radius": 0.12, "min_size": 5}
    assert len(cluster("dbscan", cells, {**settings, "color_weight": 0.0}).rows) == 1
    assert len(cluster("dbscan", cells, {**settings, "color_weight": 1.0}).rows) == 2


def test_what_nobody_chose_follows_the_cells_and_the_domain(blobs):
    indoors = resolved("dbscan", blobs)
    (radius,) = (p for p in METHODS["dbscan"].parameters if p.name == "radius")
    assert indoors["radius"] == pytest.approx(radius.indoor * 0.1)
    gray = CellCloud(
        coord=blobs.coord * 100, is_plane=blobs.is_plane, grid_size=0.2
    )  # 200 m across
    outdoors = resolved("dbscan", gray, {"min_size": 7, "min_samples": None})
    assert outdoors["radius"] == pytest.approx(radius.outdoor * 0.2)
    assert outdoors["color_weight"] == 0
    assert outdoors["min_size"] == 7


@pytest.mark.parametrize("method", METHODS)
def test_what_a_page_is_told_can_be_sent_back(method, blobs):
    told = METHODS[method].describe("indoor", blobs.grid_size, has_color=True)
    values = {p["name"]: p["default"] for p in told["parameters"]}
    assert resolved(method, blobs, values) == resolved(method, blobs)
    names = [
        p["name"] for p in METHODS[method].describe("outdoor", 0.2, has_color=False)["parameters"]
    ]
    assert "color_weight" not in names


@pytest.mark.parametrize(
    ("method", "values", "words"),
    [
        ("kmeans", {}, "no method is called 'kmeans'; there are: hdbscan, dbscan"),
        ("dbscan", {"eps": 0.1}, "dbscan has no parameter 'eps'; it has: radius"),
        ("dbscan", {"radius": -1.0}, r"radius must be in 0.0001..1000 metres, got -1.0"),
        ("dbscan", {"radius": float("nan")}, "radius must be in"),
        ("hdbscan", {"min_size": 2.5}, "min_size must be a whole number, got 2.5"),
        ("hdbscan", {"min_size": float("nan")}, "min_size must be a whole number, got nan"),
        ("hdbscan", {"min_size": "many"}, "min_size must be a number, got 'many'"),
    ],
)
def test_impossible_values_are_refused_in_words(method, values, words, blobs):
    with pytest.raises(ConfigError, match=words):
        cluster(method, blobs, values)


def test_a_scan_without_colour_cannot_be_clustered_by_colour(blobs):
    gray = CellCloud(coord=blobs.coord, is_plane=blobs.is_plane, grid_size=0.1)
    with pytest.raises(SceneError, match="the scan has none; leave color_weight out"):
        cluster("felzenszwalb", gray, {"color_weight": 1.0})


def test_a_method_that_would_take_hours_says_so():
    many = METHODS["hdbscan"].max_cells + 1
    cells = CellCloud(
        coord=np.zeros((many, 3), np.float32), is_plane=np.zeros(many, bool), grid_size=0.1
    )
    with pytest.raises(SceneError, match="HDBSCAN takes at most 150,000 cells"):
        cluster("hdbscan", cells)


def test_the_studio_can_offer_the_methods_without_torch_or_scikit_learn():
    code = (
        "import sys, pointins_engine.baselines; "
        "assert not {'torch', 'sklearn'} & set(sys.modules), sorted(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
