"""The command line: `pointins` and `python -m pointins_engine`.

Torch is imported only by the commands that need it, so help and errors come at once.
"""

import argparse
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from pointins_engine import (
    __version__,
    ablation,
    convert,
    data_commands,
    evaluate_command,
    pack_command,
    prior_commands,
    segment_command,
    steer,
)
from pointins_engine.config import RunConfig, Units, UpAxis
from pointins_engine.errors import ConfigError, PointinsError, SceneError
from pointins_engine.fork import Parent, find_parent
from pointins_engine.recipes import PRESETS, RECIPES, get_recipe
from pointins_engine.run_log.paths import RunPaths
from pointins_engine.run_log.store import Run

RUNS = Path("runs")
EXIT_BAD_INPUT = 2
EXIT_INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code (2 = bad input, with one sentence on stderr)."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words[:1] == [
        "--"
    ]:  # which torchrun needs, and takes away with some versions of Python only
        words = words[1:]
    args, rest = _parser(needs_recipe=not _goes_on(words)).parse_known_args(words)
    try:
        if rest and args.run_command not in (_pretrain, _studio, _view):
            raise ConfigError(
                f"unknown argument {rest[0]!r}; see `pointins {args.command} --help`."
            )
        return args.run_command(args, rest)
    except PointinsError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_BAD_INPUT
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED


def _goes_on(words: list[str]) -> bool:
    """Whether the words may leave out the recipe, because a run that is there has one."""
    return any(word.partition("=")[0] in ("--fork", "--resume") for word in words)


def _parser(*, needs_recipe: bool = True) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="pointins",
        description="Instance-aware self-supervised pre-training on point clouds, made visible.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"pointins {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, run, help: str, **more) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=help, description=help, allow_abbrev=False, **more)
        sub.set_defaults(run_command=run)
        return sub

    pretrain = command(
        "pretrain",
        _pretrain,
        "Pre-train an encoder into a run folder.",
        epilog="Any field of the configuration can be set, for example --optim.lr 1e-3 or "
        "--scr.grouping robust; `pointins pretrain RECIPE --fields` lists them all.",
    )
    if needs_recipe:
        pretrain.add_argument("recipe", metavar="RECIPE", help=", ".join(RECIPES))
    else:  # an optional one would take the value of a field for a recipe
        pretrain.set_defaults(recipe=None)
    pretrain.add_argument("--preset", help=f"how SCR groups votes: {', '.join(PRESETS)}")
    pretrain.add_argument(
        "--scenes", metavar="PATH", help="dataset, folder of scans, scan, sim:rooms or sim:streets"
    )
    pretrain.add_argument("--run", type=Path, metavar="DIR", help="run folder (default: runs/...)")
    pretrain.add_argument("--steps", type=int, help="optimiser steps")
    pretrain.add_argument("--seed", type=int, help="one number decides every random draw")
    pretrain.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:1")
    pretrain.add_argument(
        "--resume",
        action="store_true",
        help="go on from the last checkpoint; without RECIPE as the run of --run is configured",
    )
    pretrain.add_argument(
        "--fork",
        metavar="RUN[@STEP]",
        help="begin where another run is at a checkpoint; no RECIPE, fields given here change",
    )
    pretrain.add_argument("--fields", action="store_true", help="list all fields and stop")
    pretrain.add_argument("--quiet", action="store_true", help="no progress bar")

    steering = command("steer", _steer, "Pause, step, stop or change a run while it trains.")
    steer.add_arguments(steering)

    # These two hand their arguments, --help too, to the module that does the work.
    command("studio", _studio, "Open the studio on a folder of runs.", add_help=False)
    command("view", _view, "Show a run or a scan with Polyscope.", add_help=False)

    demo = command("demo", _demo, "Pre-train on simulated rooms and watch it in the browser.")
    demo.add_argument("--steps", type=int, help="optimiser steps (default: the recipe's)")
    demo.add_argument("--runs", type=Path, default=RUNS, metavar="DIR")
    demo.add_argument("--port", type=int, default=8050, help="first port to try")
    demo.add_argument("--exit-when-done", action="store_true", help="end when training ends")
    demo.add_argument("--no-open", action="store_true", help="do not open a browser")

    recipes = command(
        "recipes", _recipes, "List the recipes, or every value of one with its source."
    )
    recipes.add_argument("action", choices=["list", "show"])
    recipes.add_argument("recipe", nargs="?", metavar="RECIPE", help=", ".join(RECIPES))
    recipes.add_argument("--preset", help=", ".join(PRESETS))

    ablate = command(
        "ablate", _ablate, "Train the parts of the method alone and together, compare."
    )
    ablation.add_arguments(ablate)
    converter = command("convert", _convert, "Take public encoder weights in, or give ours out.")
    convert.add_arguments(converter)
    segment = command("segment", _segment, "Find the objects of scans, without labels.")
    segment_command.add_arguments(segment)
    evaluator = command(
        "evaluate", _evaluate, "Compare predicted instances with ground truth, as benchmarks do."
    )
    evaluate_command.add_arguments(evaluator)
    packer = command("pack", _pack, "Put the network of a run into one small file.")
    pack_command.add_arguments(packer)

    scenes = command("scenes", _scenes, "Look at scans as the engine reads them.")
    scenes.add_argument("action", choices=["show"], help="show: points, fields, extent, labels")
    scenes.add_argument("path", metavar="PATH", help="scan, folder, sim:rooms or sim:streets")
    scenes.add_argument("--dataset", default="", metavar="NAME", help="if the files do not tell")
    scenes.add_argument("--units", choices=get_args(Units), default="auto", help="of the files")
    scenes.add_argument("--up", choices=get_args(UpAxis), default="auto", help="axis of the files")
    scenes.add_argument("--sample-meshes", action="store_true", help="points on a PLY's faces")
    scenes.add_argument("--limit", type=int, default=12, help="scenes to read at most")

    data = command("data", _data, "Check a dataset, or convert it for faster reading.")
    data_commands.add_arguments(data)
    prior = command("prior", _prior, "Measure ODR's prior on scenes, or compare priors.")
    prior_commands.add_arguments(prior)

    command("doctor", _doctor, "Say what this machine has, and which backends are used and why.")
    return parser


