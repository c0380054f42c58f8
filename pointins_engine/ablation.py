"""`pointins ablate`: what each part of the method adds, over seeds, on simulated scenes.

A variant is a name and the fields it changes. Every variant is trained from the same initial
weights on the same views; runs are ordinary run folders, and a finished one is not trained again.
Torch is imported when training starts.
"""

import argparse
import os
import shlex
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pointins_engine.config import RunConfig, from_dict, to_dict, with_values
from pointins_engine.errors import ConfigError, RunError
from pointins_engine.recipes import get_recipe

if TYPE_CHECKING:
    from pointins_engine.evaluate.scene_sets import EvaluationScenes
    from pointins_engine.training.recorder import Progress

VARIANTS: dict[str, dict[str, Any]] = {
    "base": {"offset.enabled": False},
    "offset": {"odr.enabled": False, "scr.enabled": False},
    "odr": {"scr.enabled": False, "odr.start": 0.0},
    "scr": {"odr.enabled": False},
    "both": {},
    "scr_then_odr": {"odr.order": "after_scr"},  # PointINS Tab. 8
    "odr_on_student": {"odr.side": "student"},  # PointINS Tab. 8
    "odr_from_first_step": {"odr.start": 0.0},
    "odr_all_points": {"odr.points": "all"},
    "prior_paper": {"odr.prior.kind": "gamma"},  # PointINS Tab. 9, indoor
    "prior_lognormal": {"odr.prior.kind": "lognormal"},  # PointINS Tab. 9, outdoor
    "directions_measured": {"odr.direction_prior": "empirical"},
    "planes_keep": {"scr.planes": "keep"},
    "planes_drop": {"scr.planes": "drop"},
    "kmeans": {"scr.grouping": "robust"},
    "assignments": {"semantic.objective": "assignments"},
    "preset_paper": {"preset": "paper"},
    "preset_robust": {"preset": "robust"},
    "preset_affinity": {"preset": "affinity"},
}
COMPONENTS = ("base", "offset", "odr", "scr", "both")  # PointINS Tab. 3
QUIET_LOG = {  # nobody watches, and little is lost when it is stopped
    "log.num_inspected": 1,
    "log.watch_budget": 0.01,
    "log.frame_every": 100,
    "log.checkpoint_every": 50,
    "log.keep_checkpoints": 2,
    "log.probe_every": 0,
    "log.scalars_every": 10,
}
LINE_EVERY_S = 10.0
MAX_SEED = 9_999  # the rooms of this run seed are kept for choosing numbers
EVALUATION_VERSION = 3  # counts changes of what evaluation does; older results are made again


@dataclass(frozen=True, kw_only=True, slots=True)
class Ablation:
    """What is compared, and where it goes."""

    source: str
    recipe: str
    variants: tuple[str, ...]
    seeds: tuple[int, ...]
    steps: int
    out: Path
    device: str = "cpu"
    jobs: int = 1
    unseen: int = 12  # scenes that give the figures
    development: int = 8  # scenes that decide the numbers of read-outs and classical methods
    probe: int = 16  # scenes that linear probe and neighbours learn labels on

    def run(self, variant: str, seed: int) -> Path:
        return self.out / f"{variant}-s{seed}"


def variant_config(recipe: str, variant: str, *, source: str, steps: int, seed: int) -> RunConfig:
    """The configuration of a variant: the recipe with the fields that the variant changes.

    Raises:
        ConfigError: If there is no such variant.
    """
    if variant not in VARIANTS:
        raise ConfigError(f"no variant is called {variant!r}; there are: {', '.join(VARIANTS)}.")
    changes = dict(VARIANTS[variant])
    base = get_recipe(recipe, changes.pop("preset", None))
    common = {"scene.source": source, "optim.steps": steps, "seed": seed}
    return with_values(base, {**common, **QUIET_LOG, **changes})


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", metavar="SOURCE", help="sim:rooms or sim:streets")
    parser.add_argument("--steps", type=int, default=400, help="optimiser steps of each run")
    parser.add_argument("--seeds", default="0,1,2", metavar="N,N", help="default: 0,1,2")
    parser.add_argument(
        "--variants",
        default=",".join(COMPONENTS),
        metavar="NAME,NAME",
        help=f"default: {','.join(COMPONENTS)}; there are also: "
        + ", ".join(name for name in VARIANTS if name not in COMPONENTS),
    )
    parser.add_argument("--recipe", help="default: indoor_demo, for streets outdoor_demo")
    parser.add_argument("--out", type=Path, metavar="DIR", help="default: runs/ablation-...")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:1")
    parser.add_argument("--jobs", type=int, default=1, help="runs trained at the same time")
    parser.add_argument("--unseen", type=int, default=12, help="scenes that give the figures")


