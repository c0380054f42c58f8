"""Read a run folder from a program or a notebook: curves, a frame, ODR against its prior.

    python examples/read_a_run.py runs/demo

Needs NumPy and the run folder, no torch and no GPU, also while the run is going on. Every function
returns arrays to plot; `main` prints what is in them. docs/run-folder.md has all keys.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pointins_engine.run_log.store import Run

WIDTH = 40  # characters of the longest bar


def curve(run: Run, key: str) -> tuple[np.ndarray, np.ndarray]:
    """Steps and values of a logged figure; NaN where it was not finite."""
    steps, values = run.scalars().get(key, ([], []))
    return np.array(steps, np.int64), np.array(values, np.float64)


def frame_of_points(run: Run, scene: str, step: int) -> dict[str, np.ndarray]:
    """What a frame says, one row a point: positions and votes in metres, instance, colour."""
    shown, frame = run.load_scene(scene), run.load_frame(scene, step)
    cell = shown.cell_index
    return {
        "coord": shown.coord,
        "vote_before": shown.coord + frame["offset_teacher"].astype(np.float32)[cell],
        "vote_after": shown.coord + frame["offset_regularized"].astype(np.float32)[cell],
        "pseudo_instance": frame["pseudo_instance"][cell],
        "pca_color": frame["pca_color"][cell],
    }


def similar_cells(frame: Mapping[str, np.ndarray], cell: int) -> np.ndarray:
    """Cosine of each cell's features with those of one cell, from the 16 stored components."""
    feature = frame["feature"].astype(np.float32)
    feature /= np.maximum(np.linalg.norm(feature, axis=1, keepdims=True), 1e-9)
    return feature @ feature[cell]


def lengths_against_prior(odr: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Histograms of offset lengths: bin edges in metres, and shares that sum to 1."""
    names = [name for name in ("prior", "before", "after", "student") if name in odr]
    edges = np.linspace(0, odr["max_m"], odr["num_bins"] + 1)
    return {"edges_m": edges, **{name: np.array(odr[name]) for name in names}}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Print what a run folder holds.")
    parser.add_argument("run", type=Path, help="run folder")
    run = Run(parser.parse_args(arguments).run.resolve())

    state = run.state()
    print(f"{run.id}: {state['status']} at step {state['step']} of {state['total_steps']}")
    for key in ("loss/total", "loss/offset", "odr/w1_before_m"):
        steps, values = curve(run, key)
        if len(steps):
            print(f"{key}: {values[0]:.3f} at step {steps[0]}, {values[-1]:.3f} at {steps[-1]}")

    for scene in run.scenes()[:1]:
        step = run.latest_frame(scene)
        if step is None:
            print(f"{scene} has no frame yet.")
            continue
        points, stats = frame_of_points(run, scene, step), run.stats(scene, step)
        members = np.unique(points["pseudo_instance"]).max() + 1
        print(f"{scene} at step {step}: {len(points['coord']):,} points, {members} instances")
        frame = run.load_frame(scene, step)
        if "feature" in frame:
            num_similar = int((similar_cells(frame, 0) > 0.8).sum())
            print(f"{num_similar} of {len(frame['feature'])} cells are like the first one")

        odr = stats["odr"]
        print(f"Prior of offset lengths: {odr['prior_name']}")
        for name in ("before", "after", "student"):
            if f"w1_{name}_m" in odr:
                w1, ks = odr[f"w1_{name}_m"], odr[f"ks_{name}"]
                print(f"  {name}: W1 {w1:.3f} m, KS {ks:.3f} from the prior")
        shares = lengths_against_prior(odr)
        highest = max(shares["prior"].max(), shares["before"].max())
        print("Lengths in metres, share a bin: prior | before ODR")
        for number, low in enumerate(shares["edges_m"][:-1:4]):
            bins = slice(4 * number, 4 * number + 4)
            prior, before = (
                "#" * round(WIDTH * float(shares[name][bins].mean() / highest))
                for name in ("prior", "before")
            )
            print(f"{low:5.2f}  {prior:<{WIDTH}} | {before}")


if __name__ == "__main__":
    main()
