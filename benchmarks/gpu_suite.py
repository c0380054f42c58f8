"""One command for a machine with a GPU: `python -m benchmarks.gpu_suite`.

First CUDA against the CPU, then what the stages and a step cost, how time grows with the points,
where the host waits, and a short pre-training on simulated rooms. Needs torch, NumPy, SciPy,
scikit-learn, safetensors and jaxtyping, and measures Triton, flash-attn and spconv where they are
installed. Ends within ten minutes. A section that fails is reported and the rest goes on; the exit
code is then 1. `--device cpu` runs the same code on small sizes, to see that it is whole. The last
line is `GPU_SUITE_JSON` and all figures.
"""

import argparse
import json
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.workload import (
    PRIOR,
    Step,
    median_ms,
    relative_gap,
    room_views,
    slope,
    surface_batch,
)
from pointins_engine.backbone.attention import (
    attend_padded,
    attend_ragged,
    attention_backend,
    partition_patches,
    varlen_kernel,
)
from pointins_engine.backbone.backends import Backend, is_installed
from pointins_engine.backbone.encoder import Encoder
from pointins_engine.backbone.sparse_conv import (
    sparse_conv_backend,
    stage_neighbours,
    submanifold_conv,
)
from pointins_engine.config import BackboneConfig, RunConfig, ScrConfig
from pointins_engine.objectives.components import (
    connected_components,
    neighbour_edges,
    propagate_labels,
)
from pointins_engine.objectives.kmeans import kmeans
from pointins_engine.objectives.odr import regularize_offsets
from pointins_engine.objectives.scr import spatial_clustering
from pointins_engine.randomness import StepRandom
from pointins_engine.recipes import get_recipe
from pointins_engine.run_log.store import Run

CPU = torch.device("cpu")
KINDS = 20  # of cells in a made-up cloud, by place and feature
Figures = dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Sizes:
    """How much of everything: what fills a GPU, or what a CPU does in passing."""

    check_points: int = 20_000  # of the comparisons with the CPU
    stage_points: int = 200_000  # of convolutions and attention
    cloud_rows: int = 10_000  # cells of a cloud
    clouds: int = 32
    channels: tuple[int, ...] = (32, 64, 128, 256, 512)
    growth: tuple[int, ...] = (10_000, 30_000, 100_000, 300_000, 1_000_000)
    batch_38m: int = 16  # scenes
    repeats: int = 10
    steps: int = 300  # of the short pre-training


TINY = Sizes(
    check_points=1_000,
    stage_points=2_000,
    cloud_rows=300,
    clouds=3,
    channels=(32,),
    growth=(1_000, 3_000),
    batch_38m=0,
    repeats=1,
    steps=6,
)


