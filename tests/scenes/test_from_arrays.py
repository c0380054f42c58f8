"""Scenes from arrays, tensors, lists and Open3D objects: the same scene, whatever holds it."""

import importlib.util
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
import torch

from pointins_engine.config import SceneConfig
from pointins_engine.errors import SceneError
from pointins_engine.run_log.store import Run
from pointins_engine.scenes import SceneSet, scene_from_arrays, scene_from_open3d

EXAMPLE = Path(__file__).parents[2] / "examples" / "train_on_arrays.py"
N = 300


@pytest.fixture
def cloud():
    """A bumpy floor of 3 by 3 m with everything that can be known of it."""
    rng = np.random.default_rng(0)
    return {
        "coord": np.c_[rng.uniform(0, 3, (N, 2)), rng.normal(0, 0.01, N)],
        "color": rng.integers(0, 256, (N, 3)).astype(np.uint8),
        "normal": np.tile([0.0, 0.0, 1.0], (N, 1)),
        "intensity": rng.uniform(0, 1, N),
        "semantic_label": rng.integers(-1, 2, N),
        "instance_label": rng.integers(-1, 5, N),
    }


def assert_same_scene(a, b):
    for field in fields(a):
        np.testing.assert_array_equal(getattr(a, field.name), getattr(b, field.name), field.name)


def test_every_column_arrives(cloud):
    scene = scene_from_arrays(**cloud, class_names=["floor", "rug"], id="my floor")
    assert scene.id == "my-floor" and scene.class_names == ("floor", "rug")
    for name, value in cloud.items():
        np.testing.assert_allclose(getattr(scene, name), value, atol=1e-6)


def test_tensors_and_lists_give_the_scene_of_arrays(cloud):
    expected = scene_from_arrays(**cloud)
    tensors = {name: torch.from_numpy(value) for name, value in cloud.items()}
    tensors["coord"].requires_grad_()
    assert_same_scene(scene_from_arrays(**tensors), expected)
    lists = {name: value.tolist() for name, value in cloud.items() if name != "color"}
    assert_same_scene(scene_from_arrays(**lists, color=cloud["color"]), expected)


def test_a_scene_shares_no_memory_with_what_it_came_from(cloud):
    cloud["coord"] = cloud["coord"].astype(np.float32)
    scene = scene_from_arrays(**cloud)
    before = {f.name: np.copy(getattr(scene, f.name)) for f in fields(scene)}
    for value in cloud.values():
        value[:] = 0
    for name, value in before.items():
        np.testing.assert_array_equal(getattr(scene, name), value)


def test_rows_without_a_position_leave_with_all_they_have(cloud):
    cloud["coord"][::3, 2] = np.nan
    scene = scene_from_arrays(**cloud)
    kept = np.arange(N) % 3 != 0
    assert len(scene) == 200 and scene.num_dropped == 100
    np.testing.assert_array_equal(scene.instance_label, cloud["instance_label"][kept])


def test_units_and_axis_are_confirmed_in_the_words_of_this_function(cloud):
    with pytest.raises(SceneError, match=r'units="mm"'):
        scene_from_arrays(cloud["coord"] * 1000)
    with pytest.raises(SceneError, match=r'up="-?y"'):
        scene_from_arrays(cloud["coord"][:, [0, 2, 1]])
    scene = scene_from_arrays(cloud["coord"] * 1000, units="mm")
    np.testing.assert_allclose(scene.coord, cloud["coord"], atol=1e-6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: {"coord": np.zeros((8, N, 3))}, r"\(8, 300, 3\).*padded batch of 8 clouds.*one"),
        (lambda c: {"coord": c["coord"].T}, r"\(3, 300\).*pass coord\.T"),
        (lambda c: {"coord": np.zeros((N, 6))}, r"\(300, 6\).*table\[:, :3\]"),
        (lambda c: {"coord": np.zeros(N)}, r"shape \(300,\), expected \(points, 3\)"),
        (lambda c: {"coord": [["a"] * 3] * N}, "expected numbers"),
        (lambda c: {"coord": [[1.0, 2.0], [3.0]]}, "cannot be read as an array"),
        (lambda c: {"color": np.zeros((N, 4))}, r"color\[:, :3\]"),
        (lambda c: {"color": np.zeros((N - 1, 3))}, "color has 299 rows for 300 points"),
        (lambda c: {"normal": np.zeros(N)}, r"normal has shape \(300,\)"),
        (lambda c: {"intensity": np.zeros((N, 2))}, r"intensity has shape \(300, 2\)"),
        (lambda c: {"instance_label": np.full(N, 0.5)}, "no whole numbers"),
        (lambda c: {"class_names": ("floor",)}, "goes up to 1, and class_names has 1"),
        (lambda c: {"coord": c["coord"][:99]} | dict.fromkeys(list(c)[1:]), "at least 100"),
    ],
)
def test_what_does_not_fit_says_what_to_pass(cloud, change, message):
    with pytest.raises(SceneError, match=message):
        scene_from_arrays(**cloud | change(cloud))


