"""Our plain-torch encoder beside the public Sonata encoder on a CPU, in one process, in pairs.

`python -m benchmarks.peers PATH_TO_SONATA [--pairs N]` with a checkout of the public repository;
nothing of it is part of this project. Both sides get the same weights and the same simulated rooms,
their outputs must agree, and one thread runs both (spconv's CPU scatter is wrong with more). Times
are CPU times, and each figure is the median over pairs that alternate, so that a busy machine slows
both sides alike.

The public code needs `pip install spconv addict`; what else it imports is stood in for here, and
two faults of spconv on CPUs are worked around: it takes no bias, and its backward pass asks CUDA
for a stream.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

from pointins_engine.backbone.attention import (
    PatchAttention,
    lay_patches,
    partition_patches,
)
from pointins_engine.backbone.encoder import Encoder
from pointins_engine.backbone.public_names import (
    EncoderSizes,
    export_public,
    public_config,
)
from pointins_engine.backbone.serialization import serialize
from pointins_engine.backbone.sparse_conv import SubmanifoldConv3d, find_neighbours
from pointins_engine.batch import PointBatch
from pointins_engine.config import BackboneConfig, SceneConfig
from pointins_engine.recipes import get_recipe
from pointins_engine.scenes import open_scenes
from pointins_engine.views import collate, whole_view

AGREEMENT = 1e-4  # largest difference over largest value
VOXELS = 8_000  # of a room at most
GRID_SIZE = 0.02  # metres


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """One piece of work on both sides, on one cloud."""

    name: str
    ours: Callable[[], Tensor]
    theirs: Callable[[], Tensor]
    parameters: tuple[nn.Module, nn.Module]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers")
    parser.add_argument("sonata", type=Path, help="checkout of facebookresearch/sonata")
    parser.add_argument("--pairs", type=int, default=7, help="alternating pairs a figure")
    parser.add_argument("--clouds", type=int, default=2, help="simulated rooms")
    parser.add_argument("--sizes", nargs="*", choices=SIZES, default=list(SIZES))
    args = parser.parse_args()
    torch.set_num_threads(1)
    public = open_public(args.sonata)
    clouds = rooms(args.clouds)
    print(f"{args.clouds} rooms of {[len(c.feat) for c in clouds]} voxels, one thread\n")
    print(
        "| work | ours, forward | theirs | ratio | ours, forward and backward | theirs | ratio "
        "| largest difference |\n|---|---|---|---|---|---|---|---|"
    )
    for size in args.sizes:
        for patch_size in (128, 1024):
            pairs = [encoder_pair(public, c, size, patch_size) for c in clouds]
            print(row(pairs, args.pairs), flush=True)
    for channels in (32, 128):
        for convolutions in (1, 2):
            pairs = [convolution_pair(c, channels, convolutions) for c in clouds]
            print(row(pairs, args.pairs), flush=True)
    for patch_size in (128, 1024):
        pairs = [attention_pair(public, c, 64, patch_size) for c in clouds]
        print(row(pairs, args.pairs), flush=True)


SIZES: dict[str, BackboneConfig] = {
    "4 M": replace(get_recipe("indoor_demo").backbone, loss_stage=2),
    "38 M": BackboneConfig(),
}


def rooms(count: int) -> list[PointBatch]:
    """Simulated rooms as batches of one."""
    config = SceneConfig(source="sim:rooms", num_simulated=count, grid_size=GRID_SIZE)
    scenes = open_scenes(config, seed=0)
    return [collate([whole_view(scenes[index], config, VOXELS)]).points for index in range(count)]


def open_public(checkout: Path) -> ModuleType:
    """The public model's module, with stand-ins for what it imports and does not need here."""
    if not (checkout / "sonata" / "model.py").is_file():
        sys.exit(f"{checkout} holds no sonata/model.py: name a checkout of facebookresearch/sonata")
    if missing := [name for name in ("spconv", "addict") if find_spec(name) is None]:
        sys.exit(f"the public code needs {' and '.join(missing)}: pip install spconv addict")
    _stand_in("torch_scatter", segment_csr=_segment_csr)
    _stand_in("timm.layers", DropPath=nn.Identity)
    _stand_in("huggingface_hub", hf_hub_download=None, PyTorchModelHubMixin=type("Mixin", (), {}))
    package = ModuleType("sonata")  # without running its __init__, which imports the demos' needs
    package.__path__ = [str(checkout / "sonata")]
    sys.modules["sonata"] = package
    import_module("spconv.pytorch.ops").get_current_stream = lambda: 0  # type: ignore[attr-defined]
    return import_module("sonata.model")