class Failed(AssertionError):
    """A figure is outside its bound."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu_suite")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    parser.add_argument("--only", nargs="*", choices=SECTIONS, help="sections; default: all")
    args = parser.parse_args()
    if args.device.startswith("cuda") and not torch.cuda.is_available():
        print("error: torch finds no CUDA device; --device cpu runs the suite without one.")
        return 2
    device = torch.device(args.device)
    sizes = Sizes() if device.type == "cuda" else TINY
    figures: Figures = {
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        "torch": torch.__version__,
        "sparse_conv": sparse_conv_backend(device).name,
        "attention": attention_backend(device).name,
        "sections": {},
        "failures": {},
    }
    print(f"{figures['device']}, torch {torch.__version__}")
    for name in args.only or SECTIONS:
        began = time.perf_counter()
        rows: Figures = {}
        try:
            SECTIONS[name](device, sizes, rows)
        except Exception as error:
            figures["failures"][name] = f"{type(error).__name__}: {error}"[:500]
            if not isinstance(error, Failed):
                traceback.print_exc()
        figures["sections"][name] = rows
        show(f"{name} ({time.perf_counter() - began:.0f} s)", rows)
        if device.type == "cuda":
            torch.cuda.empty_cache()
    for name, text in figures["failures"].items():
        print(f"FAILED {name}: {text}")
    if args.json:
        args.json.write_text(json.dumps(figures, indent=1) + "\n")
    print(f"GPU_SUITE_JSON {json.dumps(figures)}")
    return 1 if figures["failures"] else 0


def show(title: str, rows: Figures) -> None:
    print(f"\n{title}")
    for name, value in rows.items():
        print(f"  {name:<58} {value:.5g}" if isinstance(value, float) else f"  {name:<58} {value}")
    sys.stdout.flush()


def conv_backends(device: torch.device) -> list[Backend]:
    """Sparse convolutions that can run on the device."""
    names = ["torch"]
    if device.type == "cuda":
        names += [name for name in ("triton", "spconv") if is_installed(name)]
    return [Backend(name, "measured") for name in names]


def ragged_names(device: torch.device) -> list[str]:
    """Kernels for ragged patches that can run on the device: the one that is picked."""
    name = attention_backend(device).name
    return [] if name == "sdpa" else [name]


def within(rows: Figures, name: str, value: float, bound: float) -> None:
    """Keep a figure; a section ends at the first one above its bound."""
    rows[name] = value
    if not value <= bound:
        raise Failed(f"{name} is {value:.3g}, more than {bound:.3g}")


# CUDA against the CPU


def check_convolution(device: torch.device, sizes: Sizes, rows: Figures) -> None:
    """Every backend against plain torch on the CPU, forward and backward.

    float32 products may be of reduced precision in spconv; bfloat16 keeps 8 bits.
    """
    torch.backends.cuda.matmul.allow_tf32 = False
    for channels in (16, sizes.channels[-1], 40):
        batch = surface_batch(sizes.check_points, channels, CPU)
        generator = torch.Generator().manual_seed(1)
        shapes = [(channels, 3, 3, 3, channels), (channels,), tuple(batch.feat.shape)]
        weight, bias, upstream = (torch.randn(s, generator=generator) for s in shapes)

        def run(backend: str, where: torch.device, half: bool) -> list[Tensor]:
            there = batch.to(where)  # noqa: B023 called before the loop goes on
            inputs = [t.to(where).requires_grad_() for t in (there.feat, weight, bias)]  # noqa: B023
            neighbours = stage_neighbours(
                there.grid_coord, there.batch_index, there.batch_size, Backend(backend, "")
            )
            with torch.autocast(where.type, dtype=torch.bfloat16, enabled=half):
                out = submanifold_conv(inputs[0], inputs[1], inputs[2], neighbours)
            return [out, *torch.autograd.grad(out, inputs, upstream.to(where))]  # noqa: B023

        exact = run("torch", CPU, False)
        for backend in conv_backends(device):
            for half in (False, True) if backend.name != "spconv" else (False,):
                bound = 0.02 if half else 2e-3 if backend.name == "spconv" else 1e-4
                label = f"{backend.name}, {channels} channels, {'bf16' if half else 'fp32'}"
                found = run(backend.name, device, half)
                names = ("out", "d feat", "d weight", "d bias")
                for part, a, b in zip(names, found, exact, strict=True):
                    within(rows, f"{label}, {part}", relative_gap(a, b), bound)


def check_attention(device: torch.device, sizes: Sizes, rows: Figures) -> None:
    """Padded and ragged attention against padded attention on the CPU."""
    cloud_sizes = [sizes.check_points // 2, 700, 1, sizes.check_points // 3]
    qkv = torch.randn(sum(cloud_sizes), 96, generator=torch.Generator().manual_seed(2))

    def run(name: str, where: torch.device, dtype: torch.dtype) -> list[Tensor]:
        partition = partition_patches(cloud_sizes, 128, where, padded=name == "sdpa")
        leaf = qkv.to(where, dtype).requires_grad_()
        members = leaf[partition.position]
        if name == "sdpa":
            out = attend_padded(members, 2, partition)
        else:
            out = attend_ragged(members, 2, partition, varlen_kernel(where))
        out = out[partition.slot]
        return [out, torch.autograd.grad(out.float().square().sum(), leaf)[0]]

    exact = run("sdpa", CPU, torch.float32)
    variants = [("sdpa", torch.float32), ("sdpa", torch.bfloat16)]
    variants += [(name, torch.bfloat16) for name in ragged_names(device)]
    for name, dtype in variants:
        bound = 1e-4 if dtype == torch.float32 else 0.03
        found = run(name, device, dtype)
        for part, a, b in zip(("out", "d qkv"), found, exact, strict=True):
            within(rows, f"{name}, {str(dtype)[6:]}, {part}", relative_gap(a, b), bound)


def check_encoder(device: torch.device, sizes: Sizes, rows: Figures) -> None:
    """Features and gradients of the demo's encoder with every convolution, against the CPU."""
    config = replace(get_recipe("indoor_demo").backbone, drop_path=0.0, shuffle_orders=False)
    batch = surface_batch(sizes.check_points, 9, CPU)

    def run(where: torch.device, dtype: Any, backend: Backend) -> list[Tensor]:
        encoder = Encoder(replace(config, dtype=dtype), 9)
        spread_weights(encoder)
        encoder = encoder.to(where).train()
        with convolving_by(backend):
            feat = encoder(batch.to(where)).feat
            feat.square().mean().backward()
        grads = [p.grad.flatten() for p in encoder.parameters() if p.grad is not None]
        return [feat, torch.cat(grads)]

    exact = run(CPU, "float32", Backend("torch", ""))
    for backend in conv_backends(device):
        # Rounding to 8 bits adds up over the blocks.
        for dtype, bound in (("float32", 5e-3), ("bfloat16", 0.25)):
            found = run(device, dtype, backend)
            for part, a, b in zip(("features", "gradients"), found, exact, strict=True):
                within(rows, f"{backend.name}, {dtype}, {part}", relative_gap(a, b), bound)


