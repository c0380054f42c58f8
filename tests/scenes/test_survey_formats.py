"""LAS, LAZ and E57: what surveyors' libraries wrote comes back, with units, classes and poses."""

import numpy as np
import pytest

from pointins_engine.errors import SceneError
from pointins_engine.scenes.readers import read_scene, read_scene_and_notes
from tests.scenes.malformed import sound_files as sound

UTM = 'PROJCS["WGS 84 / UTM 33N",GEOGCS["WGS 84",UNIT["degree",0.0174532925199433]],UNIT["{}",{}]]'
HEIGHT = ',VERT_CS["height",UNIT["{}",{}]]]'


@pytest.mark.parametrize("kind", [3, 7])
@pytest.mark.parametrize("is_compressed", [False, True])
def test_las_and_laz_come_back(tmp_path, kind, is_compressed):
    path = tmp_path / "a.las"
    path.write_bytes(sound.las(kind, is_compressed=is_compressed))
    scene = read_scene(path)
    c = sound.cloud()
    expected = c["coord"] + [500_000, 5_000_000, 100]
    position = scene.coord.astype(np.float64) + scene.origin
    np.testing.assert_allclose(position, expected, atol=0.0005 + 1e-6)  # the file's millimetres
    np.testing.assert_array_equal(scene.color, c["color"])  # 16 bits a channel
    np.testing.assert_allclose(scene.intensity, c["intensity"], atol=1 / 65_535)
    names = np.array([*scene.class_names, "none"])[scene.semantic_label]
    kinds = np.array(["none", "ground", "building", "high vegetation"])
    np.testing.assert_array_equal(names, kinds[c["label"]])
    instance = np.where(c["instance"] > 0, c["instance"], -1)
    np.testing.assert_array_equal(scene.instance_label, instance)


def test_class_indices_of_two_tiles_mean_the_same(tmp_path):
    import laspy

    for name, classes in (("a", [2, 6]), ("b", [6, 64])):
        points = laspy.LasData(laspy.LasHeader(point_format=6, version="1.4"))
        points.x, points.y, points.z = sound.cloud()["coord"].T
        points.classification = np.resize(classes, sound.N)
        points.write(tmp_path / f"{name}.las")
    one, other = read_scene(tmp_path / "a.las"), read_scene(tmp_path / "b.las")
    assert one.semantic_label[1] == other.semantic_label[0]
    assert one.class_names[one.semantic_label[1]] == "building"
    assert other.class_names[other.semantic_label[1]] == "class_64"
    assert one.color is one.intensity is one.instance_label is None


def test_eight_bits_in_sixteen_are_eight_bits(tmp_path):
    import laspy

    c = sound.cloud()
    points = laspy.LasData(laspy.LasHeader(point_format=2, version="1.2"))
    points.x, points.y, points.z = c["coord"].T
    points.red, points.green, points.blue = c["color"].T
    points.intensity = np.round(c["intensity"] * 255)
    points.write(tmp_path / "a.las")
    scene = read_scene(tmp_path / "a.las")
    np.testing.assert_array_equal(scene.color, c["color"])
    np.testing.assert_allclose(scene.intensity, c["intensity"], atol=0.5 / 255 + 1e-6)


@pytest.mark.parametrize(
    ("wkt", "horizontal", "vertical"),
    [
        (UTM.format("metre", 1), 1.0, 1.0),
        (UTM.format("US survey foot", 0.304800609601219), 1200 / 3937, 1200 / 3937),
        (f"COMPD_CS[{UTM.format('metre', 1)}{HEIGHT.format('foot', 0.3048)}", 1.0, 0.3048),
        (f"COMPD_CS[{UTM.format('foot', 0.3048)}{HEIGHT.format('metre', 1)}", 0.3048, 1.0),
    ],
)
def test_feet_become_metres_in_each_direction(tmp_path, wkt, horizontal, vertical):
    path = tmp_path / "a.las"
    path.write_bytes(sound.las(wkt=wkt))
    scene, notes = read_scene_and_notes(path)
    expected = sound.cloud()["coord"] * [horizontal, horizontal, vertical]
    expected -= expected.mean(axis=0)
    position = scene.coord - scene.coord.mean(axis=0)
    np.testing.assert_allclose(position, expected, atol=0.001)
    assert any("now metres" in note for note in notes) == (horizontal != 1)
    assert any("heights are in another unit" in note for note in notes) == (horizontal != vertical)


def test_geotiff_keys_state_the_unit(tmp_path):
    import laspy

    header = laspy.LasHeader(point_format=0, version="1.2")
    header.scales = np.full(3, 0.001)
    keys = np.array([[1, 1, 0, 2], [1024, 0, 1, 1], [3076, 0, 1, 9002]], "<u2").tobytes()
    header.vlrs.append(laspy.VLR("LASF_Projection", 34735, "", keys))
    points = laspy.LasData(header)
    points.x, points.y, points.z = sound.cloud()["coord"].T
    points.write(tmp_path / "a.las")
    scene = read_scene(tmp_path / "a.las")
    np.testing.assert_allclose(scene.coord, sound.cloud()["coord"] * 0.3048, atol=0.0005)


def test_withheld_points_are_left_out(tmp_path):
    import laspy

    points = laspy.LasData(laspy.LasHeader(point_format=6, version="1.4"))
    points.x, points.y, points.z = sound.cloud()["coord"].T
    points.withheld = np.arange(sound.N) % 4 == 0
    points.write(tmp_path / "a.las")
    scene, notes = read_scene_and_notes(tmp_path / "a.las")
    assert len(scene) == 150
    assert any("50 points are marked as withheld" in note for note in notes)


def test_the_scans_of_an_e57_file_meet_in_one_frame(tmp_path):
    (tmp_path / "a.e57").write_bytes(sound.e57())
    scene = read_scene(tmp_path / "a.e57")
    c = sound.cloud()
    x, y, z = c["coord"].T
    turned = np.stack([10 - y, x, z], axis=1)  # a quarter about z, then 10 m along x
    np.testing.assert_allclose(scene.coord, np.concatenate([c["coord"], turned]), atol=1e-5)
    np.testing.assert_array_equal(scene.color, np.concatenate([c["color"]] * 2))
    np.testing.assert_allclose(scene.intensity, np.tile(c["intensity"], 2), atol=1e-6)


def test_without_its_package_e57_says_what_to_install(tmp_path, monkeypatch):
    (tmp_path / "a.e57").write_bytes(sound.e57())
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(SceneError, match="pip install pye57"):
        read_scene(tmp_path / "a.e57")


def test_without_its_package_las_says_what_to_install(tmp_path, monkeypatch):
    (tmp_path / "a.las").write_bytes(sound.las())
    monkeypatch.setitem(__import__("sys").modules, "laspy", None)
    with pytest.raises(SceneError, match="pip install 'laspy"):
        read_scene(tmp_path / "a.las")
