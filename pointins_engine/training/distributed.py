"""Training on the ranks that `torchrun` starts; without it, on this process alone."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import torch
import torch.distributed as dist
from torch.distributed.distributed_c10d import PrefixStore
from torch.distributed.rendezvous import rendezvous

from pointins_engine.errors import ConfigError
from pointins_engine.notices import EXIT_FAILED, Notices
from pointins_engine.world import ALONE, World

PATIENCE = timedelta(minutes=30)  # a rank may wait that long for the one that fits the prior


def is_launched() -> bool:
    """Whether a launcher has given this process a rank."""
    return "RANK" in os.environ and "WORLD_SIZE" in os.environ


def own_device(name: str) -> torch.device:
    """The device of this process: `auto`, `cpu`, `cuda` or `cuda:1`.

    Under a launcher `auto` and `cuda` are the GPU of the local rank.

    Raises:
        ConfigError: If there is no such device, or fewer GPUs than ranks.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if is_launched() and name.startswith("cuda"):
        name = _gpu_of_the_rank(name)
    try:
        torch.zeros(1, device=name)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(
            f"device {name!r} cannot be used here ({reason}). Use --device cpu, or run "
            "`pointins doctor` to see what torch finds."
        ) from error
    return torch.device(name)


def _gpu_of_the_rank(name: str) -> str:
    if name != "cuda":
        raise ConfigError(
            f"device {name!r} is one GPU, and every rank needs its own. Use --device auto, and "
            "choose GPUs with CUDA_VISIBLE_DEVICES."
        )
    number, there = int(os.environ.get("LOCAL_RANK", "0")), torch.cuda.device_count()
    if number >= there:
        raise ConfigError(
            f"local rank {number} has no GPU: this machine shows {there}. Start with "
            f"--nproc-per-node {there}, or use --device cpu."
        )
    return f"cuda:{number}"


def end_rank() -> None:
    """End a launched process whose work is done; without a launcher, do nothing.

    What the group leaves behind in native threads can abort an interpreter that is being taken
    down, and the launcher would report a finished run as failed.
    """
    if is_launched():
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)


@contextmanager
def joined(device: torch.device) -> Iterator[World]:
    """The world of this process; the group is left whatever ends the training.

    Reductions of CUDA tensors go over NCCL, those of host tensors over Gloo. When a rank fails, all
    end within seconds: the first says why, the others end without a word of their own.

    Raises:
        SystemExit: If another rank failed first.
    """
    if not is_launched() or int(os.environ["WORLD_SIZE"]) == 1:
        yield ALONE
        return
    on_gpu = device.type == "cuda"
    if on_gpu:
        torch.cuda.set_device(device)
    store, rank, size = next(rendezvous("env://", timeout=PATIENCE))
    dist.init_process_group(
        "cpu:gloo,cuda:nccl" if on_gpu else "gloo",
        store=PrefixStore("group", store),
        rank=rank,
        world_size=size,
        timeout=PATIENCE,
    )
    # A client waits for its answers one by one, so the watching thread has its own.
    second = store.clone()  # pyright: ignore[reportAttributeAccessIssue]  # no stub knows it
    notices = Notices(PrefixStore("notices", store), PrefixStore("notices", second), rank)
    world = World(rank, size, notices)
    has_failed = False
    try:
        yield world
        notices.leave()
        world.any(False)  # nobody takes the group away while another rank still needs it
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        has_failed = True
        if notices.failure(error)[1]:
            raise
        raise SystemExit(EXIT_FAILED) from error
    finally:
        notices.leave()
        if not (has_failed and on_gpu):  # NCCL would wait for what the failed rank never joins
            dist.destroy_process_group()
