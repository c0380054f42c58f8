"""An ablation: variants that differ in what they name, runs that are trained once, a table."""

import argparse
import json
from dataclasses import replace

import pytest
import torch

from pointins_engine import ablation as ablation_module
from pointins_engine.ablation import VARIANTS, Ablation, ablate, add_arguments, run, variant_config
from pointins_engine.baselines import tuning
from pointins_engine.config import differences
from pointins_engine.errors import ConfigError, RunError
from pointins_engine.evaluate import scene_sets
from pointins_engine.evaluate.networks import untrained_teacher
from pointins_engine.evaluate.scene_sets import EvaluationScenes
from pointins_engine.evaluate.table import markdown, spread
from pointins_engine.recipes import get_recipe
from pointins_engine.run_log.store import Run
from pointins_engine.scenes.simulate.indoor.rooms import simulate_room
from pointins_engine.scenes.source import complete


def config_of(variant, seed=0):
    return variant_config("indoor_demo", variant, source="sim:rooms", steps=400, seed=seed)


@pytest.mark.parametrize("variant", sorted(VARIANTS))
def test_a_variant_changes_nothing_but_what_it_names(variant):
    changed = set(differences(config_of("both"), config_of(variant)))
    if "preset" in VARIANTS[variant]:
        assert {name.split(".")[0] for name in changed} <= {"odr", "scr", "offset"}
    else:
        assert changed <= set(VARIANTS[variant])
        assert changed or variant == "both"


def test_variants_of_a_seed_start_from_the_same_weights():
    base, both = (untrained_teacher(config_of(name)) for name in ("base", "both"))
    other = untrained_teacher(config_of("both", seed=1))
    weights = [dict(network.encoder.named_parameters()) for network in (base, both, other)]
    assert all(torch.equal(value, weights[1][name]) for name, value in weights[0].items())
    assert not all(torch.equal(value, weights[2][name]) for name, value in weights[0].items())


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["scans/"], "sim:rooms or sim:streets"),
        (["sim:rooms", "--variants", "both,mine"], "no variant is called 'mine'"),
        (["sim:rooms", "--seeds", "0,one"], "--seeds must be whole numbers"),
        (["sim:rooms", "--seeds", "9999"], "in 0..9998"),
        (["sim:rooms", "--steps", "0"], "--steps must be >= 1"),
        (["sim:rooms", "--recipe", "mine"], "no recipe is called 'mine'"),
    ],
)
def test_impossible_arguments_are_refused_before_anything_is_trained(words, complaint, tmp_path):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    with pytest.raises(ConfigError, match=complaint):
        run(parser.parse_args([*words, "--out", str(tmp_path / "out")]))
    assert not (tmp_path / "out").exists()


def test_a_spread_is_mean_and_standard_deviation_over_seeds():
    assert spread([1.0, 3.0, None]) == {"mean": 2.0, "std": 2.0**0.5, "count": 2}
    assert spread([1.0]) == {"mean": 1.0, "std": None, "count": 1}
    assert spread([None]) == {"mean": None, "std": None, "count": 0}


@pytest.fixture
def tiny(monkeypatch, tmp_path):
    """An ablation of one step with a network of two stages, on one scene of each kind."""

    def recipe(name, preset=None):
        base = get_recipe(name, preset)
        backbone = replace(
            base.backbone, depths=(1, 1), channels=(16, 32), heads=(1, 2), patch_size=64
        )
        return replace(
            base,
            scene=replace(base.scene, num_simulated=1, grid_size=0.15),
            view=replace(base.view, max_points=1024),
            backbone=backbone,
            semantic=replace(base.semantic, num_prototypes=32, hidden=32, embed=16),
            odr=replace(base.odr, prior=replace(base.odr.prior, kind="gamma")),
            optim=replace(base.optim, batch_scenes=1),
        )

    monkeypatch.setattr(ablation_module, "get_recipe", recipe)
    shown = complete(simulate_room(78, num_points=6_000), recipe("indoor_demo").scene, 78)
    scenes = EvaluationScenes(probe=(shown,), development=(shown,), unseen=(shown,))
    monkeypatch.setattr(scene_sets, "evaluation_scenes", lambda config, **counts: scenes)
    first_choices = tuple(  # one choice a method: choosing is tested elsewhere
        replace(grid, values={name: tried[:1] for name, tried in grid.values.items()}, then={})
        for grid in tuning.GRIDS["indoor"]
    )
    monkeypatch.setattr(tuning, "GRIDS", {"indoor": first_choices})
    return Ablation(
        source="sim:rooms",
        recipe="indoor_demo",
        variants=("base", "both"),
        seeds=(0,),
        steps=1,
        out=tmp_path / "ablation",
        unseen=1,
        development=1,
        probe=1,
    )


def test_an_ablation_trains_once_and_fills_its_table(tiny, monkeypatch, capsys):
    results = ablate(tiny, say=lambda line: None)
    assert json.loads((tiny.out / "results.json").read_text()) == json.loads(json.dumps(results))
    assert f"{(tiny.out / 'table.md').read_text()}\n" in capsys.readouterr().out
    for variant in tiny.variants:
        assert Run(tiny.run(variant, 0)).state()["status"] == "finished"
    assert set(results["summary"]) == {"untrained", "base", "both"}
    # One step without the offset loss and one with it leave different offset heads.
    first, second = (results["runs"][f"{name}-s0"] for name in tiny.variants)
    assert first["config_digest"] != second["config_digest"]
    text = markdown(results)
    for row in ("HDBSCAN xyz", "DBSCAN xyz + colour", "untrained", "base", "both", "zero offsets"):
        assert f"\n| {row} |" in text

    def never(*args, **named):
        raise AssertionError("everything was there")

    with monkeypatch.context() as nothing_left_to_do:
        nothing_left_to_do.setattr("pointins_engine.trainer.pretrain", never)
        nothing_left_to_do.setattr("pointins_engine.evaluate.networks.see", never)
        assert ablate(tiny, say=lambda line: None)["runs"] == results["runs"]

    longer = replace(tiny, steps=2, variants=("both",))
    with pytest.raises(RunError, match="runs failed"):
        ablate(longer, say=lambda line: None)