def run(args: argparse.Namespace) -> int:
    """Train what is not trained yet, evaluate it, write and print the table.

    Raises:
        ConfigError: If an argument is impossible, before anything is trained.
        RunError: If a run failed; the others are finished first.
    """
    from pointins_engine.training.distributed import own_device

    ablation = replace(_ablation(args), device=str(own_device(args.device)))
    ablate(ablation, say=lambda line: print(line, file=sys.stderr, flush=True))
    return 0


def _ablation(args: argparse.Namespace) -> Ablation:
    if args.source not in ("sim:rooms", "sim:streets"):
        raise ConfigError(
            f"an ablation needs labelled scenes that no run has seen, got {args.source!r}; give "
            "sim:rooms or sim:streets."
        )
    for name in ("steps", "jobs", "unseen"):
        if getattr(args, name) < 1:
            raise ConfigError(f"--{name} must be >= 1, got {getattr(args, name)}.")
    try:
        seeds = tuple(dict.fromkeys(int(part) for part in args.seeds.split(",")))
    except ValueError:
        seeds = (-1,)
    if not all(0 <= seed < MAX_SEED for seed in seeds):
        raise ConfigError(
            f"--seeds must be whole numbers in 0..{MAX_SEED - 1} with commas between, got "
            f"{args.seeds!r}."
        )
    recipe = args.recipe or ("indoor_demo" if args.source == "sim:rooms" else "outdoor_demo")
    variants = tuple(dict.fromkeys(args.variants.split(",")))
    for variant in variants:
        variant_config(recipe, variant, source=args.source, steps=args.steps, seed=0)
    return Ablation(
        source=args.source,
        recipe=recipe,
        variants=variants,
        seeds=seeds,
        steps=args.steps,
        out=args.out or Path("runs") / f"ablation-{args.source[4:]}-{args.steps}",
        jobs=args.jobs,
        unseen=args.unseen,
    )


def ablate(ablation: Ablation, *, say: Callable[[str], None]) -> dict[str, Any]:
    """Run an ablation, or go on with one; returns what `results.json` holds.

    The same call again trains only what is missing: a half-trained run goes on from its last
    checkpoint, a finished one is only evaluated, and an evaluated one is only read.
    """
    ablation.out.mkdir(parents=True, exist_ok=True)
    names = [(variant, seed) for seed in ablation.seeds for variant in ablation.variants]
    say("Classical rows and untrained networks first.")
    results: dict[str, Any] = {
        "source": ablation.source,
        "recipe": ablation.recipe,
        "steps": ablation.steps,
        "seeds": list(ablation.seeds),
        "command": shlex.join(["pointins", *sys.argv[1:]]),
        "settings": _settings(ablation),
        "classical": _classical(ablation),
        "zero_offsets": _zero_offsets(ablation),
        "untrained": {f"untrained-s{seed}": _untrained(ablation, seed) for seed in ablation.seeds},
        "runs": {},
        "failed": {},
    }
    clock, text = _Clock(len(names) * ablation.steps, say), ""
    for name, row, problem in _all_runs(ablation, names, clock):
        if problem:
            results["failed"][name] = problem
            say(f"{name} failed: {problem}")
        else:
            results["runs"][name] = row
            say(f"{name} is done; {len(results['runs'])} of {len(names)}, {clock.left()} left.")
        text = _write(ablation.out, results)  # a table of what there is, should this be stopped
    print(text, flush=True)
    if failed := results["failed"]:
        raise RunError(
            f"{len(failed)} of {len(names)} runs failed ({', '.join(failed)}); the table holds the "
            "others. The same command tries them again."
        )
    return results