def test_a_column_of_one_is_a_column(cloud):
    flat = scene_from_arrays(cloud["coord"], intensity=cloud["intensity"])
    assert_same_scene(
        scene_from_arrays(cloud["coord"], intensity=cloud["intensity"][:, None]), flat
    )


def test_open3d_clouds_of_both_kinds_give_the_scene_of_arrays(cloud):
    o3d = pytest.importorskip("open3d")
    wanted = {name: cloud[name] for name in ("coord", "color", "normal")}
    expected = scene_from_arrays(**wanted)
    plain = o3d.geometry.PointCloud(o3d.utility.Vector3dVector(cloud["coord"]))
    plain.colors = o3d.utility.Vector3dVector(cloud["color"] / 255)
    plain.normals = o3d.utility.Vector3dVector(cloud["normal"])
    assert_same_scene(scene_from_open3d(plain), expected)
    tensor = o3d.t.geometry.PointCloud(o3d.core.Tensor(cloud["coord"]))
    tensor.point.colors = o3d.core.Tensor(cloud["color"])
    tensor.point.normals = o3d.core.Tensor(cloud["normal"])
    assert_same_scene(scene_from_open3d(tensor), expected)
    tensor.point.intensity = o3d.core.Tensor(cloud["intensity"][:, None])
    np.testing.assert_allclose(scene_from_open3d(tensor).intensity, cloud["intensity"], atol=1e-6)


def test_an_open3d_mesh_is_sampled_over_its_surface():
    o3d = pytest.importorskip("open3d")
    mesh = o3d.geometry.TriangleMesh.create_box(1.0, 2.0, 0.5)
    mesh.paint_uniform_color([1.0, 0.4, 0.0])
    for form in (mesh, o3d.t.geometry.TriangleMesh.from_legacy(mesh)):
        scene = scene_from_open3d(form)
        np.testing.assert_allclose(np.ptp(scene.coord, axis=0), [1.0, 2.0, 0.5], atol=1e-3)
        on_top = scene.coord[:, 2] > 0.5 - 1e-6
        assert on_top.mean() == pytest.approx(2.0 / 7.0, abs=0.01)  # 2 of 7 m²
        assert (scene.color == [255, 102, 0]).all()
        np.testing.assert_allclose(abs(scene.normal[on_top, 2]), 1, atol=1e-6)


def test_other_open3d_objects_are_refused():
    with pytest.raises(SceneError, match="list is no Open3D point cloud"):
        scene_from_open3d([1, 2, 3])


def test_a_set_of_scenes_is_completed_for_training_and_names_doubles(cloud):
    scene = scene_from_arrays(cloud["coord"])
    scenes = SceneSet.of([scene], SceneConfig(grid_size=0.05))
    assert scenes.ids == ["scan"]
    assert abs(scenes[0].normal[:, 2]).mean() > 0.9 and scenes[0].is_plane.mean() > 0.95
    with pytest.raises(SceneError, match="'scan' is the id of several"):
        SceneSet.of([scene, scene], SceneConfig())
    with pytest.raises(SceneError, match="there are no scenes"):
        SceneSet.of([], SceneConfig())


def test_the_example_trains_and_its_run_says_where_the_scenes_came_from(tmp_path):
    spec = importlib.util.spec_from_file_location("train_on_arrays", EXAMPLE)
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    example.main([str(tmp_path / "mine"), "--steps", "2"])
    run = Run(tmp_path / "mine")
    assert run.scalars()["loss/total"][0] == [1, 2]
    assert run.config.scene.source == "memory"
