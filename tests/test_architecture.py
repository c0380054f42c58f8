"""Import rules that a fresh interpreter proves, and documents that must not drift."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def loaded_by(statement: str, *names: str) -> list[str]:
    """Which of `names` are loaded after a statement in a fresh interpreter."""
    code = f"{statement}\nimport sys\nprint([n for n in {names!r} if n in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return eval(done.stdout.strip().splitlines()[-1])


@pytest.mark.parametrize(
    "statement",
    [
        "import app.server",
        "import app.pictures.viewer",
        "import app.charts.prior_figure",
        "import pointins_engine.scene_index.__main__",
        "import pointins_engine.segment.job",
        "import pointins_engine.segment.classical",
        "import pointins_engine.evaluate.evaluation",
        "import pointins_engine.builtin.__main__",
        "import pointins_engine.run_log.store",
        "import pointins_engine.recipes",
        "from pointins_engine.__main__ import _parser; _parser()",
    ],
)
def test_what_needs_no_torch_loads_no_torch(statement):
    assert loaded_by(statement, "torch", "open3d", "polyscope") == []


def test_the_trainer_needs_nothing_of_the_studio():
    heavy = ("dash", "plotly", "fastapi", "polyscope", "open3d", "laspy", "pye57", "tyro", "rich")
    assert loaded_by("import pointins_engine.trainer", *heavy) == []


def test_every_key_of_the_run_folder_is_documented():
    from pointins_engine.run_log import records

    text = (ROOT / "docs" / "run-folder.md").read_text(encoding="utf-8")
    frames = (records.FRAME_ARRAYS, records.STATS, records.ODR_STATS, records.SCR_STATS)
    for table in (records.SCALARS, records.SCENE_ARRAYS, *frames):
        for key in table.values():
            row = f"| `{key.name}` | {key.unit or '–'} | {key.meaning} |"
            assert row in text, f"docs/run-folder.md lacks the row: {row}"


def test_the_version_is_told_once_everywhere():
    from pointins_engine import __version__

    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(r'^version = "(.+)"$', project, re.MULTILINE)[1] == __version__
    assert f"## {__version__}" in changelog


def test_the_readme_names_the_two_commands_and_files_that_exist():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "make demo" in text
    assert "make test" in text
    for target in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (ROOT / target).exists(), f"README.md links to {target}, which is not there"
