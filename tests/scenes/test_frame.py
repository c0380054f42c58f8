"""Units and up axis: believed where said or stated, else taken only if the scan agrees."""

import numpy as np
import pytest

from pointins_engine.config import SceneConfig
from pointins_engine.errors import SceneError
from pointins_engine.scenes import open_scenes, read_scene
from pointins_engine.scenes.readers import read_scene_and_notes
from pointins_engine.scenes.readers.frame import Stated, find_frame
from pointins_engine.scenes.readers.raw import RawScan, Taken, to_scene
from pointins_engine.scenes.readers.survey import survey
from pointins_engine.scenes.readers.upright import turn_to_z
from tests.scenes.conftest import REAL

OTHER_AXES = ("-z", "y", "-y", "x", "-x")


def hall(size=(8.0, 6.0, 2.7), step=0.05):
    """Floor, ceiling, four walls and a table of 1.6 by 0.8 m, 0.75 m high."""
    x, y, z = (np.arange(0, length, step) for length in size)
    sides = [
        np.stack(np.broadcast_arrays(*np.meshgrid(*axes, indexing="ij")), -1).reshape(-1, 3)
        for axes in (
            (x, y, [0.0]), (x, y, [size[2]]), ([0.0], y, z), ([size[0]], y, z),
            (x, [0.0], z), (x, [size[1]], z), (x[20:52], y[40:56], [0.75]),
        )
    ]  # fmt: skip
    return np.concatenate(sides)


def turned_away(coord, up):
    """The coordinates as a file holds them whose axis `up` is up."""
    return coord @ turn_to_z(up)


def scene_of(coord, tmp_path, **choices):
    return to_scene(RawScan(coord=coord), tmp_path / "scan.ply", id="scan", **choices)


@pytest.mark.parametrize("up", ["z", *OTHER_AXES])
def test_a_turn_brings_its_axis_onto_z_and_mirrors_nothing(up):
    axis = np.eye(3)["xyz".index(up[-1])] * (-1 if up[0] == "-" else 1)
    turn = turn_to_z(up)
    np.testing.assert_array_equal(turn @ axis, [0, 0, 1])
    assert np.linalg.det(turn) == 1.0


def test_a_survey_measures_room_height_spacing_and_surfaces():
    found = survey(hall())
    assert found.storey == pytest.approx(2.7, abs=0.05)  # two bins of 2.7 cm
    assert found.spacing == pytest.approx(0.05, abs=0.001)
    np.testing.assert_allclose(found.extent, [8.0, 6.0, 2.7], atol=0.1)
    assert 0 < found.surplus[2] < 0.1  # the table; floor and ceiling cancel as the walls do
    assert abs(found.surplus[:2]).max() < 0.03


def test_a_survey_is_not_moved_by_stray_points_and_doubles():
    room = hall()
    stray = np.concatenate([room, room, [[1e7, 0, 0], [0, -1e7, 50.0]]])
    found, plain = survey(stray), survey(room)
    assert found.spacing == pytest.approx(plain.spacing)
    np.testing.assert_allclose(found.extent, plain.extent, atol=0.01)
    np.testing.assert_allclose(found.surplus, plain.surplus, atol=0.01)


def test_a_plausible_scan_is_taken_as_metres_and_says_what_that_rests_on(tmp_path):
    _, notes = scene_of(hall(), tmp_path)
    assert len(notes) == 1 and isinstance(notes[0], Taken)
    assert notes[0].startswith("scan.ply: 8.0 x 6.0 x 2.7 m, points 50 mm apart, floor to ceiling")
    assert "taken as metres; z taken as up" in notes[0]


@pytest.mark.parametrize(("unit", "factor"), [("cm", 100), ("mm", 1000)])
def test_a_room_in_another_unit_is_refused_until_its_unit_is_said(tmp_path, room, unit, factor):
    for coord in (hall(), room.coord):
        with pytest.raises(SceneError, match=rf"it looks like.*--scene\.units {unit}"):
            scene_of(coord * factor, tmp_path)
        scene, notes = scene_of(coord * factor, tmp_path, units=unit)
        np.testing.assert_allclose(scene.coord, coord, atol=1e-5)
        assert not any("units" in note for note in notes)


def test_who_only_looks_gets_the_figures_under_each_reading(tmp_path):
    scene, notes = scene_of(hall() * 1000, tmp_path, is_strict=False)
    np.testing.assert_allclose(scene.coord, hall() * 1000)
    (note,) = (note for note in notes if not isinstance(note, Taken))
    assert (
        "in metres it would be 8,000 x 6,000 x 2,700 m" in note
        and "millimetres (8.0 x 6.0 x 2.7 m" in note
    )


def test_feet_are_named_where_the_ceiling_tells(tmp_path):
    _, notes = scene_of(hall() / 0.3048, tmp_path)
    assert "as feet it would be 8.0 x 6.0 x 2.7 m" in notes[0] and "--scene.units ft" in notes[0]
    scene, _ = scene_of(hall() / 0.3048, tmp_path, units="ft")
    np.testing.assert_allclose(scene.coord, hall(), atol=1e-5)


