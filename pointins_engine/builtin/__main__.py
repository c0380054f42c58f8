"""Make what comes with the package from two finished runs: networks, recording, README.

    python -m pointins_engine.builtin runs/indoor runs/outdoor --scores scores.json \
        --machine "2 cores of an AMD EPYC, no GPU"

`scores.json` holds an object a network: {"indoor": {"ap50": 0.5, ...}, "outdoor": {...}}.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pointins_engine.builtin import FOLDER, NETWORKS, RECORDING
from pointins_engine.errors import PointinsError, RunError
from pointins_engine.pack_command import add_provenance, read_scores
from pointins_engine.packed import pack
from pointins_engine.recording import record
from pointins_engine.run_log.files import write_bytes

MAX_NETWORK_BYTES = 8_000_000
MAX_RECORDING_BYTES = 12_000_000
LICENSE = "MIT"


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        "python -m pointins_engine.builtin", description="Make what comes with the package."
    )
    for name in NETWORKS:
        parser.add_argument(name, type=Path, metavar=name.upper(), help="folder of a finished run")
    add_provenance(parser)
    args = parser.parse_args(argv)
    try:
        scores = read_scores(args.scores)
        told = {
            name: _packed(getattr(args, name), name, args.machine, scores.get(name, {}))
            for name in NETWORKS
        }
        about = record(args.indoor, RECORDING, max_bytes=MAX_RECORDING_BYTES, machine=args.machine)
        write_bytes(FOLDER / "README.md", readme(told, about).encode())
    except PointinsError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    for path in (*(FOLDER / f"{name}.safetensors" for name in NETWORKS), RECORDING):
        print(f"{path}: {size(path):,} bytes")
    return 0


def readme(told: Mapping[str, Mapping[str, Any]], about: Mapping[str, Any]) -> str:
    """README.md: how each network was made, what it scores, and what the recording shows.

    Args:
        told: Provenance by network.
        about: Of the recording.
    """
    lines = [
        "# What comes with the package",
        "",
        "Two small networks, pre-trained by us on simulated scans alone, no labels used, and the",
        "recording of one of these trainings, which the studio shows at first start. Weights and",
        f"recording are under the {LICENSE} licence, as the code is. Written by",
        "`python -m pointins_engine.builtin`; the same facts stand in each file's header. Scores",
        "are of the day that a file was made; benchmarks/README.md has those of today's read-out.",
        "",
    ]
    for name, provenance in told.items():
        lines += [f"## builtin:{name}", "", *_facts(provenance), ""]
    minutes = about["seconds"] / 60
    return "\n".join(
        [
            *lines,
            "## Recorded example",
            "",
            f"The indoor training: {about['steps']:,} steps in {minutes:.0f} minutes on "
            f"{about['machine']}. It keeps {about['frames']} of the run's {about['of_frames']} "
            "frames, dense at the beginning, all scalars, and no checkpoints.",
            "",
        ]
    )


def size(path: Path) -> int:
    """Bytes of a file, or of all files of a folder."""
    if path.is_file():
        return path.stat().st_size
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def _packed(run: Path, name: str, machine: str, scores: Mapping[str, Any]) -> dict[str, Any]:
    out = FOLDER / f"{name}.safetensors"
    packed = pack(run, out, machine=machine, license=LICENSE, scores=scores)
    if size(out) > MAX_NETWORK_BYTES:
        raise RunError(
            f"{out} takes {size(out):,} bytes, at most {MAX_NETWORK_BYTES:,} go into the package; "
            "train a narrower backbone."
        )
    return packed.provenance


def _facts(provenance: Mapping[str, Any]) -> Iterator[str]:
    libraries = ", ".join(f"{name} {version}" for name, version in provenance["libraries"].items())
    duration = f"{provenance['duration_s'] / 60:.0f} minutes"
    yield "| | |"
    yield "|---|---|"
    yield f"| parameters | {provenance['parameters']:,}, float16 |"
    yield f"| data | {provenance['data']} |"
    yield f"| steps | {provenance['steps']:,} of {provenance['total_steps']:,} |"
    yield f"| seed | {provenance['seed']} |"
    yield f"| duration | {duration}, from {provenance['created']} |"
    yield f"| machine | {provenance['machine'] or provenance['device']} |"
    yield f"| libraries | {libraries} |"
    yield f"| licence | {provenance['license']} |"
    for name, value in _flat(provenance["probe"], "probe "):
        yield f"| {name} | {value} |"
    for name, value in _flat(provenance["scores"], ""):
        yield f"| {name} | {value} |"
    yield ""
    yield "```"
    yield provenance["command"]
    yield "```"


def _flat(scores: Mapping[str, Any], path: str) -> Iterator[tuple[str, str]]:
    for name, value in scores.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{path}{name} ")
        else:
            yield path + name, f"{value:.4g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    sys.exit(main())