@contextmanager
def convolving_by(backend: Backend) -> Iterator[None]:
    """Encoders take this convolution, whatever is picked otherwise."""
    chosen = "pointins_engine.backbone.sparse_conv.sparse_conv_backend"
    with mock.patch(chosen, lambda device: backend):
        yield


def check_objectives(device: torch.device, sizes: Sizes, rows: Figures) -> None:
    """K-means, components, ODR and SCR: shares of rows that differ, and metres."""
    clouds = min(sizes.clouds, 4)
    cells, there = Cells(sizes, CPU, clouds=clouds), Cells(sizes, device, clouds=clouds)
    # As many segments as kinds: there is one best cut, which both find; its numbers may differ.
    errors = [c.quantisation_error() for c in (cells, there)]
    within(rows, "k-means, quantisation error", relative_gap(errors[1], errors[0]), 1e-3)
    edges = neighbour_edges(cells.coord, 20, 0.25, cells.batch_index)
    found = neighbour_edges(there.coord, 20, 0.25, there.batch_index)
    # Equal distances may be listed in another order.
    within(rows, "edges, difference in number", abs(len(found) - len(edges)) / len(edges), 1e-3)
    count = len(cells.coord)
    joined = connected_components(edges, count)
    others = share_of_others(joined, connected_components(edges.to(device), count))
    within(rows, "components, share of other labels", others, 0.0)
    others = share_of_others(joined, propagate_labels(edges, count))
    within(rows, "components, propagated on the CPU", others, 0.0)
    lengths = [c.odr().norm(dim=1).sort()[0] for c in (cells, there)]
    within(rows, "ODR, sorted lengths", relative_gap(lengths[1], lengths[0]), 1e-4)
    for grouping in ("paper", "robust", "affinity"):
        first, second = (c.scr(grouping) for c in (cells, there))
        rows[f"SCR {grouping}, pseudo-instances"] = len(first.size)
        others = share_of_others(first.pseudo_instance, second.pseudo_instance)
        within(rows, f"SCR {grouping}, share of other instances", others, 0.02)


def check_step(device: torch.device, sizes: Sizes, rows: Figures) -> None:
    """The demo's loss and gradients on the same views and weights."""
    config = get_recipe("indoor_demo")
    views = room_views(config, num_scenes=2)
    parts = []
    for where in (CPU, device):
        step = Step(config, views, where)
        terms = step()
        gradient = [p.grad.flatten() for p in step.student.parameters() if p.grad is not None]
        parts.append((terms, torch.cat(gradient).cpu()))
    (exact, exact_gradient), (found, gradient) = parts
    within(rows, "semantic loss", relative_gap(found.semantic, exact.semantic), 1e-3)
    # Votes that tie or nearly tie may be linked otherwise, which moves whole targets.
    within(rows, "offset loss", relative_gap(found.offset, exact.offset), 0.05)
    within(rows, "gradients", relative_gap(gradient, exact_gradient), 0.2)


def spread_weights(module: nn.Module) -> None:
    """Weights well away from their small first values, for errors to show."""
    generator = torch.Generator().manual_seed(11)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator), alpha=0.03)


def share_of_others(a: Tensor, b: Tensor) -> float:
    return float((a.cpu() != b.cpu()).double().mean())


