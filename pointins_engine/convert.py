"""`pointins convert`: public weights in, public weights out. Torch is imported when it runs."""

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "source",
        type=Path,
        metavar="SRC",
        help="public .pth; with --to-public a converted file or runs/<id>/checkpoints/<step>",
    )
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="FILE",
        help=".safetensors; .pth with --to-public",
    )
    parser.add_argument(
        "--branch",
        choices=["auto", "student", "teacher", "plain"],
        default="auto",
        help="which encoder, where there are several (default: the student)",
    )
    parser.add_argument(
        "--license", default="unknown", metavar="TEXT", help="terms of the weights, kept with them"
    )
    parser.add_argument(
        "--to-public", action="store_true", help="write an encoder of ours for the public code"
    )


def run(args: argparse.Namespace) -> int:
    """Convert and say what was found.

    Raises:
        WeightsError: If the source is no encoder, or the result cannot be written.
    """
    from pointins_engine.backbone.public_names import describe
    from pointins_engine.public_weights import convert_pth, write_public

    if args.to_public:
        sizes = write_public(args.source, args.out, branch=args.branch)
        print(f"{args.out}: {describe(sizes)}")
        return 0
    done = convert_pth(args.source, args.out, branch=args.branch, license=args.license)
    print(
        f"{args.out}: {done.num_parameters:,} parameters of the {done.origin.branch} encoder, "
        f"{describe(done.sizes)}; licence: {done.origin.license}"
    )
    if done.left_out:
        groups = ", ".join(f"{name} ({count})" for name, count in sorted(done.left_out.items()))
        print(f"left out, as no part of the encoder: {groups}")
    return 0
