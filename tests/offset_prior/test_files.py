"""Prior files: what is written comes back, and what is wrong is named."""

import json
from dataclasses import replace

import numpy as np
import pytest

from pointins_engine.config import PriorConfig, RunConfig, to_dict
from pointins_engine.errors import ConfigError, RunError
from pointins_engine.offset_prior.files import (
    find_prior,
    from_json,
    prior_of_run,
    read_prior,
    to_json,
    write_prior,
)
from pointins_engine.offset_prior.fit import measured_prior
from pointins_engine.offset_prior.record import builtin_priors, record_of


@pytest.fixture(scope="module")
def measured():
    rng = np.random.default_rng(0)
    return measured_prior(
        rng.normal(0, 0.4, (500, 3)),
        name="rooms",
        method="hdbscan",
        source="two rooms",
        labels_used=False,
        scenes=("a", "b"),
        seed=3,
        settings={"cell_size_m": 0.08},
    )


def test_a_measured_prior_comes_back_as_it_was(measured, tmp_path):
    path = tmp_path / "rooms.json"
    write_prior(path, measured)
    assert read_prior(path) == measured
    assert len(measured.quantiles) == 257
    assert [len(axis) for axis in measured.direction] == [257] * 3


@pytest.mark.parametrize("name", builtin_priors())
def test_a_built_in_prior_comes_back_as_it_was(name, tmp_path):
    record = builtin_priors()[name]
    write_prior(tmp_path / "prior.json", record)
    assert read_prior(tmp_path / "prior.json") == record


def test_the_same_measurement_gives_the_same_bytes(measured, tmp_path):
    write_prior(tmp_path / "a.json", measured)
    write_prior(tmp_path / "b.json", read_prior(tmp_path / "a.json"))
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()


def test_priors_printed_in_the_paper_say_that_labels_made_them():
    said = {name: record.provenance for name, record in builtin_priors().items()}
    assert {name for name, made in said.items() if made.labels_used} == {
        "paper-indoor",
        "paper-outdoor",
    }
    assert all("ours" in said[name].source for name in ("half-normal", "exponential"))


def changed(record, path, value):
    """The record's JSON with one field set, or taken out if the value is None."""
    data = to_json(record)
    *groups, last = path.split(".")
    place = data
    for group in groups:
        place = place[group]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return data


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("format", "pointins-run", r"'pointins-run', expected 'pointins-prior'.*prior fit"),
        ("version", 2, r"version 2, and version 1 is read.*Update"),
        ("kind", "cauchy", r"kind is one of gamma.*'cauchy'"),
        ("name", "../rooms", r"name is 1-100 letters.*'\.\./rooms'"),
        ("name", None, "field name is missing"),
        ("quantiles", [0.1], "at least two rising finite numbers >= 0; got 1"),
        ("quantiles", [0.1, 0.3, 0.2], r"entry 2 \(0.2\) is less than the one before"),
        ("quantiles", [-0.1, 0.2], "entry 0 is -0.1"),
        ("quantiles", [0.1, float("nan")], "entry 1 of quantiles is nan"),
        ("quantiles", [0.1, "0.2"], "entry 1 of quantiles is '0.2'"),
        ("quantiles", "0.1", "quantiles is '0.1', expected list"),
        ("parameters", {"scale": 1.0}, "unknown field parameters"),
        ("direction.x", [-2.0, 1.0], r"direction.x holds .* in -1..1; entry 0 is -2.0"),
        ("direction.z", None, "field direction.z is missing"),
        ("direction.w", [0, 1], "unknown field direction.w"),
        ("provenance.method", "guess", r"method is one of printed.*'guess'"),
        ("provenance.num_scenes", 3, "num_scenes is not the number"),
        ("provenance.labels_used", 0, "labels_used is 0, expected bool"),
        ("provenance.num_lengths", True, "num_lengths is True, expected int"),
        ("provenance.made_by", "me", "unknown field provenance.made_by"),
        ("provenance.fits", [{"kind": "gamma"}], "provenance.fits.parameters is missing"),
    ],
)
def test_what_is_wrong_with_a_file_is_named(measured, tmp_path, path, value, message):
    data = changed(measured, path, value)
    with pytest.raises(ConfigError, match=message):
        from_json(data)
    file = tmp_path / "prior.json"
    file.write_text(json.dumps(data))
    with pytest.raises(ConfigError, match=f"{file}: .*"):
        read_prior(file)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"shape": 0.24}, "has the parameters shape, scale; got shape"),
        ({"shape": 0.24, "scale": -2.53}, "scale of a gamma prior is a finite number > 0"),
        ({"shape": 0.24, "scale": "2.53"}, "scale of a gamma prior .* got '2.53'"),
    ],
)
def test_what_is_wrong_with_a_family_is_named(parameters, message):
    with pytest.raises(ConfigError, match=message):
        from_json(changed(builtin_priors()["paper-indoor"], "parameters", parameters))


