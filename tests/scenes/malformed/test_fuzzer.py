"""The fuzzer draws the same files for the same seed, and notices a reader that breaks."""

import time

import pytest

from tests import fuzz_readers
from tests.scenes.malformed.sound_files import SOUND

QUICK = [name for name in SOUND if not name.endswith((*fuzz_readers.SLOW, ".las", ".laz"))]


class Answers(list):
    """Stands in for the pipe to the parent process."""

    def send(self, answer):
        self.append(answer)


def run(monkeypatch, examine, seconds=0.5):
    monkeypatch.setattr(fuzz_readers, "examine", examine)
    monkeypatch.setattr(fuzz_readers, "limit_memory", lambda: None)
    answers = Answers()
    fuzz_readers.read_cases(answers, QUICK, 0, 7, time.monotonic() + seconds)
    return answers


def test_a_seed_and_a_number_name_a_file():
    one = [fuzz_readers.draw(QUICK, 3, number) for number in range(40)]
    assert one == [fuzz_readers.draw(QUICK, 3, number) for number in range(40)]
    assert one != [fuzz_readers.draw(QUICK, 4, number) for number in range(40)]
    damaged = [data != SOUND[name]() for name, data in one]
    assert sum(damaged) > 35  # a flip may be flipped back


@pytest.mark.parametrize("error", [ValueError, MemoryError, SystemExit, AssertionError])
def test_a_reader_that_breaks_ends_the_run_with_the_number_of_its_case(monkeypatch, error):
    reads = []

    def examine(path):
        reads.append(path.name)
        if len(reads) == 3:
            raise error("broken")
        return "scene"

    answers = run(monkeypatch, examine, seconds=60)
    assert [number for number, _ in answers] == [7, 8, 9]
    assert [outcome for _, outcome in answers[:2]] == ["scene", "scene"]
    assert answers[2][1].startswith("failed") and "broken" in answers[2][1]


def test_a_sound_reader_goes_on_until_the_time_is_over(monkeypatch):
    answers = run(monkeypatch, lambda path: "a sentence")
    assert answers[-1][1] == "end"
    assert {outcome for _, outcome in answers[:-1]} == {"refused"}
