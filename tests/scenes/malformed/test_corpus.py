"""Files that once broke a reader are read again. `make fuzz` finds more and keeps them."""

import pytest

from tests.fuzz_readers import SLOW
from tests.scenes.malformed.outcome import CORPUS, examine
from tests.scenes.malformed.sound_files import SOUND

KEPT = sorted(CORPUS.iterdir())


@pytest.mark.parametrize("path", KEPT, ids=[path.name for path in KEPT])
def test_a_file_that_broke_a_reader_breaks_it_no_more(path):
    examine(path)


@pytest.mark.parametrize("name", [name for name in SOUND if not name.endswith(SLOW)])
def test_what_the_fuzzer_starts_from_is_sound(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(SOUND[name]())
    assert examine(path) == "scene"
