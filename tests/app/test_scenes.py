"""Order, filter, distances and charts of scenes, and the pages that show them."""

import json

import numpy as np
import pytest

from app.charts.parts import THEMES
from app.charts.scene_figures import cumulative_lengths, offset_shares, spark_points
from app.scenes.api import open_browser
from app.scenes.callbacks import scenes_page
from app.scenes.parts import collection_parts
from app.scenes.priors import POOLED, distances_m, pooled, prior_of
from app.scenes.rows import PAGE_SIZE, Query, arranged, page_of
from layouts import ids, scene, scenes
from pointins_engine.offset_prior.distance import wasserstein_m
from pointins_engine.offset_prior.record import builtin_priors
from pointins_engine.scene_index.cache import NUM_LEVELS, SceneRow
from tests.app.scene_fixtures import browser, cache, priors, scans

__all__ = ["browser", "cache", "priors", "scans"]

LEVELS = np.linspace(0, 1, NUM_LEVELS)
FACTS = {
    "points": 10,
    "density_per_m2": 1.0,
    "num_instances": None,
    "extent_m": [1.0, 2.0, 0.5],
    "domain": "indoor",
    "split": "",
    "classes": {},
}


def row(id: str, *, scale: float | None = 1.0, **facts) -> SceneRow:
    """A scene whose offsets are even from 0 to `scale` metres."""
    table = None if scale is None else tuple((scale * LEVELS).tolist())
    return SceneRow(id=id, key="k", facts=FACTS | facts, lengths=table, num_lengths=100)


@pytest.mark.parametrize("name", sorted(builtin_priors()))
def test_distances_of_many_scenes_are_those_of_the_exact_measure(name):
    prior = builtin_priors()[name]
    rows = [row("a", scale=0.5), row("b", scale=3.0), row("c", scale=None)]
    found = distances_m(rows, prior)
    assert set(found) == {"a", "b"}
    for one in rows[:2]:
        own = prior_of(one)
        assert own is not None
        assert found[one.id] == pytest.approx(wasserstein_m(own, prior), rel=0.01)


def test_pooled_scenes_count_alike_however_many_offsets_they_have():
    mixed = pooled([row("a", scale=1.0), row("b", scale=3.0), row("c", scale=None)])
    assert mixed is not None
    # Half of the mixture is even on 0..1, half on 0..3: F(1) = 1/2 + 1/6.
    assert float(mixed.cdf(np.array([1.0]))[0]) == pytest.approx(2 / 3, abs=0.01)
    assert pooled([row("c", scale=None)]) is None


def test_numbers_in_names_count_as_numbers():
    names = ["scan_10", "scan_9", "Scan_1", "other"]
    rows = {name: row(name) for name in names}
    assert arranged(names, rows, {}, Query.of("?sort=name")) == [
        "other",
        "Scan_1",
        "scan_9",
        "scan_10",
    ]


def test_what_has_no_value_comes_last_both_ways():
    rows = {
        "few": row("few", num_instances=2),
        "none": row("none"),
        "many": row("many", num_instances=9),
        "torn": SceneRow(id="torn", key="k", error="x"),
    }
    order = [*rows, "unread"]
    down = arranged(order, rows, {}, Query.of("?sort=instances"))
    up = arranged(order, rows, {}, Query.of("?sort=instances&order=up"))
    assert down == ["many", "few", "none", "torn", "unread"]
    assert up == ["few", "many", "none", "torn", "unread"]


def test_cards_under_a_hand_keep_their_places():
    rows = {id: row(id) for id in "abcd"}
    distances = {"a": 1.0, "b": 2.0, "c": 3.0, "d": 4.0}
    query = Query.of("")
    assert arranged(list("abcd"), rows, distances, query) == list("dcba")
    assert arranged(list("abcd"), rows, distances, query, held=["b", "a"]) == list("badc")


def test_a_filter_takes_all_of_its_words_in_names_and_classes():
    chair = {"chair": {"points": 1, "instances": 1}}
    rows = {"room_1": row("room_1", classes=chair), "room_2": row("room_2")}
    assert arranged(list(rows), rows, {}, Query.of("?q=room+CHAIR")) == ["room_1"]
    assert arranged([*rows, "room_3"], rows, {}, Query.of("?q=room_3")) == ["room_3"]


def test_pages_hold_sixty_and_stay_within_bounds():
    ids = [str(k) for k in range(2 * PAGE_SIZE + 1)]
    assert page_of(ids, 1) == (ids[:PAGE_SIZE], 1, 3)
    assert page_of(ids, 99) == (ids[-1:], 3, 3)
    assert page_of([], 5) == ([], 1, 1)


@pytest.mark.parametrize(
    "search",
    [
        "",
        "?sort=name",
        "?sort=points&order=up&prior=boxes&q=a+b%26c&page=3&view=table&at=room",
        "?sort=name&order=down",
    ],
)
def test_an_address_and_a_query_say_the_same(search):
    query = Query.of(search)
    assert Query.of(query.search()) == query
    assert query.search() == search


def test_an_address_that_makes_no_sense_asks_for_the_default():
    assert Query.of("?sort=magic&order=x&page=-1&view=cube") == Query()
    assert Query.of("?page=99999999999").page == 1


def test_the_area_between_the_curves_is_the_distance():
    own, prior = prior_of(row("a", scale=1.0)), builtin_priors()["exponential"]
    assert own is not None
    figure = cumulative_lengths(own, prior, THEMES["dark"])
    expected, mine = (np.array(figure["data"][k]["y"]) for k in (0, 1))
    length = np.array(figure["data"][0]["x"])
    area = np.trapezoid(np.abs(expected - mine), length)
    # The picture ends at the prior's 98 %: of an exponential of mean 1 m, 2 cm lie beyond.
    assert area + 0.02 == pytest.approx(wasserstein_m(own, prior), abs=0.005)


