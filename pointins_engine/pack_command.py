"""`pointins pack`: the network of a run as one small file, for `pointins segment`."""

import argparse
import json
from pathlib import Path
from typing import Any

from pointins_engine.errors import ConfigError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", type=Path, metavar="RUN", help="folder of a run")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help=".safetensors")
    parser.add_argument("--step", type=int, help="of a checkpoint (default: the newest)")
    add_provenance(parser)
    parser.add_argument("--license", default="unknown", metavar="TEXT", help="terms of the weights")


def add_provenance(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--machine", default="", metavar="TEXT", help="what it was trained on")
    parser.add_argument(
        "--scores", type=Path, metavar="FILE", help="JSON of figures, kept with the weights"
    )


def run(args: argparse.Namespace) -> int:
    """Pack and say what is in the file.

    Raises:
        RunError, WeightsError, ConfigError: If the run, the file or the figures are not as needed.
    """
    from pointins_engine.packed import pack

    packed = pack(
        args.source,
        args.out,
        step=args.step,
        machine=args.machine,
        license=args.license,
        scores=read_scores(args.scores),
    )
    told = packed.provenance
    print(
        f"{args.out}: {told['parameters']:,} parameters as float16, "
        f"{args.out.stat().st_size:,} bytes; {told['recipe']} on {told['data']}, step "
        f"{told['steps']:,} of {told['total_steps']:,}; licence: {told['license']}"
    )
    return 0


def read_scores(path: Path | None) -> dict[str, Any]:
    """Figures from a JSON file; none without a file.

    Raises:
        ConfigError: If the file cannot be read or holds no JSON object.
    """
    if path is None:
        return {}
    try:
        scores = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigError(f"--scores {path} cannot be read as JSON ({error}).") from error
    if not isinstance(scores, dict):
        raise ConfigError(f"--scores {path} holds a {type(scores).__name__}, expected an object.")
    return scores