def _write(out: Path, results: dict[str, Any]) -> str:
    """Write `results.json` and `table.md`; returns the table."""
    from pointins_engine.evaluate.table import markdown, summarize
    from pointins_engine.run_log.files import write_bytes, write_json

    results["summary"] = summarize(results)
    text = markdown(results)
    write_json(out / "results.json", results)
    write_bytes(out / "table.md", text.encode())
    return text


def _all_runs(
    ablation: Ablation, names: Sequence[tuple[str, int]], clock: "_Clock"
) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Name, evaluation and problem of every run, as they end."""
    if ablation.jobs == 1:
        for variant, seed in names:
            yield _one_run(ablation, variant, seed, clock)
        return
    were_there = {name for name in names if _was_trained(ablation, *name)}
    # Fresh processes: a forked one would inherit torch's threads half-made.
    with ProcessPoolExecutor(
        ablation.jobs,
        mp_context=get_context("spawn"),
        initializer=_share_cores,
        initargs=(ablation.jobs,),
    ) as pool:
        waiting = {pool.submit(_one_run, ablation, *name): name for name in names}
        for ended in as_completed(waiting):
            count = clock.skip if waiting[ended] in were_there else clock.add
            count(ablation.steps)
            yield ended.result()


def _share_cores(jobs: int) -> None:
    """Threads of processes that wait for each other's cores cost more than they give."""
    import torch

    torch.set_num_threads(max(1, (os.cpu_count() or 1) // jobs))


def _one_run(
    ablation: Ablation, variant: str, seed: int, clock: "_Clock | None" = None
) -> tuple[str, dict[str, Any], str]:
    from pointins_engine.errors import PointinsError
    from pointins_engine.trainer import pretrain

    path, config = ablation.run(variant, seed), _run_config(ablation, variant, seed)
    try:
        if not _is_finished(path, config):
            pretrain(
                config,
                path,
                recipe=ablation.recipe,
                device=ablation.device,
                resume=True,
                command=shlex.join(["pointins", *sys.argv[1:]]),
                report=(lambda now: clock.step(path.name, now)) if clock else lambda now: None,
            )
        elif clock:
            clock.skip(ablation.steps)
        return path.name, _evaluated(ablation, variant, seed, config), ""
    except PointinsError as error:
        return path.name, {}, str(error)


def _run_config(ablation: Ablation, variant: str, seed: int) -> RunConfig:
    return variant_config(
        ablation.recipe, variant, source=ablation.source, steps=ablation.steps, seed=seed
    )


def _was_trained(ablation: Ablation, variant: str, seed: int) -> bool:
    try:
        return _is_finished(ablation.run(variant, seed), _run_config(ablation, variant, seed))
    except RunError:
        return False  # its turn will say why


def _is_finished(path: Path, config: RunConfig) -> bool:
    """Whether a run's last checkpoint is there; raises if it was trained with other values."""
    from pointins_engine.checkpoint import latest_checkpoint
    from pointins_engine.config import differences
    from pointins_engine.run_log.files import read_json
    from pointins_engine.run_log.paths import RunPaths

    paths = RunPaths(path)
    if not paths.run.exists():
        return False
    changed = differences(from_dict(read_json(paths.run)["config"]), config)
    if changed:
        name, (was, now) = next(iter(changed.items()))
        raise RunError(
            f"{path} was trained with {name} = {was!r}, and the variant now says {now!r}. Choose "
            "another --out, or remove that folder."
        )
    found = latest_checkpoint(paths)
    return found is not None and found.step == config.optim.steps


def _evaluated(ablation: Ablation, variant: str, seed: int, config: RunConfig) -> dict[str, Any]:
    """The figures of a trained run, from their file if they are there."""
    from pointins_engine.evaluate.kept import digest
    from pointins_engine.evaluate.networks import evaluate_network, load_teacher

    def measure() -> dict[str, Any]:
        network, stored = load_teacher(ablation.run(variant, seed), ablation.device)
        return evaluate_network(network, stored, _scenes(ablation))

    figures = _kept(ablation, ablation.run(variant, seed).name, to_dict(config), measure)
    return {
        "variant": variant,
        "seed": seed,
        "changes": VARIANTS[variant],
        "config_digest": digest(to_dict(config)),
        **figures,
    }


def _untrained(ablation: Ablation, seed: int) -> dict[str, Any]:
    """The figures of the network that every variant of a seed starts with."""
    from pointins_engine.evaluate.networks import evaluate_network, untrained_teacher

    config = _recipe_config(ablation, seed)

    def measure() -> dict[str, Any]:
        network = untrained_teacher(config, ablation.device)
        return evaluate_network(network, config, _scenes(ablation))

    figures = _kept(ablation, f"untrained-s{seed}", to_dict(config), measure)
    return {"variant": "untrained", "seed": seed, **figures}


def _zero_offsets(ablation: Ablation) -> dict[str, Any]:
    from pointins_engine.evaluate.networks import zero_offset_figures

    config = _recipe_config(ablation)
    return _kept(
        ablation,
        "zero-offsets",
        to_dict(config.scene),
        lambda: zero_offset_figures(config, _scenes(ablation)),
    )


def _classical(ablation: Ablation) -> dict[str, Any]:
    from pointins_engine.baselines.tuning import classical_figures

    config, scenes = _recipe_config(ablation).scene, _scenes(ablation)
    return _kept(
        ablation,
        "classical",
        to_dict(config),
        lambda: classical_figures(
            scenes.development, scenes.unseen, config.grid_size, config.domain
        ),
    )


def _recipe_config(ablation: Ablation, seed: int = 0) -> RunConfig:
    """The recipe as it stands: its scenes are those of every variant."""
    return _run_config(ablation, "both", seed)


def _scenes(ablation: Ablation) -> "EvaluationScenes":
    from pointins_engine.evaluate.scene_sets import evaluation_scenes

    return evaluation_scenes(
        _recipe_config(ablation).scene,
        probe=ablation.probe,
        development=ablation.development,
        unseen=ablation.unseen,
    )


def _settings(ablation: Ablation) -> dict[str, Any]:
    from pointins_engine.evaluate.instance_ap import MIN_REGION

    return {
        "evaluation": EVALUATION_VERSION,
        "min_region": MIN_REGION,
        "unseen": ablation.unseen,
        "development": ablation.development,
        "probe": ablation.probe,
    }


def _kept(
    ablation: Ablation, name: str, config: Mapping[str, Any], measure: Callable[[], dict[str, Any]]
) -> dict[str, Any]:
    from pointins_engine.evaluate.kept import kept

    made_from = {"settings": _settings(ablation), "config": config}
    return kept(ablation.out / "evaluations" / f"{name}.json", made_from, measure)


class _Clock:
    """How far an ablation is, in steps of all its runs."""

    def __init__(self, total: int, say: Callable[[str], None]) -> None:
        self._total, self._say = total, say
        self._done = self._skipped = 0
        self._started = time.monotonic()
        self._last_line = 0.0

    def skip(self, steps: int) -> None:
        """Steps that were done before: they tell nothing about speed."""
        self._done += steps
        self._skipped += steps

    def add(self, steps: int) -> None:
        self._done += steps

    def step(self, name: str, now: "Progress") -> None:
        """One more step of the run in hand."""
        self._done += 1
        if time.monotonic() - self._last_line >= LINE_EVERY_S:
            self._last_line = time.monotonic()
            self._say(
                f"{name}  step {now.step}/{now.total_steps}  "
                f"{now.step_s:.2f} s/step  {self.left()} left in all"
            )

    def left(self) -> str:
        from pointins_engine.item_progress import duration

        made = self._done - self._skipped
        if made == 0:
            return "unknown"
        pace = (time.monotonic() - self._started) / made
        return duration(pace * (self._total - self._done))
