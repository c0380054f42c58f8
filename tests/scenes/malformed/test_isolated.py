"""Whatever a library does to its process, the caller gets arrays or a sentence, and no noise."""

import numpy as np
import pytest

from pointins_engine.errors import SceneError
from pointins_engine.scenes.readers.isolated import read_isolated

WILD = "tests.scenes.malformed.wild_parser"


@pytest.mark.parametrize(
    ("order", "words"),
    [
        ("die", "ended with"),
        ("take", "cannot be read"),
        ("raise", "cannot be read .*KeyError"),
    ],
)
def test_a_library_that_misbehaves_is_a_sentence_about_the_file(tmp_path, capfd, order, words):
    path = tmp_path / "scan.abc"
    path.write_text(order)
    with pytest.raises(SceneError, match=words) as raised:
        read_isolated(WILD, path)
    assert str(path) in str(raised.value)
    assert capfd.readouterr() == ("", "")


def test_arrays_come_back_and_noise_does_not(tmp_path, capfd):
    path = tmp_path / "scan.abc"
    path.write_text("read")
    found = read_isolated(WILD, path)
    np.testing.assert_array_equal(found["coord"], [[0, 1, 2], [3, 4, 5]])
    assert capfd.readouterr() == ("", "")