def _stand_in(name: str, **members: Any) -> None:
    parts = name.split(".")
    if find_spec(parts[0]) is not None:
        return
    for end in range(1, len(parts) + 1):
        sys.modules[".".join(parts[:end])] = ModuleType(".".join(parts[:end]))
    sys.modules[name].__dict__.update(members)


def _segment_csr(value: Tensor, boundaries: Tensor, reduce: str) -> Tensor:
    """Maximum or mean of consecutive rows."""
    return torch.segment_reduce(value, reduce, offsets=boundaries)


def add_biases_outside(module: nn.Module) -> None:
    """Give spconv's layers their bias after the fact, as its CPU code refuses one."""
    for layer in module.modules():
        if type(layer).__name__ == "SubMConv3d":
            bias, layer.bias = layer.bias, None  # type: ignore[assignment]
            layer.register_parameter("late_bias", bias)  # type: ignore[arg-type]
            layer.register_forward_hook(
                lambda layer, _, out: out.replace_feature(out.features + layer.late_bias)
            )


def encoder_pair(public: ModuleType, cloud: PointBatch, size: str, patch_size: int) -> Pair:
    """The whole encoder up to the concatenated features of stage 2."""
    config = replace(SIZES[size], patch_size=patch_size, drop_path=0.0, shuffle_orders=False)
    ours = Encoder(config, cloud.feat.shape[1])
    _spread_weights(ours)
    arguments = public_config(EncoderSizes(backbone=config, in_channels=cloud.feat.shape[1]))
    theirs = public.PointTransformerV3(**arguments, enable_flash=False)
    theirs.load_state_dict(export_public(ours.state_dict()))
    add_biases_outside(theirs)
    for layer in theirs.modules():
        if hasattr(layer, "shuffle_orders"):
            layer.shuffle_orders = False  # pooling layers shuffle whatever the model was told

    def run_theirs() -> Tensor:
        point = theirs(
            {
                "coord": cloud.coord,
                "grid_coord": cloud.grid_coord.int(),
                "feat": cloud.feat,
                "batch": cloud.batch_index,
                "offset": torch.tensor([len(cloud.feat)]),
            }
        )
        for _ in range(len(config.depths) - 1 - config.loss_stage):
            parent = point.pooling_parent
            parent.feat = torch.cat([parent.feat, point.feat[point.pooling_inverse]], dim=1)
            point = parent
        return point.feat

    return Pair(
        name=f"encoder {size}, patch {patch_size}",
        ours=lambda: ours(cloud).feat,
        theirs=run_theirs,
        parameters=(ours, theirs),
    )


def convolution_pair(cloud: PointBatch, channels: int, convolutions: int) -> Pair:
    """Neighbours, then convolutions that share them."""
    from spconv.pytorch import SparseConvTensor, SubMConv3d  # type: ignore[import-not-found]

    ours = nn.ModuleList(SubmanifoldConv3d(channels, channels) for _ in range(convolutions))
    _spread_weights(ours)
    theirs = nn.ModuleList(
        SubMConv3d(channels, channels, 3, bias=True, indice_key="pair") for _ in range(convolutions)
    )
    theirs.load_state_dict(ours.state_dict())
    add_biases_outside(theirs)
    feat = _waves(cloud, channels)
    indices = torch.cat([cloud.batch_index[:, None], cloud.grid_coord], dim=1).int()
    shape = (cloud.grid_coord.amax(dim=0) + 1).tolist()

    def run_ours() -> Tensor:
        neighbours = find_neighbours(cloud.grid_coord, cloud.batch_index)
        out = feat
        for layer in ours:
            out = layer(out, neighbours)
        return out

    def run_theirs() -> Tensor:
        out = SparseConvTensor(feat, indices, shape, 1)
        for layer in theirs:
            out = layer(out)
        return out.features

    return Pair(
        name=f"neighbours and {convolutions} x convolution {channels} to {channels}",
        ours=run_ours,
        theirs=run_theirs,
        parameters=(ours, theirs),
    )


