"""Meshes become points spread evenly over their surface, with colours and objects."""

import io
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pointins_engine.errors import SceneError
from pointins_engine.scenes.readers import mesh, read_scene, read_scene_and_notes
from pointins_engine.scenes.readers.ply import fan, read_ply_mesh
from tests.scenes.malformed import sound_files as sound


@pytest.fixture(autouse=True)
def few_samples(monkeypatch):
    """In this process; a child process samples as many as ever."""
    monkeypatch.setattr(mesh, "MIN_SAMPLES", 2000)
    monkeypatch.setattr(mesh, "MAX_SAMPLES", 2000)


def test_triangles_get_points_by_their_area_and_points_lie_on_them():
    corners = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [5, 0, 0], [9, 0, 0], [5, 4, 2]], float)
    triangles = np.array([[0, 1, 2], [3, 4, 5]])
    rows, weights = mesh.sample_surface(corners, triangles, Path("a"))
    area = np.array([0.5, 4 * np.sqrt(20) / 2])
    np.testing.assert_allclose(np.bincount(rows), 2000 * area / area.sum(), atol=1)
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    assert (weights >= 0).all()
    # Uniform in a triangle: the mean of the weights is a third, their variance an eighteenth.
    np.testing.assert_allclose(weights.mean(axis=0), 1 / 3, atol=0.02)
    np.testing.assert_allclose(weights.var(axis=0), 1 / 18, atol=0.005)


def test_polygons_become_fans():
    corners = np.array([4, 5, 6, 0, 1, 2, 3, 7, 8])
    triangles = fan(corners, np.array([3, 4, 2]))
    assert triangles.tolist() == [[4, 5, 6], [0, 1, 2], [0, 2, 3]]


@pytest.mark.parametrize("encoding", ["ascii", "binary_little_endian", "binary_big_endian"])
def test_faces_of_a_ply_file_are_read_in_every_encoding(tmp_path, encoding):
    path = tmp_path / "a.ply"
    path.write_bytes(sound.ply(encoding))
    scan, triangles = read_ply_mesh(path)
    assert triangles.tolist() == [[0, 1, 2], [0, 1, 2], [0, 2, 3]]
    np.testing.assert_allclose(scan.coord, sound.cloud()["coord"], atol=1e-6)


@pytest.mark.parametrize("count", [3, 4])
def test_equal_and_unequal_faces_with_other_properties_are_read(tmp_path, count):
    header = (
        b"ply\nformat binary_little_endian 1.0\nelement vertex 4\nproperty float x\n"
        b"property float y\nproperty float z\nelement face 2\nproperty uchar flag\n"
        b"property list uchar uint vertex_index\nproperty ushort group\nend_header\n"
    )
    vertices = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], "<f4").tobytes()
    faces = b""
    for corners in ([0, 1, 2], [0, 1, 2, 3][:count]):
        faces += bytes([7, len(corners)]) + np.array(corners, "<u4").tobytes() + b"\1\0"
    (tmp_path / "a.ply").write_bytes(header + vertices + faces)
    triangles = read_ply_mesh(tmp_path / "a.ply")[1]
    assert triangles.tolist() == [[0, 1, 2], [0, 1, 2], [0, 2, 3]][: count - 1]


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda data: data[:-7], "promises 2 faces, the file holds 1"),
        (lambda data: data[:-4] + b"\xff\xff\xff\x00", "names vertex 16,777,215 of 200"),
        (lambda data: data.replace(b"vertex_indices", b"vertex_indexes"), "vertex_indices"),
        (lambda data: data.replace(b"face 2", b"face 0"), "no faces to sample"),
    ],
)
def test_damaged_faces_are_named(tmp_path, damage, words):
    (tmp_path / "a.ply").write_bytes(damage(sound.ply()))
    with pytest.raises(SceneError, match=words):
        read_scene(tmp_path / "a.ply", sample_mesh=True)
    assert len(read_scene(tmp_path / "a.ply")) == sound.N  # the vertices are sound