class Cells:
    """Cells of the loss stage with features of some kinds: what SCR works on."""

    def __init__(self, sizes: Sizes, device: torch.device, clouds: int, channels: int = 64) -> None:
        size = sizes.cloud_rows
        generator = torch.Generator().manual_seed(5)
        count = clouds * size
        kind = torch.randint(0, KINDS, (count,), generator=generator)
        corner = 6 * torch.rand(KINDS, 3, generator=generator)
        coord = corner[kind] + 0.6 * torch.rand(count, 3, generator=generator)
        offset = 0.5 * (corner[kind] + 0.3 - coord)
        feat = torch.randn(KINDS, channels, generator=generator)[kind]
        feat += 0.3 * torch.randn(count, channels, generator=generator)
        self.clouds = clouds
        self.coord, self.offset, self.feat = (t.to(device) for t in (coord, offset, feat))
        self.batch_index = torch.arange(clouds).repeat_interleave(size).to(device)
        self.rows = list(torch.arange(count, device=device).split(size))
        self.is_plane = torch.zeros(count, dtype=torch.bool, device=device)
        self.rng = StepRandom(0, 0)

    def kmeans(self) -> tuple[Tensor, Tensor]:
        return kmeans(self.feat, self.rows, KINDS, 10, self.rng.clouds("kmeans", self.clouds))

    def quantisation_error(self) -> Tensor:
        label, centre = self.kmeans()
        unit = nn.functional.normalize(self.feat, dim=1)
        return (unit - centre[self.batch_index, label]).square().sum(1).mean()

    def odr(self) -> Tensor:
        config = get_recipe("indoor_demo").odr
        rng = self.rng.clouds("odr", self.clouds)
        return regularize_offsets(
            self.offset, self.batch_index, self.clouds, PRIOR, config, rng
        ).offset

    def scr(self, grouping: Any):
        config = ScrConfig(num_segments=KINDS, min_size=5)
        if grouping != "paper":
            config = replace(config, grouping=grouping, num_neighbours=20, link_radius=0.2)
        return spatial_clustering(
            self.coord,
            self.offset,
            self.feat,
            self.batch_index,
            self.clouds,
            self.is_plane,
            config,
            self.rng.clouds("kmeans", self.clouds),
        )


# What it costs


def time_convolution(device: torch.device, sizes: Sizes, rows: Figures) -> None:
    """Neighbours, forward, and forward with backward, in bfloat16, at one size for all widths."""
    half = device.type == "cuda"
    for channels in sizes.channels:
        batch = surface_batch(sizes.stage_points, channels, device)
        weight = torch.randn(channels, 3, 3, 3, channels, device=device).mul_(0.05).requires_grad_()
        bias = torch.zeros(channels, device=device, requires_grad=True)
        feat = batch.feat.requires_grad_()
        for backend in conv_backends(device):
            label = f"{backend.name}, {channels} channels"

            def build(backend: Backend = backend, batch=batch):
                return stage_neighbours(
                    batch.grid_coord, batch.batch_index, batch.batch_size, backend
                )

            neighbours = build()

            def forward(neighbours=neighbours, inputs=(feat, weight, bias)) -> Tensor:
                with torch.autocast(device.type, dtype=torch.bfloat16, enabled=half):
                    return submanifold_conv(inputs[0], inputs[1], inputs[2], neighbours)

            def both(forward=forward) -> None:
                out = forward()
                out.backward(torch.ones_like(out))

            if channels == sizes.channels[0]:
                rows[f"{backend.name}, neighbours, ms"] = median_ms(build, device, sizes.repeats)
            rows[f"{label}, forward, ms"] = median_ms(forward, device, sizes.repeats)
            rows[f"{label}, forward and backward, ms"] = median_ms(both, device, sizes.repeats)