def _pretrain(args: argparse.Namespace, rest: list[str]) -> int:
    import tyro

    config, recipe, parent, rest = _configured(args, rest)
    prog = f"pointins pretrain {recipe}"
    if args.fields:
        tyro.cli(RunConfig, default=config, args=["--help"], prog=prog)
    named = {"--scene.source": args.scenes, "--optim.steps": args.steps, "--seed": args.seed}
    given = [(flag, str(value)) for flag, value in named.items() if value is not None]
    flags = [part for pair in given for part in pair]
    try:
        config = tyro.cli(RunConfig, default=config, args=[*flags, *rest], prog=prog)
    except SystemExit:
        print(f"`{prog} --fields` lists every field with its value.", file=sys.stderr)
        raise

    from pointins_engine.progress import ProgressBar
    from pointins_engine.trainer import pretrain
    from pointins_engine.training.distributed import end_rank, joined, own_device

    device = own_device(args.device)
    with joined(device) as world:
        run = Path(world.share(str(args.run or _fresh_run(RUNS, recipe))))
        with ProgressBar(run, quiet=args.quiet or not world.is_main) as bar:
            pretrain(
                config,
                run,
                recipe=recipe,
                device=device,
                resume=args.resume,
                fork=parent,
                command=_command_line(args, run, rest, world.size),
                report=bar.update,
                say=bar.say,
                world=world,
            )
    end_rank()
    return 0


def _configured(
    args: argparse.Namespace, rest: list[str]
) -> tuple[RunConfig, str, Parent | None, list[str]]:
    """What `pretrain` starts from: configuration, recipe, parent of a fork, words not used here.

    Raises:
        ConfigError, RunError: If the words do not go together, or name what is not there.
    """
    recipe = args.recipe
    if recipe is None and rest and not rest[0].startswith("-"):
        recipe, *rest = rest
        args.recipe = recipe
    if args.fork is not None and (recipe or args.preset):
        raise ConfigError(
            f"--fork takes the recipe of its parent: leave out {recipe or '--preset'}, and give "
            "the fields that change, for example --scr.link-radius 0.3."
        )
    run: Path | None = args.run
    if recipe is None and args.resume and run is not None and RunPaths(run).run.exists():
        kept = Run(run.resolve())
        return kept.config, str(kept.record.get("recipe", "")), None, rest
    if args.fork is not None:
        parent = find_parent(args.fork, RUNS)
        return parent.config, parent.recipe, parent, rest
    if recipe is None:
        raise ConfigError(
            f"--resume without a recipe needs --run and a run there, got {run}. Give the run "
            "folder, or a recipe to start with."
        )
    return get_recipe(recipe, args.preset), recipe, None, rest


