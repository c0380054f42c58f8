"""The figure of priors: what the records say, and nothing that a file smuggles in."""

import json
import re

import numpy as np
import plotly.graph_objects as go
import pytest

from app.charts.parts import THEMES
from app.charts.prior_figure import LONGEST_M, SHORTEST_M, main, page, prior_figure
from pointins_engine.offset_prior.files import write_prior
from pointins_engine.offset_prior.fit import measured_prior
from pointins_engine.offset_prior.record import builtin_priors

OUTDOOR = builtin_priors()["paper-outdoor"]


def measured(offset):
    return measured_prior(offset, name="m", method="labels", source="drawn", labels_used=True)


@pytest.fixture(scope="module")
def uniform():
    return measured(np.random.default_rng(0).normal(size=(20_000, 3)))


def traces(figure, axis):
    return [trace for trace in figure["data"] if trace["yaxis"] == axis]


@pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES)
def test_plotly_accepts_the_figure(uniform, theme):
    go.Figure(prior_figure({"uniform": uniform, "outdoor": OUTDOOR}, theme))


def test_the_curves_are_the_priors_shares(uniform):
    figure = prior_figure({"uniform": uniform, "outdoor": OUTDOOR}, THEMES["dark"])
    _, below = traces(figure, "y")
    np.testing.assert_allclose(below["y"], OUTDOOR.cdf(np.array(below["x"])), atol=1e-4)
    _, density = traces(figure, "y2")
    # Shares per doubling, summed over bins of a sixth of a doubling or so, are the whole prior.
    bins = len(density["y"])
    width = np.log2(LONGEST_M / SHORTEST_M) / bins
    assert sum(density["y"]) * width == pytest.approx(1.0, abs=1e-3)
    assert density["x"][int(np.argmax(density["y"]))] == pytest.approx(1.0, rel=0.15)


def test_uniform_directions_lie_on_the_line_that_stands_for_them(uniform):
    figure = prior_figure({"uniform": uniform}, THEMES["light"])
    for axis in ("y3", "y4", "y5"):
        (trace,) = traces(figure, axis)
        # 1,000 of 20,000 directions a bin: three standard deviations are 10 %.
        np.testing.assert_allclose(trace["y"], 1.0, atol=0.1)
    assert traces(prior_figure({"outdoor": OUTDOOR}, THEMES["light"]), "y3") == []


def test_each_prior_is_named_once_in_the_legend(uniform):
    figure = prior_figure({"uniform": uniform, "outdoor": OUTDOOR}, THEMES["dark"])
    assert [t["name"] for t in figure["data"] if t["showlegend"]] == ["uniform", "outdoor"]


def test_the_page_needs_no_network_and_shows_the_table(uniform):
    text = page({"uniform": uniform, "paper-outdoor": OUTDOOR})
    assert not re.search(r"<(?:script|link|img)[^>]+(?:src|href)=", text)
    assert "1.335 m" in text
    assert "prefers-color-scheme:dark" in text and "prefers-color-scheme:light" in text


def test_a_name_from_outside_stays_text(uniform):
    text = page({"</script><b onload=x>": uniform})
    assert "</script><b" not in text.replace("</script>\n", "")
    assert "&lt;/script&gt;&lt;b onload=x&gt;" in text
    data = re.search(r"const figures = (.*);\n", text)
    assert data is not None
    assert set(json.loads(data[1])) == set(THEMES)


def test_a_file_that_is_no_prior_is_named(tmp_path, capsys):
    (tmp_path / "no.json").write_text("{}")
    assert main(["--out", str(tmp_path / "x.html"), str(tmp_path / "no.json")]) == 2
    assert "this is no prior" in capsys.readouterr().err
    write_prior(tmp_path / "yes.json", OUTDOOR)
    assert main(["--out", str(tmp_path / "x.html"), str(tmp_path / "yes.json")]) == 0
    assert (tmp_path / "x.html").exists()