def time_attention(device: torch.device, sizes: Sizes, rows: Figures) -> None:
    """Patches of 1024, heads of 16 channels."""
    clouds = [sizes.stage_points // (4 + n) for n in range(4)]
    dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
    for channels in sizes.channels:
        for name in ["sdpa", *ragged_names(device)]:
            partition = partition_patches(clouds, 1024, device, padded=name == "sdpa")
            qkv = torch.randn(
                len(partition.position),
                3 * channels,
                device=device,
                dtype=dtype,
                requires_grad=True,
            )
            heads = channels // 16

            def both(name=name, qkv=qkv, partition=partition, heads=heads) -> None:
                if name == "sdpa":
                    out = attend_padded(qkv, heads, partition)
                else:
                    out = attend_ragged(qkv, heads, partition, varlen_kernel(device))
                out.backward(torch.ones_like(out))

            rows[f"{name}, {channels} channels, forward and backward, ms"] = median_ms(
                both, device, sizes.repeats
            )


def time_encoder(device: torch.device, sizes: Sizes, rows: Figures) -> None:
    """Forward and backward pass of the 38 M encoder (CPU: the demo's) with every convolution."""
    recipe = "indoor_38m" if device.type == "cuda" else "indoor_demo"
    config = replace(get_recipe(recipe).backbone, dtype="bfloat16")
    encoder = Encoder(config, 9).to(device).train()
    batch = surface_batch(sizes.stage_points, 9, device)

    def step() -> None:
        encoder.zero_grad(set_to_none=True)
        encoder(batch, StepRandom(0, 0)).feat.square().mean().backward()

    for backend in conv_backends(device):
        with convolving_by(backend):
            label = f"{recipe}, {sizes.stage_points:,} points, {backend.name}, ms"
            rows[label] = median_ms(step, device, sizes.repeats)


def time_objectives(device: torch.device, sizes: Sizes, rows: Figures) -> None:
    """ODR, K-means and SCR on a batch of clouds with the 38 M encoder's feature width."""
    width = 896 if device.type == "cuda" else 64
    cells = Cells(sizes, device, sizes.clouds, width)
    rows["cells"] = len(cells.coord)
    rows["ODR, ms"] = median_ms(cells.odr, device, sizes.repeats)
    rows["k-means, ms"] = median_ms(cells.kmeans, device, sizes.repeats)
    group = cells.batch_index * KINDS + cells.kmeans()[0]
    votes = cells.coord + cells.offset

    def edges() -> Tensor:
        return neighbour_edges(votes, 150, 1.2, group)

    found = edges()
    rows["links of the paper's graph, ms"] = median_ms(edges, device, sizes.repeats)
    rows["components, ms"] = median_ms(
        lambda: connected_components(found, len(votes)), device, sizes.repeats
    )
    for grouping in ("paper", "robust", "affinity"):
        rows[f"SCR {grouping}, ms"] = median_ms(
            lambda grouping=grouping: cells.scr(grouping), device, sizes.repeats
        )


def time_steps(device: torch.device, sizes: Sizes, rows: Figures) -> None:
    """A step of the demo and of the 38 M encoder, and what the offset branch adds to it."""
    jobs = [("indoor_demo", 2)] + ([("indoor_38m", sizes.batch_38m)] if sizes.batch_38m else [])
    for recipe, scenes in jobs:
        config = get_recipe(recipe)
        if recipe == "indoor_38m":
            config = replace(config, backbone=replace(config.backbone, dtype="bfloat16"))
        step = Step(config, room_views(config, scenes), device)
        reset_peak(device)
        whole = median_ms(step, device, sizes.repeats)
        voxels = len(step.views.points.coord)
        rows[f"{recipe}, {scenes} scenes, voxels"] = voxels
        rows[f"{recipe}, step, ms"] = whole
        if device.type == "cuda":
            peak = torch.cuda.max_memory_allocated() / 2**20
            rows[f"{recipe}, peak memory, GiB"] = peak / 1024
            rows[f"{recipe}, peak memory per thousand voxels, MiB"] = 1000 * peak / voxels
        plain = replace(config, offset=replace(config.offset, enabled=False))
        without = median_ms(Step(plain, step.views, device), device, sizes.repeats)
        rows[f"{recipe}, step without offset branch, ms"] = without
        rows[f"{recipe}, offset branch over the rest"] = whole / without - 1


def reset_peak(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()


def time_growth(device: torch.device, sizes: Sizes, rows: Figures) -> None:
    """The encoder's forward and backward pass against the number of points."""
    recipe = "indoor_38m" if device.type == "cuda" else "indoor_demo"
    config: BackboneConfig = get_recipe(recipe).backbone
    if device.type == "cuda":
        config = replace(config, dtype="bfloat16")
    encoder = Encoder(config, 9).to(device).train()
    times = []
    for points in sizes.growth:
        batch = surface_batch(points, 9, device)

        def step(batch=batch) -> None:
            encoder.zero_grad(set_to_none=True)
            encoder(batch, StepRandom(0, 0)).feat.square().mean().backward()

        reset_peak(device)
        times.append(median_ms(step, device, min(sizes.repeats, 5)))
        rows[f"{points:,} points, ms"] = times[-1]
        if device.type == "cuda":
            peak = torch.cuda.max_memory_allocated() / 2**20
            rows[f"{points:,} points, peak MiB per thousand"] = 1000 * peak / points
    rows["slope in log-log axes"] = slope(list(sizes.growth), times)


def count_waits(device: torch.device, sizes: Sizes, rows: Figures) -> None:
    """Where the host waits for the GPU within one step of the demo with all branches."""
    if device.type != "cuda":
        rows["waits"] = "counted on CUDA only"
        return
    config = get_recipe("indoor_demo")
    step = Step(config, room_views(config, num_scenes=2), device)
    step()
    torch.cuda.set_sync_debug_mode("warn")
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            step()
    finally:
        torch.cuda.set_sync_debug_mode("default")
    waits = [w for w in caught if "synchron" in str(w.message)]
    places = Counter(f"{Path(w.filename).name}:{w.lineno}" for w in waits)
    rows["waits in a step"] = len(waits)
    rows |= {place: count for place, count in places.most_common(40)}


def short_pretraining(device: torch.device, sizes: Sizes, rows: Figures) -> None:
    """The indoor demo: do losses fall, and do votes learn to point to the true centroids?"""
    from pointins_engine.trainer import pretrain  # what breaks there breaks this section only

    config = get_recipe("indoor_demo")
    config = replace(
        config,
        scene=replace(config.scene, num_simulated=16),
        optim=replace(config.optim, steps=sizes.steps),
    )
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        pretrain(config, run, recipe="indoor_demo", device=str(device))
        read_run(Run(run), config, rows)


def read_run(run: Run, config: RunConfig, rows: Figures) -> None:
    tenth = max(config.optim.steps // 10 // config.log.scalars_every, 1)
    for key, (_, values) in run.scalars().items():
        if key in ("loss/semantic", "loss/offset", "time/step_s"):
            known = [value for value in values if value is not None]
            rows[f"{key}, first tenth"] = float(np.mean(known[:tenth]))
            rows[f"{key}, last tenth"] = float(np.mean(known[-tenth:]))
    scene = run.scenes()[0]
    frames = run.frames(scene)
    for name, step in (("before", frames[0]), ("after", frames[-1])):
        rows[f"cosine of votes and true offsets, {name}"] = vote_cosine(run, scene, step)
    last = run.stats(scene, frames[-1])
    rows["mean vote, m"] = float(last["odr"]["mean_m"])
    rows["pseudo-instances"] = last["scr"]["components"]


def vote_cosine(run: Run, scene: str, step: int) -> float:
    """Mean cosine between the teacher's offsets and those to the true centroids."""
    inspected, offset = run.load_scene(scene), run.load_frame(scene, step)["offset_teacher"]
    instance = inspected.instance_label
    assert instance is not None, "simulated rooms are labelled"
    labelled = instance >= 0
    instance, cell = instance[labelled], inspected.cell_index[labelled]
    size = np.maximum(np.bincount(instance), 1)
    coord = inspected.coord[labelled]
    centroid = np.stack([np.bincount(instance, axis) / size for axis in coord.T], 1)
    truth, vote = centroid[instance] - inspected.cell_coord[cell], offset[cell].astype(np.float64)
    length = np.linalg.norm(truth, axis=1) * np.linalg.norm(vote, axis=1)
    known = length > 1e-6
    return float(((truth * vote).sum(1)[known] / length[known]).mean())


Section = Callable[[torch.device, Sizes, Figures], None]
SECTIONS: dict[str, Section] = {
    "check_convolution": check_convolution,
    "check_attention": check_attention,
    "check_encoder": check_encoder,
    "check_objectives": check_objectives,
    "check_step": check_step,
    "time_convolution": time_convolution,
    "time_attention": time_attention,
    "time_encoder": time_encoder,
    "time_objectives": time_objectives,
    "time_steps": time_steps,
    "time_growth": time_growth,
    "count_waits": count_waits,
    "short_pretraining": short_pretraining,
}


if __name__ == "__main__":
    sys.exit(main())