def _steer(args: argparse.Namespace, rest: list[str]) -> int:
    return steer.run(args, RUNS)


def _studio(args: argparse.Namespace, rest: list[str]) -> int:
    return _become("app", rest)


def _demo(args: argparse.Namespace, rest: list[str]) -> int:
    from pointins_engine.demo import demo

    return demo(
        args.runs,
        run=_fresh_run(args.runs, "demo"),
        steps=args.steps,
        port=args.port,
        exit_when_done=args.exit_when_done,
        open_browser=not args.no_open,
    )


def _recipes(args: argparse.Namespace, rest: list[str]) -> int:
    from pointins_engine.provenance import describe_recipe

    if args.action == "list":
        width = max(map(len, RECIPES))
        for recipe in RECIPES.values():
            print(f"{recipe.name:<{width}}  {recipe.purpose}")
        print("\npresets, for every recipe (--preset):")
        for name, preset in PRESETS.items():
            print(f"{name:<{width}}  {(preset.__doc__ or '').splitlines()[0]}")
        return 0
    if args.recipe is None:
        raise ConfigError(f"`pointins recipes show` needs a recipe: {', '.join(RECIPES)}.")
    print(describe_recipe(args.recipe, args.preset))
    return 0


def _ablate(args: argparse.Namespace, rest: list[str]) -> int:
    return ablation.run(args)


def _convert(args: argparse.Namespace, rest: list[str]) -> int:
    return convert.run(args)


def _evaluate(args: argparse.Namespace, rest: list[str]) -> int:
    return evaluate_command.run(args)


def _segment(args: argparse.Namespace, rest: list[str]) -> int:
    return segment_command.run(args)


def _pack(args: argparse.Namespace, rest: list[str]) -> int:
    return pack_command.run(args)


def _data(args: argparse.Namespace, rest: list[str]) -> int:
    return data_commands.run(args)


def _prior(args: argparse.Namespace, rest: list[str]) -> int:
    return prior_commands.run(args)


def _scenes(args: argparse.Namespace, rest: list[str]) -> int:
    from pointins_engine.scenes.report import format_report
    from pointins_engine.scenes.source import open_raw_scenes

    scenes = open_raw_scenes(
        args.path, args.units, args.up, args.dataset, sample_meshes=args.sample_meshes
    )
    shown = min(len(scenes), args.limit)
    failed = 0
    for number in range(shown):
        try:
            told = len(scenes.warnings)
            scene = scenes[number]
            print(format_report([scene], scenes.warnings[told:]), end="\n\n", flush=True)
        except SceneError as error:
            failed += 1
            print(f"error: {error}", file=sys.stderr)
    if shown < len(scenes):
        print(f"{shown} of {len(scenes)} scenes shown; --limit {len(scenes)} shows all.")
    return EXIT_BAD_INPUT if failed else 0


def _view(args: argparse.Namespace, rest: list[str]) -> int:
    return _become("app.pictures.viewer", rest)


def _doctor(args: argparse.Namespace, rest: list[str]) -> int:
    from pointins_engine.doctor import report

    print(report())
    return 0


def _become(module: str, options: list[str]) -> int:
    """Hand the process over to a module of the studio, which the engine never imports."""
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", module, *options])


def _fresh_run(runs: Path, name: str) -> Path:
    """`runs/name`, or the first of `runs/name-2`, `runs/name-3`, ... that is free."""
    number = 1
    while (run := runs / (name if number == 1 else f"{name}-{number}")).exists():
        number += 1
    return run


def _command_line(args: argparse.Namespace, run: Path, rest: list[str], ranks: int) -> str:
    """The command that makes this run again; with --resume it goes on with it."""
    words = ["pointins"]
    if ranks > 1:
        # Without the -- torchrun takes --run for an abbreviation of its own --run-path.
        words = ["torchrun", "--nproc-per-node", str(ranks), "-m", "pointins_engine", "--"]
    words += ["pretrain", *([args.recipe] if args.recipe else []), "--run", str(run)]
    for name in ("fork", "preset", "scenes", "steps", "seed"):
        if (value := getattr(args, name)) is not None:
            words += [f"--{name}", str(value)]
    return shlex.join([*words, *rest])


if __name__ == "__main__":
    sys.exit(main())