def test_files_that_are_no_json_are_named(tmp_path):
    path = tmp_path / "prior.json"
    with pytest.raises(RunError, match="cannot be read"):
        read_prior(path)
    path.write_text("{")
    with pytest.raises(RunError, match="is not JSON"):
        read_prior(path)
    path.write_text("[]")
    with pytest.raises(RunError, match="expected a JSON object"):
        read_prior(path)


def run_folder(tmp_path, config=None):
    run = tmp_path / "run"
    (run / "checkpoints").mkdir(parents=True)
    stored = to_dict(config or RunConfig())
    (run / "run.json").write_text(json.dumps({"config": stored}))
    return run


def test_a_prior_is_found_by_name_file_or_run(measured, tmp_path):
    write_prior(tmp_path / "rooms.json", measured)
    run = run_folder(tmp_path)
    assert find_prior("paper-outdoor") == builtin_priors()["paper-outdoor"]
    assert find_prior(str(tmp_path / "rooms.json")) == measured
    assert find_prior(str(run)).describe() == "Gamma(shape 0.24, scale 2.53 m)"
    write_prior(run / "prior.json", measured)
    assert find_prior(str(run)) == measured
    with pytest.raises(ConfigError, match=r"'paper-indor' is no prior.*paper-indoor"):
        find_prior("paper-indor")


def test_a_run_from_before_there_were_prior_files_tells_its_fitted_prior(tmp_path):
    hdbscan = replace(RunConfig().odr, prior=PriorConfig(kind="hdbscan"))
    run = run_folder(tmp_path, replace(RunConfig(), odr=hdbscan))
    with pytest.raises(RunError, match=r"prior.json is missing.*Copy the file back"):
        prior_of_run(run)
    step = run / "checkpoints" / "00000010"
    step.mkdir()
    fitted = to_dict(PriorConfig(kind="empirical", quantiles=(0.1, 0.2, 0.6)))
    (step / "trainer.json").write_text(json.dumps({"step": 10, "prior": fitted}))
    assert prior_of_run(run).quantiles == (0.1, 0.2, 0.6)


@pytest.mark.parametrize("kind", ["gamma", "lognormal", "half_normal", "exponential"])
def test_a_configured_family_is_a_record_with_its_parameters(kind):
    record = record_of(PriorConfig(kind=kind, scale=0.7, shape=0.5, mu=0.1, sigma=0.9))
    assert record.kind == kind
    assert set(record.parameters.values()) <= {0.7, 0.5, 0.1, 0.9}


def test_a_path_goes_with_the_kind_file_and_with_no_other():
    with pytest.raises(ConfigError, match="a path goes with the kind 'file'"):
        PriorConfig(kind="file")
    with pytest.raises(ConfigError, match="a path goes with the kind 'file'"):
        PriorConfig(path="rooms.json")
