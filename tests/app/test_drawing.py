"""What a picture holds: colours, positions at t, marks, and the place to look from."""

import re
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

from app.pictures import palette
from app.pictures.drawing import compose, point_color, point_radius
from app.pictures.exhibit import Exhibit
from app.pictures.photograph import color_to_depth, depth_to_color, eye_dome_shade
from app.pictures.vantage import choose_vantage
from pointins_engine.errors import RunError
from pointins_engine.run_log.scenes import InspectedScene, make_inspected_scene
from pointins_engine.run_log.store import Run
from tests.recorded_run import write_recorded_run

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Run:
    root = tmp_path_factory.mktemp("runs") / "rooms"
    write_recorded_run(root, num_frames=2, num_points=1500, scenes=("room_0001",))
    return Run(root)


@pytest.fixture(scope="module")
def scene(run) -> InspectedScene:
    return run.load_scene("room_0001")


@pytest.fixture(scope="module")
def frame(run) -> dict[str, np.ndarray]:
    return run.load_frame("room_0001", 10)


def closed_room(ceiling: bool = True) -> InspectedScene:
    """A box of 4 x 3 x 2.5 m with floor, walls and a ceiling, and one crate inside."""
    u, v = (axis.ravel() for axis in np.meshgrid(np.arange(0.05, 4, 0.1), np.arange(0.05, 3, 0.1)))
    h, w = (
        axis.ravel() for axis in np.meshgrid(np.arange(0.05, 2.5, 0.1), np.arange(0.05, 4, 0.1))
    )
    d, e = (
        axis.ravel() for axis in np.meshgrid(np.arange(0.05, 2.5, 0.1), np.arange(0.05, 3, 0.1))
    )
    planes = [
        np.stack([u, v, 0 * u], 1),
        np.stack([w, 0 * w, h], 1),
        np.stack([w, 0 * w + 3, h], 1),
        np.stack([0 * d, e, d], 1),
        np.stack([0 * d + 4, e, d], 1),
    ]
    if ceiling:
        planes.append(np.stack([u, v, 0 * u + 2.5], 1))
    crate = np.random.default_rng(0).uniform([1.6, 1.2, 0.1], [2.4, 1.8, 0.9], (300, 3))
    coord = np.concatenate([*planes, crate]).astype(np.float32)
    return make_inspected_scene(
        id="closed",
        coord=coord,
        cell_index=np.arange(len(coord)),
        cell_coord=coord,
        cell_is_plane=np.arange(len(coord)) < len(coord) - len(crate),
        cell_size=0.1,
    )


def test_t_moves_points_on_the_straight_line_to_their_centroid(scene, frame):
    start = compose(scene, frame, t=0.0).points.coord
    middle = compose(scene, frame, t=0.5, votes="after").points.coord
    end = compose(scene, frame, t=1.0, votes="after").points.coord
    goal = (scene.cell_coord + frame["offset_regularized"].astype(np.float32))[scene.cell_index]
    assert_allclose(start, scene.coord)
    assert_allclose(end, goal, atol=1e-5)
    assert_allclose(middle, (start + end) / 2, atol=1e-5)


def test_points_without_a_pseudo_instance_stay_in_grey_under_target(scene, frame):
    points = compose(scene, frame, t=1.0, votes="target", colouring="input").points
    owner = frame["pseudo_instance"].astype(int)[scene.cell_index]
    assert_allclose(points.coord[owner < 0], scene.coord[owner < 0])
    assert_allclose(points.coord[owner >= 0], frame["centroid"][owner[owner >= 0]], atol=1e-5)
    grey = np.tile(palette.rgb(palette.UNASSIGNED["dark"]), (int((owner < 0).sum()), 1))
    assert_allclose(points.color[owner < 0], grey)


def test_marks_are_one_a_cell_off_the_planes_and_one_an_instance(scene, frame):
    drawing = compose(scene, frame, marks=True)
    assert drawing.centroids is not None and drawing.targets is not None
    assert len(drawing.centroids.coord) == (scene.cell_is_plane == 0).sum()
    assert_allclose(drawing.targets.coord, frame["centroid"])


def test_a_colouring_that_needs_a_frame_falls_back_to_the_input_without_one(scene):
    assert_allclose(point_color(scene, None, "pca", "dark"), scene.color / 255)


def test_a_frame_of_another_scene_is_refused_with_both_counts(scene, frame):
    short = {name: array[:5] for name, array in frame.items()}
    with pytest.raises(RunError, match=rf"5 cells.*{len(scene.cell_coord_u16)}"):
        compose(scene, short)


def test_radii_follow_the_spacing_within_bounds():
    rng = np.random.default_rng(1)
    near, far = rng.uniform(0, 1, (400, 3)), rng.uniform(10, 13, (400, 3))
    coord = np.concatenate([near, far]).astype(np.float32)
    made = make_inspected_scene(
        id="two",
        coord=coord,
        cell_index=np.zeros(800, int),
        cell_coord=coord[:1],
        cell_is_plane=np.zeros(1),
        cell_size=0.1,
    )
    radius = point_radius(made)
    is_far = made.coord[:, 0] > 5
    assert radius[is_far].mean() > 1.5 * radius[~is_far].mean()
    assert radius.max() / radius.min() <= 5.01  # 0.4 to 2 times the typical one