def test_a_ply_mesh_is_sampled_only_when_asked_for_and_the_same_each_time(tmp_path):
    path = tmp_path / "a.ply"
    path.write_bytes(sound.ply())
    one, notes = read_scene_and_notes(path, up="z", sample_mesh=True)
    other = read_scene(path, up="z", sample_mesh=True)
    assert len(read_scene(path)) == sound.N
    assert len(one) == 2000
    assert any("sampled at 2,000 points" in note for note in notes)
    np.testing.assert_array_equal(one.coord, other.coord)
    assert one.color is not None and one.instance_label is not None
    np.testing.assert_allclose(np.linalg.norm(one.normal, axis=1), 1, atol=1e-6)
    corners = sound.cloud()["coord"][:4]
    assert (one.coord >= corners.min(axis=0) - 1e-6).all()
    assert (one.coord <= corners.max(axis=0) + 1e-6).all()


needs_open3d = pytest.mark.skipif(
    find_spec("open3d") is None, reason="meshes other than PLY need Open3D, which is not installed"
)


@needs_open3d
def test_gltf_is_metres_and_y_up_and_its_materials_give_colours(tmp_path):
    (tmp_path / "a.glb").write_bytes(sound.glb())
    scene, notes = read_scene_and_notes(tmp_path / "a.glb")
    assert len(scene) == 130_000  # 13 square metres, a point a square centimetre
    floor = scene.coord[:, 2] < 0.5
    np.testing.assert_allclose(scene.coord[floor].max(axis=0), [4, 3, 0], atol=0.02)
    np.testing.assert_allclose(scene.coord[~floor].min(axis=0), [0, 0, 1], atol=0.02)
    assert (scene.color[floor] == [128, 0, 0]).all()
    assert (scene.color[~floor] == [0, 128, 0]).all()
    assert any("sampled at 130,000 points" in note for note in notes)


@needs_open3d
def test_a_texture_lies_the_right_way_up(tmp_path):
    picture = Image.new("RGB", (2, 2))
    for place, color in {(0, 0): "red", (1, 0): "lime", (0, 1): "blue", (1, 1): "white"}.items():
        picture.putpixel(place, {"red": (255, 0, 0), "lime": (0, 255, 0), "blue": (0, 0, 255),
                                 "white": (255, 255, 255)}[color])  # fmt: skip
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    (tmp_path / "a.png").write_bytes(stream.getvalue())
    (tmp_path / "a.mtl").write_text("newmtl a\nKd 1 1 1\nmap_Kd a.png\n")
    (tmp_path / "a.obj").write_text(
        "mtllib a.mtl\nusemtl a\nv 0 0 0\nv 4 0 0\nv 4 4 0\nv 0 4 0\n"
        "vt 0 0\nvt 1 0\nvt 1 1\nvt 0 1\nf 1/1 2/2 3/3 4/4\n"
    )
    found = mesh.parse(tmp_path / "a.obj")
    x, y = found["coord"][:, 0], found["coord"][:, 1]
    # v points up: the first row of the picture is at y = 4
    for right, back, color in ((0, 1, "f00"), (1, 1, "0f0"), (0, 0, "00f"), (1, 0, "fff")):
        here = ((x > 2) == right) & ((y > 2) == back)
        assert (found["color"][here] == [255 * (c == "f") for c in color]).all()


@needs_open3d
@pytest.mark.parametrize("name", ["a.stl", "a.off", "a.obj"])
def test_meshes_without_colour_have_positions_and_normals(tmp_path, name):
    (tmp_path / name).write_bytes(sound.SOUND[name]())
    found = mesh.parse(tmp_path / name)
    assert "color" not in found
    np.testing.assert_allclose(np.abs(found["normal"][:, 2]), 1, atol=1e-6)
    np.testing.assert_allclose(np.ptp(found["coord"][:, :2], axis=0), [4, 3], atol=0.1)


@needs_open3d
def test_what_open3d_says_of_a_damaged_mesh_is_in_the_message(tmp_path, capfd):
    data = sound.glb()
    (tmp_path / "a.glb").write_bytes(data.replace(b'"bufferView": 1', b'"bufferView": 9'))
    with pytest.raises(SceneError, match=r"no triangles in this mesh.*Open3D says"):
        read_scene(tmp_path / "a.glb")
    assert capfd.readouterr() == ("", "")  # and is nowhere else


def test_a_library_that_does_not_come_back_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr("pointins_engine.scenes.readers.isolated._TIMEOUT", 0.01)
    (tmp_path / "a.obj").write_bytes(sound.obj())
    with pytest.raises(SceneError, match=r"took longer than 0\.01 s"):
        read_scene(tmp_path / "a.obj")