def attention_pair(public: ModuleType, cloud: PointBatch, channels: int, patch_size: int) -> Pair:
    """Attention of one block, curves and patches given."""
    heads = channels // 16
    ours = PatchAttention(channels, heads)
    _spread_weights(ours)
    theirs = public.SerializedAttention(
        channels,
        heads,
        patch_size,
        enable_flash=False,
        upcast_attention=False,
        upcast_softmax=False,
    )
    theirs.load_state_dict(ours.state_dict())
    feat = _waves(cloud, channels)
    orders, inverses = serialize(cloud.grid_coord, cloud.batch_index, 1, ("z",))
    partition = partition_patches([len(feat)], patch_size, feat.device)
    patches = lay_patches(partition, orders[0], inverses[0])
    point = _Point(
        offset=torch.tensor([len(feat)]), serialized_order=orders, serialized_inverse=inverses
    )

    def run_theirs() -> Tensor:
        point.feat = feat
        return theirs(point).feat

    return Pair(
        name=f"attention {channels}, patch {patch_size}",
        ours=lambda: ours(feat, patches),
        theirs=run_theirs,
        parameters=(ours, theirs),
    )


class _Point(SimpleNamespace):
    """As much of the public code's point record as its attention looks at."""

    def keys(self):
        return vars(self).keys()

    def __getitem__(self, name: str) -> Any:
        return getattr(self, name)

    def __setitem__(self, name: str, value: Any) -> None:
        setattr(self, name, value)


def row(pairs: list[Pair], repeats: int) -> str:
    """A table row: medians over clouds and pairs; refuses outputs that differ."""
    with torch.no_grad():
        difference = max(_difference(pair.ours(), pair.theirs()) for pair in pairs)
    if difference > AGREEMENT:
        sys.exit(f"{pairs[0].name}: outputs differ by {difference:.1e} of the largest value")
    forward = _timed(pairs, repeats, backward=False)
    both = _timed(pairs, repeats, backward=True)
    return f"| {pairs[0].name} | {forward} | {both} | {difference:.0e} |"


def _difference(ours: Tensor, theirs: Tensor) -> float:
    return float((ours - theirs).abs().max() / theirs.abs().max())


def _timed(pairs: list[Pair], repeats: int, *, backward: bool) -> str:
    ours, theirs = [], []
    for number in range(repeats + 1):
        for pair in pairs:
            sides = [
                (pair.ours, pair.parameters[0], ours),
                (pair.theirs, pair.parameters[1], theirs),
            ]
            for work, module, times in sides if number % 2 else reversed(sides):
                module.zero_grad()
                start = time.process_time()
                with torch.set_grad_enabled(backward):
                    out = work()
                    if backward:
                        out.square().mean().backward()
                if number > 0:  # the first round warms up
                    times.append(time.process_time() - start)
    ratio = statistics.median(b / a for a, b in zip(ours, theirs, strict=True))
    mine, other = (1e3 * statistics.median(times) for times in (ours, theirs))
    return f"{mine:.1f} ms | {other:.1f} ms | {ratio:.2f}"


@torch.no_grad()
def _spread_weights(module: nn.Module) -> None:
    """Weights far enough from their small first values for differences to show."""
    rng = torch.Generator().manual_seed(0)
    for parameter in module.parameters():
        spread = 1 / parameter[0].numel() ** 0.5 if parameter.ndim > 1 else 0.1
        noise = torch.randn(parameter.shape, generator=rng) * spread
        is_scale = parameter.ndim == 1 and bool((parameter == 1).all())
        parameter.copy_(1 + noise if is_scale else noise)


def _waves(cloud: PointBatch, channels: int) -> Tensor:
    """Features that follow from the position."""
    waves = torch.linspace(0.1, 2.0, 3 * channels).view(3, channels)
    return torch.sin(cloud.grid_coord.float() @ waves).requires_grad_()


if __name__ == "__main__":
    main()
