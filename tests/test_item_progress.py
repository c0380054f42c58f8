"""The time that is left, from what is done of the items and within the one in work."""

import pytest

from pointins_engine import item_progress
from pointins_engine.item_progress import ItemProgress


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands until the test moves it."""
    now = [0.0]
    monkeypatch.setattr(item_progress.time, "monotonic", lambda: now[0])
    return now


def test_what_is_done_within_an_item_counts(clock, capsys):
    with ItemProgress("scans", 2) as bar:
        clock[0] = 20.0  # half of the first: 40 s for a scan, one and a half are left
        bar.within(0.5, "kitchen: network")
    assert capsys.readouterr().err == "0/2 scans  1 min 0 s left  kitchen: network\n"


def test_items_that_were_passed_over_promise_nothing(clock, capsys):
    with ItemProgress("scenes", 10) as bar:
        for _ in range(8):
            bar.advance(is_passed_over=True)
        clock[0] = 30.0
        bar.advance()
    assert capsys.readouterr().err == "9/10 scenes  30 s left\n"