def test_shares_of_all_lengths_add_up_to_one():
    own, prior = prior_of(row("a")), builtin_priors()["paper-indoor"]
    assert own is not None
    figure = offset_shares(own, prior, THEMES["light"], true=own)
    assert len(figure["data"]) == 3
    for trace in figure["data"]:
        assert sum(trace["y"][:-1]) == pytest.approx(1, abs=0.01)
        assert len(trace["x"]) == len(trace["y"]) and np.isfinite(trace["x"]).all()


def test_what_is_shorter_than_a_centimetre_is_in_the_first_bar():
    own, prior = prior_of(row("a")), builtin_priors()["paper-indoor"]
    assert own is not None
    trace = offset_shares(own, prior, THEMES["dark"])["data"][0]
    assert trace["y"][0] == pytest.approx(float(prior.cdf(np.array([0.01]))[0]))


def test_a_small_curve_rises_from_nothing_to_all():
    points = spark_points(builtin_priors()["paper-outdoor"])
    assert points == sorted(points) and points[0] < 0.01 and points[-1] > 0.99


def words_of(browser, search: str = "", keep: tuple[str, ...] = ()) -> dict:
    found = collection_parts(
        browser, browser.collections.get("boxes"), Query.of(search), list(keep)
    )
    return {name: as_text(part) for name, part in found.items()}


def as_text(part) -> str:
    return json.dumps(part, default=lambda one: one.to_plotly_json(), ensure_ascii=False)


def test_a_card_says_what_is_known_and_a_broken_scan_why(browser):
    said = words_of(browser)
    assert "24 k points · 3 instances · 4.0 m" in said["grid"]
    assert "Cannot be read" in said["grid"] and "coord.npy" in said["grid"]
    assert "1 scan could not be read." in said["status"]
    assert said["count"] == '"4 scenes"'
    assert "not read yet" not in said["grid"]


def test_a_table_shows_the_same_scenes_with_heads_that_sort(browser):
    said = words_of(browser, "?view=table&sort=points")
    assert "24,000" in said["grid"] and "head-link is-down" in said["grid"]
    assert "?sort=density&view=table" in said["grid"]
    assert "&order=up" in said["grid"]  # the head that is sorted by turns the order round


def test_priors_can_be_chosen_and_a_torn_one_only_says_why(browser):
    said = words_of(browser)["menus"]
    assert f"?prior={POOLED}" in said and "?prior=boxes" in said
    assert "?prior=torn" not in said and "torn" in said


def test_a_prior_that_is_gone_is_told_and_the_default_shown(browser):
    said = words_of(browser, "?prior=gone")
    assert "no prior is called 'gone'" in said["status"]
    assert "paper-indoor" in said["menus"]


def test_a_filter_that_finds_nothing_offers_the_way_back(browser):
    said = words_of(browser, "?q=nothing&sort=name")
    assert "Nothing matches “nothing”" in said["grid"]
    assert "/scenes/boxes?sort=name" in said["grid"]


@pytest.mark.parametrize(
    ("progress", "words"),
    [
        ({"status": "running", "done": 3, "total": 9, "eta_s": 90.0, "now": "a"}, "2 min left"),
        ({"status": "running", "done": 0, "total": 0, "eta_s": None, "now": ""}, "Looking for"),
        ({"status": "failed", "done": 0, "total": 0, "detail": "no such file."}, "no such file."),
        ({"status": "lost", "done": 3, "total": 9, "detail": "status 9"}, "status 9"),
    ],
)
def test_every_state_of_the_reading_is_told(progress, words):
    assert words in as_text(scenes.status(progress, 0, None))


def test_when_all_is_read_nothing_is_said():
    done = {"status": "finished", "done": 9, "total": 9, "detail": ""}
    assert scenes.status(done, 0, None) is None


def test_addresses_of_scenes_lead_to_their_pages(browser):
    first = as_text(scenes_page(browser, "", ""))
    assert ids.SCENES_GRID in first and "Your own scans" not in first
    page = as_text(scenes_page(browser, "boxes/small", ""))
    assert '"data-scene": "small"' in page and '"data-collection": "boxes"' in page
    assert "no scene called" in as_text(scenes_page(browser, "boxes/none", ""))
    assert "No collection is called" in as_text(scenes_page(browser, "none", ""))


def test_without_scans_the_page_says_how_to_add_some(tmp_path, monkeypatch):
    bare = open_browser((), tmp_path, render=lambda _: b"")
    monkeypatch.setattr(bare.collections, "attend", lambda *_, **__: None)
    page = as_text(scenes_page(bare, "", ""))
    assert "Simulated rooms" in page and "pointins studio --scenes FOLDER" in page


def test_the_panel_of_a_scan_says_what_the_engine_reads(browser):
    facts = browser.facts(browser.collections.get("boxes"), "small")["facts"]
    said = as_text(scene.scan_facts(facts))
    assert "24,000" in said and "positions, colour, instances" in said and "indoor" in said
    assert "no labels" in as_text(scene.class_list(facts))


def test_scenes_beside_a_scene_follow_the_order_of_the_address(browser):
    boxes = browser.collections.get("boxes")
    assert browser.neighbours(boxes, "large", Query.of("?sort=name")) == ("bare", "small")
    assert browser.neighbours(boxes, "bare", Query.of("?sort=name")) == ("", "large")
    assert browser.neighbours(boxes, "large", Query.of("?q=small")) == ("", "")