def test_a_scan_that_fits_no_unit_says_so_and_can_be_kept(tmp_path):
    tiny = hall() / 100
    with pytest.raises(SceneError, match=r"nor does another unit fit.*--scene\.units m "):
        scene_of(tiny, tmp_path)
    scene, notes = scene_of(tiny, tmp_path, units="m")
    np.testing.assert_allclose(scene.coord, tiny, atol=1e-6)
    assert "read in m as asked for, though" in notes[0]


@pytest.mark.parametrize("up", OTHER_AXES)
def test_a_room_or_street_that_lies_is_refused_until_its_axis_is_said(tmp_path, room, street, up):
    for upright in (room.coord, street.coord):
        lying = turned_away(upright.astype(np.float64), up)
        with pytest.raises(SceneError, match=rf"it looks like {up}: .*--scene\.up[ =]{up}"):
            scene_of(lying, tmp_path)
        scene, notes = scene_of(lying, tmp_path, up=up)
        np.testing.assert_allclose(scene.coord, upright, atol=1e-5)
        assert not any("though" in note for note in notes)


def test_a_flat_table_in_millimetres_is_offered_as_one(tmp_path):
    rng = np.random.default_rng(0)
    table = rng.uniform(0, 1, (40_000, 3)) * [900, 1100, 110]
    with pytest.raises(SceneError, match=r"--scene\.units mm"):
        scene_of(table, tmp_path)


def test_normals_turn_with_the_scan(tmp_path, room):
    turn = turn_to_z("y")
    raw = RawScan(coord=room.coord @ turn, normal=room.normal @ turn)
    scene, _ = to_scene(raw, tmp_path / "a.ply", id="a", up="y")
    np.testing.assert_allclose(scene.normal, room.normal, atol=1e-6)


def test_an_axis_that_was_said_is_taken_with_a_note_if_the_scan_disagrees(tmp_path, room):
    scene, notes = scene_of(room.coord, tmp_path, up="y")
    np.testing.assert_allclose(scene.coord[:, 2], room.coord[:, 1], atol=1e-6)
    assert any("y is up as asked for, though" in note for note in notes)


def test_walls_alone_leave_the_axis_open_and_z_is_taken(tmp_path):
    room = hall()
    walls = room[(room[:, 2] > 0.01) & (room[:, 2] < 2.69) & (room[:, 2] != 0.75)]
    _, notes = scene_of(walls, tmp_path)
    assert "z taken as up: no axis has clearly more surface that faces one way" in notes[0]


def test_what_a_format_states_is_believed_without_a_look():
    far_off = np.random.default_rng(0).uniform(0, 1e5, (500, 3))
    frame = find_frame(far_off, Stated(metres_per_unit=0.3048, up="y"), units="auto", up="auto")
    assert frame.metres_per_unit == 0.3048
    np.testing.assert_array_equal(frame.turn, turn_to_z("y"))
    assert (frame.doubts, frame.notes, frame.taken) == ((), (), "")


def test_what_is_said_goes_before_what_is_stated():
    stated = Stated(metres_per_unit=0.001, up="y")
    frame = find_frame(hall(), stated, units="m", up="z")
    assert frame.metres_per_unit == 1.0
    np.testing.assert_array_equal(frame.turn, np.eye(3))
    assert any("the file states a unit of 0.001 m" in note for note in frame.notes)


def test_a_depth_image_whose_axis_is_said_is_not_levelled(depth_image):
    level, notes = read_scene_and_notes(depth_image, up="-y")
    assert not any("taken as level" in note for note in notes)
    free, _ = read_scene_and_notes(depth_image)
    spread = [np.ptp(np.percentile(scene.coord[:, 2], [2, 98])) for scene in (level, free)]
    assert spread[0] > 1.5 * spread[1]  # the table leans 35 to 40 degrees against the camera


def test_the_flags_of_a_run_reach_the_reader(tmp_path, room):
    np.save(tmp_path / "a.npy", turned_away(room.coord.astype(np.float64), "y") * 100)
    with pytest.raises(SceneError, match=r"--scene\.units cm.*--scene\.up y"):
        open_scenes(SceneConfig(source=str(tmp_path / "a.npy")), seed=0)[0]
    config = SceneConfig(source=str(tmp_path / "a.npy"), units="cm", up="y", feats=("coord",))
    np.testing.assert_allclose(open_scenes(config, seed=0)[0].coord, room.coord, atol=1e-4)


@pytest.mark.skipif(not REAL.is_dir(), reason="no folder of real scans lies beside the checkout")
def test_real_scans_are_read_without_a_flag_and_refused_when_scaled_or_turned(tmp_path):
    kinds = ("pcl/*.pcd", "nuscenes/*.bin", "*/sequences/*/velodyne/*.bin", "mosd/*/*.pcd")
    scans = [path for kind in kinds for path in sorted(REAL.glob(kind))[-1:]]
    assert scans
    for path in scans:
        coord = read_scene(path).coord.astype(np.float64)
        scene_of(coord, tmp_path)  # what the reader gave is plausible, whatever the file states
        with pytest.raises(SceneError, match=r"--scene\.units"):
            scene_of(coord * 1000, tmp_path)
        for up in ("y", "-y", "x", "-x"):
            with pytest.raises(SceneError, match=r"--scene\.up"):
                scene_of(turned_away(coord, up), tmp_path)
    for path in REAL.glob("pcl/room*.pcd"):
        with pytest.raises(SceneError, match=r"--scene\.units cm"):
            scene_of(read_scene(path).coord * 100.0, tmp_path)
