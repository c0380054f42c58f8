"""Text tables: separators, headers, comments, and columns that nothing names."""

import numpy as np
import pytest

from pointins_engine.errors import SceneError
from pointins_engine.scenes.readers import read_scene, read_scene_and_notes, scans_among
from tests.scenes.malformed.sound_files import cloud, rows


def written(path, columns, *, header="", separator=" ", form="%.6f"):
    lines = "\n".join(separator.join(form % v for v in row) for row in np.column_stack(columns))
    path.write_text(header + lines + "\n")
    return path


@pytest.mark.parametrize("separator", [" ", ",", ";", "\t", ", ", "   "])
@pytest.mark.parametrize("ending", [".xyz", ".txt", ".csv", ".asc", ".pts"])
def test_any_separator_gives_the_same_points(tmp_path, separator, ending):
    path = written(tmp_path / f"scan{ending}", [cloud()["coord"]], separator=separator)
    np.testing.assert_allclose(read_scene(path).coord, cloud()["coord"], atol=1e-6)


@pytest.mark.parametrize(
    "header",
    [
        "nz,ny,nx,Label,z,Y,X,instance_label,Intensity,blue,green,red,time\n",
        "# made by a test\n# nz,ny,nx,label,z,y,x,instance,intensity,b,g,r,time\n",
        '//"NZ","NY","NX","Scalar_Label","Z [m]","Y (m)","X","instance",Intensity,B,G,R,T\n',
    ],
)
def test_names_tell_the_columns_in_any_order(tmp_path, header):
    c = cloud()
    columns = [
        c["normal"][:, ::-1], c["label"], c["coord"][:, ::-1], c["instance"], c["intensity"],
        c["color"][:, ::-1], np.arange(len(c["coord"])),
    ]  # fmt: skip
    path = written(tmp_path / "scan.csv", columns, header=header, separator=",")
    scene, notes = read_scene_and_notes(path)
    np.testing.assert_allclose(scene.coord, c["coord"], atol=1e-6)
    np.testing.assert_array_equal(scene.color, c["color"])
    np.testing.assert_allclose(scene.normal, c["normal"], atol=1e-6)
    np.testing.assert_allclose(scene.intensity, c["intensity"], atol=1e-6)
    names = np.array(scene.class_names)[scene.semantic_label]
    np.testing.assert_array_equal(names, [f"class_{k}" for k in c["label"]])
    expected = np.where(c["instance"] > 0, c["instance"], -1)
    np.testing.assert_array_equal(scene.instance_label, expected)
    assert any("Left out: " in note and note.endswith((" time.", " T.")) for note in notes)


def test_columns_without_names_are_told_by_number_and_values(tmp_path):
    c = cloud()
    xyz, rgb, ids = c["coord"], c["color"], np.column_stack([c["label"], c["instance"]])
    lean = np.tile([0.0, 0.6, -0.8], (len(xyz), 1))
    cases = {
        "x y z": [xyz],
        "x y z intensity": [xyz, c["intensity"]],
        "x y z label instance": [xyz, ids],
        "x y z r g b": [xyz, rgb],
        "x y z nx ny nz": [xyz, lean],
        "x y z r g b label": [xyz, rgb, c["label"]],
        "x y z intensity r g b": [xyz, c["intensity"] * 2000, rgb],
        "x y z r g b label instance": [xyz, rgb, ids],
        "x y z r g b nx ny nz": [xyz, rgb, lean],
        "x y z nx ny nz r g b": [xyz, lean, rgb],
    }
    for names, columns in cases.items():
        scene, notes = read_scene_and_notes(written(tmp_path / "a.txt", columns))
        assert any(note.endswith(f"taken as {names}.") for note in notes)
        np.testing.assert_allclose(scene.coord, xyz, atol=1e-6)
        assert (scene.color is not None) == ("r g b" in names)
        assert (scene.normal is not None) == ("nx" in names)
        assert (scene.intensity is not None) == ("intensity" in names)
        assert (scene.instance_label is not None) == ("instance" in names)
        if scene.color is not None:
            np.testing.assert_array_equal(scene.color, rgb)
        if scene.normal is not None:
            np.testing.assert_allclose(scene.normal, lean, atol=1e-6)


def test_a_pts_file_counts_its_points_and_measures_intensity_from_below_zero(tmp_path):
    c = cloud()
    intensity = np.round(c["intensity"] * 4095) - 2048
    columns = [c["coord"], intensity, c["color"]]
    path = written(tmp_path / "a.pts", columns, header=f"{len(intensity)}\n")
    scene = read_scene(path)
    np.testing.assert_allclose(scene.intensity, c["intensity"], atol=1e-3)
    np.testing.assert_array_equal(scene.color, c["color"])


def test_comments_and_a_mark_of_the_encoding_are_skipped(tmp_path):
    lines = rows("%.3f,%.3f,%.3f", 3).splitlines(keepends=True)
    text = b"\xef\xbb\xbf# x right\n" + b"".join(lines[:90]) + b"# moved\n" + b"".join(lines[90:])
    (tmp_path / "a.csv").write_bytes(text)
    np.testing.assert_allclose(read_scene(tmp_path / "a.csv").coord, cloud()["coord"], atol=1e-3)


def test_a_decimal_comma_is_refused_with_what_to_type(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"1,5;2,5;3,5\n" * 200)
    with pytest.raises(SceneError, match=r"sed 's/,/\./g' a\.csv"):
        read_scene(tmp_path / "a.csv")


def test_side_files_of_a_folder_are_no_scans(tmp_path):
    cloud_file, mesh = tmp_path / "a.ply", tmp_path / "a.obj"
    points, prose = tmp_path / "points.txt", tmp_path / "README.txt"
    poses, times, room = tmp_path / "poses.txt", tmp_path / "times.txt", tmp_path / "room.csv"
    points.write_bytes(rows("%.3f %.3f %.3f", 3))
    room.write_bytes(b"x,y,z\n" + rows("%.3f,%.3f,%.3f", 3))
    prose.write_text("Scans of a room.\n")
    poses.write_text((" ".join(["1.0"] * 12) + "\n") * 50)
    times.write_text("0.1\n" * 50)
    texts = [points, prose, poses, times, room]
    assert scans_among([*texts, mesh, cloud_file]) == [cloud_file]
    assert scans_among([*texts, mesh]) == [mesh]
    assert scans_among(texts) == [points, room]
