"""Work in several processes: every item gets its answer, whatever the others do."""

import os
import signal

from pointins_engine.errors import SceneError
from pointins_engine.scenes.datasets.jobs import each


def work(item):
    """What the processes of these tests do: die, fail, or answer."""
    if item == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if item == "fail":
        raise SceneError("no scan.")
    return item * 2


def test_a_process_that_dies_takes_only_its_own_item_with_it():
    items = [1, "fail", "die", 2, 3]  # the last comes when the processes are new
    found = dict(each(work, items, jobs=2))
    assert sorted(found) == list(range(len(items)))
    assert [found[k] for k in (0, 3, 4)] == [2, 4, 6]
    assert str(found[1]) == "no scan."
    assert isinstance(found[2], SceneError) and "died" in str(found[2])


def test_in_one_process_an_error_is_an_answer_too():
    found = dict(each(work, [1, "fail", 3], jobs=1))
    assert (found[0], found[2]) == (2, 6) and isinstance(found[1], SceneError)