def test_the_browser_deals_out_the_same_colours():
    text = (ROOT / "assets/viewport/draw/palette.mjs").read_text().upper()
    theirs = re.findall(r"#[0-9A-F]{6}", text[text.index("CATEGORIES = [") :])
    assert tuple(theirs[: len(palette.CATEGORICAL)]) == palette.CATEGORICAL
    assert all(color in text for color in (*palette.QUANTITY.values(), *palette.RAMP))


def test_a_depth_survives_its_way_through_two_colour_bytes():
    depth = np.linspace(2.0, 42.0, 5000)
    byte = np.rint(depth_to_color(depth, 2.0, 42.0) * 255) / 255  # what a picture stores
    assert_allclose(color_to_depth(byte, 2.0, 42.0), depth, atol=40 / 65535)


def test_eye_dome_shade_darkens_the_far_side_of_a_step_and_nothing_else():
    depth = np.full((20, 20), 5.0)
    depth[:, 10:] = 6.0
    depth[0, 0] = np.inf
    shade = eye_dome_shade(depth)
    assert_allclose(shade[:, :10], 1.0)
    assert_allclose(shade[:, 14:], 1.0)
    assert (shade[:, 10] < 0.8).all()


def test_every_framed_point_lies_in_the_picture():
    scene = closed_room()
    for aspect in (1.0, 1.6):
        vantage = choose_vantage(scene, aspect)
        right, up, _ = vantage.axes()
        shown = scene.coord[vantage.keep[scene.cell_index]].astype(float)
        high = np.tan(np.deg2rad(35.0 / 2)) * vantage.depth(shown)
        x = np.abs((shown - vantage.eye) @ right) / (aspect * high)
        y = np.abs((shown - vantage.eye) @ up) / high
        assert x.max() <= 1 and y.max() <= 1
        assert max(x.max(), y.max()) > 0.9  # and the room fills it


def scanned_from_one_side(far_returns: int) -> InspectedScene:
    """A table top of 2 m whose density falls away from its sensor, and points 60 m off."""
    rng = np.random.default_rng(0)
    top = np.stack([2 * rng.random(6000) ** 4, 2 * rng.random(6000), np.zeros(6000)], axis=1)
    far = rng.uniform(58, 60, (far_returns, 3)) * (1, 1, 0)
    coord = np.concatenate([top, far]).astype(np.float32)
    return make_inspected_scene(
        id="table",
        coord=coord,
        cell_index=np.arange(len(coord)),
        cell_coord=coord,
        cell_is_plane=np.zeros(len(coord), bool),
        cell_size=0.05,
    )


def test_a_dense_side_does_not_crowd_the_other_out_but_far_returns_are_left():
    whole = choose_vantage(scanned_from_one_side(0), 1.6)
    with_far = choose_vantage(scanned_from_one_side(20), 1.6)
    top = scanned_from_one_side(0).coord.astype(float)
    right, up, _ = whole.axes()
    high = np.tan(np.deg2rad(35.0 / 2)) * whole.depth(top)
    assert (np.abs((top - whole.eye) @ right) <= 1.6 * high).all()
    assert (np.abs((top - whole.eye) @ up) <= high).all()
    assert np.linalg.norm(with_far.eye - with_far.target) < 10


def test_the_ceiling_and_the_two_near_walls_give_way():
    scene = closed_room()
    vantage = choose_vantage(scene, 1.6)
    coord = scene.cell_coord
    toward = vantage.eye - vantage.target
    near_x = coord[:, 0] > 3.99 if toward[0] > 0 else coord[:, 0] < 0.01
    near_y = coord[:, 1] > 2.99 if toward[1] > 0 else coord[:, 1] < 0.01
    far_x = coord[:, 0] > 3.99 if toward[0] < 0 else coord[:, 0] < 0.01
    middle = (coord[:, 2] > 0.5) & (coord[:, 2] < 2.2) & (np.abs(coord[:, 1] - 1.5) < 1.2)
    assert not vantage.keep[coord[:, 2] > 2.49].any()
    assert not vantage.keep[near_x & middle].any()
    assert not vantage.keep[near_y & (coord[:, 2] > 0.5) & (np.abs(coord[:, 0] - 2) < 1.5)].any()
    assert vantage.keep[far_x & middle].all()
    assert vantage.keep[scene.cell_is_plane == 0].all()
    assert vantage.keep[coord[:, 2] < 0.01].all()


def test_following_takes_the_newest_frame_and_seeking_stops_it(tmp_path):
    writer = write_recorded_run(tmp_path / "r", num_frames=3, num_points=600, scenes=("room_0001",))
    exhibit = Exhibit(run=Run(writer.paths.root))
    assert exhibit.poll() and (exhibit.step, exhibit.following) == (20, True)
    assert not exhibit.poll()
    exhibit.seek(10)
    assert (exhibit.step, exhibit.following) == (10, False)
    assert not exhibit.poll()
    exhibit.follow()
    assert exhibit.poll() and exhibit.step == 20
    with pytest.raises(RunError, match="no frame of step 15"):
        exhibit.seek(15)
