"""`pointins prior`: what a person reads, and the files it leaves."""

import re

import numpy as np
import pytest

from pointins_engine.__main__ import main
from pointins_engine.offset_prior.files import read_prior, write_prior
from pointins_engine.offset_prior.fit import measured_prior
from pointins_engine.offset_prior.record import builtin_priors
from pointins_engine.offset_prior.summary import TICKS, comparison, densities, distances, figures


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    """A prior that the command fitted on two simulated rooms, and what it printed."""
    folder = tmp_path_factory.mktemp("fitted")
    path = folder / "rooms.json"
    command = "prior fit sim:rooms --limit 2 --cell-size 0.16 --out"
    with pytest.MonkeyPatch.context() as patch:
        printed: list[str] = []
        patch.setattr("builtins.print", lambda *parts, **_: printed.append(" ".join(parts)))
        assert main([*command.split(), str(path)]) == 0
    return path, "\n".join(printed)


def test_fit_measures_rooms_without_labels_and_says_so(fitted):
    record = read_prior(fitted[0])
    assert (record.name, record.kind) == ("rooms", "empirical")
    made = record.provenance
    assert (made.method, made.labels_used, len(made.scenes)) == ("hdbscan", False, 2)
    assert made.settings["cell_size_m"] == 0.16
    assert {fit.kind for fit in made.fits} == {"gamma", "lognormal"}


def test_fit_compares_with_the_labels_where_there_are_some(fitted):
    path, printed = fitted
    assert re.search(r"^rooms +\d\.\d{3}", printed, re.MULTILINE)
    assert re.search(r"^labels +\d\.\d{3}", printed, re.MULTILINE)
    assert "clusters found by HDBSCAN in sim:rooms, 2 scenes" in printed
    assert "labelled objects of sim:rooms, 2 scenes" in printed
    assert f"--odr.prior.kind file --odr.prior.path {path}" in printed


def test_fitting_again_writes_the_same_file(fitted, tmp_path):
    again = tmp_path / "rooms.json"
    command = "prior fit sim:rooms --limit 2 --cell-size 0.16 --out"
    assert main([*command.split(), str(again)]) == 0
    assert again.read_bytes() == fitted[0].read_bytes()


def test_a_sample_takes_one_scene_of_a_hundred(tmp_path, capsys):
    path = tmp_path / "sample.json"
    command = "prior fit sim:rooms --method sample --limit 100 --cell-size 0.16 --out"
    assert main([*command.split(), str(path)]) == 0
    made = read_prior(path).provenance
    assert (made.method, made.labels_used, len(made.scenes)) == ("sample", True, 1)
    assert "1 of 100 scenes" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("fit sim:cellars", "no simulator is called"),
        ("fit sim:rooms --limit -1", "--limit must be >= 0"),
        ("fit sim:rooms --cell-size 0", "--cell-size must be > 0"),
        ("fit sim:rooms --method sample --share 0", r"share of scenes is in \(0, 1\]"),
        ("fit sim:rooms --out rooms.txt", "ends with .json"),
        ("fit sim:rooms --out no/such/folder/rooms.json", "Make it"),
        ("show paper-indor", "built-in one"),
        ("show paper-indoor --plot figure.png", "end its name with .html"),
    ],
)
def test_what_is_wrong_is_named(command, message, capsys):
    assert main(["prior", *command.split()]) == 2
    assert re.search(message, capsys.readouterr().err)


def test_show_puts_priors_side_by_side(fitted, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "90")
    path, _ = fitted
    assert main(["prior", "show", "paper-indoor", str(path), str(path)]) == 0
    printed = capsys.readouterr().out
    for name in ("paper-indoor", "rooms", "rooms (2)"):
        assert re.search(rf"^{re.escape(name)} +\d", printed, re.MULTILINE)
    assert "printed in PointINS Tab. 9, indoor; labels were used" in printed
    assert max(map(len, printed.splitlines())) <= 120


def test_the_figures_are_those_of_the_paper():
    rows = figures(builtin_priors()).splitlines()
    indoor = next(row for row in rows if row.startswith("paper-indoor")).split()
    assert indoor[1:] == "0.607 0.097 6e-06 0.005 0.618 2.975 6.047 29% 43% 50%".split()


def test_the_distances_are_in_metres_above_and_in_shares_below_the_diagonal():
    first, second = "paper-outdoor", "exponential"
    rows = distances({name: builtin_priors()[name] for name in (first, second)}).splitlines()
    assert re.fullmatch(r"1 paper-outdoor +· +0\.335 m", rows[2])
    assert re.fullmatch(r"2 exponential +0\.216 +·", rows[3])


@pytest.mark.parametrize("width", [60, 80, 100])
def test_the_chart_fits_the_terminal_and_peaks_where_the_prior_does(width):
    offset = np.random.default_rng(0).normal(1.0, 0.02, 4000)[:, None] * [[1.0, 0.0, 0.0]]
    narrow = measured_prior(
        offset, name="n", method="labels", source="drawn", labels_used=True, family="lognormal"
    )
    lines = densities({"narrow": narrow}, width).splitlines()
    assert max(map(len, lines)) <= width
    axis, words = lines[-2:]
    peak = max(
        range(len(lines[-3])),
        key=lambda column: sum(line[column : column + 1] == "█" for line in lines),
    )
    metre = next(c for c, mark in enumerate(axis) if mark == "┴" and "1 m" in words[c - 2 : c + 3])
    assert abs(peak - metre) <= 1
    assert axis.count("┴") == len(TICKS)


def test_every_prior_reaches_the_comparison(tmp_path):
    priors = dict(builtin_priors())
    text = comparison(priors)
    assert all(text.count(name) >= 3 for name in priors)
    alone = comparison({"paper-indoor": priors["paper-indoor"]})
    assert "distances" not in alone


def test_plot_is_handed_to_the_studio(tmp_path, capfd):
    page = tmp_path / "priors.html"
    write_prior(tmp_path / "mine.json", builtin_priors()["exponential"])
    command = ["prior", "show", "paper-outdoor", str(tmp_path / "mine.json"), "--plot", str(page)]
    assert main(command) == 0
    assert "mine" in page.read_text()
    assert str(page) in capfd.readouterr().out
