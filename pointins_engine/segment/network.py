"""Frozen networks that predict offsets: from a run, from a packed file, or built in."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32, Int64
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from pointins_engine.backbone.encoder import Encoder
from pointins_engine.builtin import builtin_checkpoint
from pointins_engine.config import RunConfig
from pointins_engine.errors import ConfigError, RunError, WeightsError
from pointins_engine.heads.offset import OffsetHead
from pointins_engine.packed import ADVICE, read_packed
from pointins_engine.run_log.paths import RunPaths
from pointins_engine.run_log.store import Run
from pointins_engine.segment.settings import AUTO, BUILTIN
from pointins_engine.training.distributed import own_device
from pointins_engine.views import View, collate

_PICKLES = (".pth", ".pt", ".ckpt", ".pkl")


@dataclass(frozen=True, kw_only=True, slots=True)
class SegmentNetwork:
    """Encoder and offset head of a teacher, in eval mode and without gradients."""

    name: str  # as a person named it
    encoder: Encoder
    offset_head: OffsetHead
    config: RunConfig  # of the run that trained it
    provenance: Mapping[str, Any]  # what is known of that run, ready for JSON

    @property
    def device(self) -> torch.device:
        return next(self.encoder.parameters()).device

    @torch.no_grad()
    def offsets(
        self, view: View
    ) -> tuple[Float32[np.ndarray, "c 3"], Float32[np.ndarray, "c 3"], Int64[np.ndarray, " v"]]:
        """Show one view of V voxels.

        Returns:
            Positions and offsets of the C cells of the loss stage in metres of the view's scene,
            and the cell of each voxel.
        """
        views = collate([view]).to(self.device)
        cells = self.encoder(views.points)
        offset = views.to_scene_frame(self.offset_head(cells.feat), cells.batch_index)
        return (
            cells.origin_coord.float().cpu().numpy(),
            offset.float().cpu().numpy(),
            cells.cell_index.cpu().numpy(),
        )


def open_network(checkpoint: str, device: str = "auto") -> SegmentNetwork:
    """A network that can segment.

    Args:
        checkpoint: Folder of a run (`RUN`, its newest checkpoint, or `RUN@STEP`), a file that
            `pointins pack` wrote, `builtin:indoor` or `builtin:outdoor`.
        device: auto, cpu, cuda or cuda:1.

    Raises:
        WeightsError, RunError: If there is no such network, or it has no offset head or is damaged.
        ConfigError: If there is no such device.
    """
    if checkpoint == AUTO:
        raise ConfigError(
            "checkpoint 'auto' depends on the scan; name the network: builtin:indoor or "
            "builtin:outdoor."
        )
    chosen = own_device(device)
    if checkpoint.startswith(BUILTIN):
        return _packed(builtin_checkpoint(checkpoint.removeprefix(BUILTIN)), checkpoint, chosen)
    path = Path(checkpoint)
    if path.suffix.lower() in _PICKLES:
        raise WeightsError(
            f"{checkpoint}: a pickle runs code when it is opened, so it never is. {ADVICE}"
        )
    if path.is_file():
        return _packed(path, checkpoint, chosen)
    return _of_run(checkpoint, chosen)


def _packed(path: Path, name: str, device: torch.device) -> SegmentNetwork:
    packed = read_packed(path)
    state = {key: torch.from_numpy(value).float() for key, value in packed.state.items()}
    return _built(name, path, state, packed.config, packed.provenance, device)


def _of_run(checkpoint: str, device: torch.device) -> SegmentNetwork:
    name, _, step = checkpoint.rpartition("@")
    if not (name and step.isascii() and step.isdecimal()):
        name, step = checkpoint, ""
    root = Path(name)
    if not RunPaths(root).run.exists():
        what = "holds no run" if root.is_dir() else "does not exist"
        raise RunError(f"--checkpoint {checkpoint}: {name} {what}. {ADVICE}")
    run = Run(root.resolve())
    there = [int(found["step"]) for found in run.checkpoints()]
    if not there:
        raise RunError(f"{name} has no checkpoint yet; wait for the first of its training.")
    chosen = int(step) if step else there[-1]
    if chosen not in there:
        raise RunError(
            f"--checkpoint {checkpoint}: there is no checkpoint of step {chosen}; there are those "
            f"of {', '.join(map(str, there))}."
        )
    file = run.paths.checkpoint(chosen) / "teacher.safetensors"
    try:
        state = load_file(file, device="cpu")
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"{file} is damaged or missing ({error}). {ADVICE}") from error
    provenance = {
        "run": run.id,
        "steps": chosen,
        **{name: run.record[name] for name in ("recipe", "command", "seed") if name in run.record},
    }
    return _built(checkpoint, file, state, run.config_at(chosen), provenance, device)


def _built(
    name: str,
    file: Path,
    state: Mapping[str, Tensor],
    config: RunConfig,
    provenance: Mapping[str, Any],
    device: torch.device,
) -> SegmentNetwork:
    if not any(key.startswith("offset_head.") for key in state):
        raise WeightsError(
            f"{file} has no offset head, and instances come from offsets: the run was trained "
            f"with offset.enabled False. {ADVICE}"
        )
    rng = torch.Generator().manual_seed(0)
    encoder = Encoder(config.backbone, config.scene.in_channels, rng=rng)
    offset_head = OffsetHead(config.backbone.out_channels, config.offset.hidden, rng=rng)
    for module, prefix in ((encoder, "encoder."), (offset_head, "offset_head.")):
        own = {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
        try:
            module.load_state_dict(own)
        except RuntimeError as error:
            first = str(error).splitlines()[1:2] or [str(error)]
            raise WeightsError(
                f"{file} does not fit the configuration that comes with it "
                f"({first[0].strip()}). {ADVICE}"
            ) from error
        module.to(device).eval().requires_grad_(False)
    return SegmentNetwork(
        name=name,
        encoder=encoder,
        offset_head=offset_head,
        config=config,
        provenance=dict(provenance),
    )
