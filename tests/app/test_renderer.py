"""Pictures from the child process, and what happens when it cannot draw or dies."""

import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from app.pictures.palette import CANVAS, rgb
from app.pictures.renderer import PictureError, Renderer, RendererUnavailable, describe
from pointins_engine.run_log.paths import RunPaths
from tests.recorded_run import write_recorded_run

ROOT = Path(__file__).parents[2]
SIZE = {"width": 120, "height": 80}


@pytest.fixture(scope="module")
def paths(tmp_path_factory) -> RunPaths:
    root = tmp_path_factory.mktemp("runs") / "rooms"
    write_recorded_run(root, num_frames=2, num_points=1500, scenes=("room_0001",))
    return RunPaths(root)


@pytest.fixture(scope="module")
def renderer():
    with Renderer() as started:
        yield started


def pixels(png: bytes) -> np.ndarray:
    image = Image.open(io.BytesIO(png))
    assert image.format == "PNG"
    return np.asarray(image).astype(int)


def test_a_picture_has_the_size_asked_for_points_and_the_canvas_colour(renderer, paths):
    for theme in ("dark", "light"):
        image = pixels(renderer.render_scene_png(paths.scene("room_0001"), theme=theme, **SIZE))
        canvas = np.rint(rgb(CANVAS[theme]) * 255).astype(int)
        assert image.shape == (80, 120, 3)
        assert (image[0, 0] == canvas).all()
        covered = (np.abs(image - canvas).sum(axis=2) > 12).mean()
        assert 0.15 < covered < 0.95


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_a_clear_picture_on_a_canvas_is_the_picture_with_that_canvas(renderer, paths, theme):
    files, options = (paths.scene("room_0001"), paths.frame("room_0001", 10)), SIZE | {"t": 0.5}
    options |= {"colouring": "height", "theme": theme}
    whole = pixels(renderer.render_scene_png(*files, **options))
    clear = pixels(renderer.render_scene_png(*files, transparent=True, **options))
    canvas = np.rint(rgb(CANVAS[theme]) * 255)
    share = clear[:, :, 3:] / 255
    assert share.min() == 0 and share.max() == 1
    laid = clear[:, :, :3] * share + canvas * (1 - share)
    assert np.abs(laid - whole).max() <= 2  # colour and share are rounded to 8 bits each


def test_votes_marks_and_colourings_each_change_the_picture(renderer, paths):
    def picture(**options) -> np.ndarray:
        files = paths.scene("room_0001"), paths.frame("room_0001", 10)
        return pixels(renderer.render_scene_png(*files, **SIZE, **options))

    plain = picture()
    changed = [
        picture(t=1.0),
        picture(t=1.0, votes="target"),
        picture(marks=True),
        picture(colouring="pca"),
        picture(colouring="height"),
    ]
    for image in changed:
        assert (np.abs(image - plain).sum(axis=2) > 30).mean() > 0.01
    assert np.abs(changed[0] - changed[1]).mean() > 0.5
    assert (picture() == plain).all()  # the same request gives the same pixels


def test_a_picture_after_the_child_was_killed_comes_from_a_new_one(renderer, paths):
    before = renderer.render_scene_png(paths.scene("room_0001"), **SIZE)
    pid = renderer._process.pid
    os.kill(pid, signal.SIGKILL)
    assert renderer.render_scene_png(paths.scene("room_0001"), **SIZE) == before
    assert renderer._process.pid != pid


def test_a_bad_request_is_told_and_the_renderer_goes_on(renderer, paths):
    with pytest.raises(PictureError, match=r"nowhere\.safetensors cannot be read"):
        renderer.render_scene_png(paths.scenes / "nowhere.safetensors", **SIZE)
    with pytest.raises(PictureError, match="16 to 4096"):
        renderer.render_scene_png(paths.scene("room_0001"), width=5, height=80)
    with pytest.raises(PictureError, match=r"from 0 \(points\) to 1"):
        renderer.render_scene_png(paths.scene("room_0001"), t=1.5, **SIZE)
    with pytest.raises(PictureError, match="expected one of"):
        renderer.render_scene_png(paths.scene("room_0001"), colouring="mood", **SIZE)
    assert renderer.render_scene_png(paths.scene("room_0001"), **SIZE)


def test_a_closed_renderer_leaves_no_child_and_can_start_again():
    renderer = Renderer()
    renderer.gl_version()
    pid = renderer._process.pid
    renderer.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert "." in renderer.gl_version()
    renderer.close()


def test_a_machine_that_cannot_draw_is_told_why_and_what_to_install(paths):
    with (
        Renderer(backend="openGL_none") as renderer,
        pytest.raises(RendererUnavailable) as first,
    ):
        renderer.render_scene_png(paths.scene("room_0001"), **SIZE)
    for said in ("openGL_none", "libegl1 libgl1 libgl1-mesa-dri libx11-6 libgbm1"):
        assert said in first.value.reason
    report = describe(backend="openGL_none")
    assert report == {
        "backend": "openGL_none",
        "ok": False,
        "reason": first.value.reason,
        "gl": "",
    }


def test_the_report_is_one_line_of_json():
    done = subprocess.run(
        [sys.executable, "-m", "app.pictures.renderer"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    report = json.loads(done.stdout)
    assert len(done.stdout.splitlines()) == 1
    assert (report["backend"], report["ok"], report["reason"]) == ("openGL3_egl", True, "")


def test_the_renderer_and_the_viewer_load_neither_torch_nor_polyscope():
    code = (
        "import sys, app.pictures.renderer, app.pictures.viewer, app.pictures.window;"
        "import pointins_engine.scenes.readers;"
        "print([name for name in ('torch', 'polyscope', 'dash') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
