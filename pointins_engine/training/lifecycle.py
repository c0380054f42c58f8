"""How a run ends, whatever ends it: asked to stop, failed, or finished."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from pointins_engine.errors import RunError
from pointins_engine.run_log.writer import RunWriter
from pointins_engine.world import World


@contextmanager
def closing_run(writer: RunWriter, world: World) -> Iterator[None]:
    """Leave a true last state behind, whatever ends the run, here or on another rank."""
    if world.notices is not None:
        world.notices.close_run = lambda reason: _fail(writer, reason)
    try:
        yield
    except KeyboardInterrupt:
        writer.close("stopped", "Interrupted.")
        raise
    except BaseException as error:
        reason = f"{type(error).__name__}: {error}"
        if world.notices is not None:
            reason, _ = world.notices.failure(error)
        _fail(writer, reason)
        raise


def _fail(writer: RunWriter, reason: str) -> None:
    """Write down why, as far as the disk lets: the error that ended the run must not be hidden."""
    with suppress(RunError):
        writer.log(f"failed: {reason}")
    with suppress(RunError):
        writer.close("failed", reason)


@contextmanager
def stop_requests(*, second_interrupts: bool) -> Iterator[threading.Event]:
    """Set an event on SIGINT or SIGTERM, so that the step in hand ends and is saved.

    Outside the main thread nothing is installed.

    Args:
        second_interrupts: A second signal interrupts at once. Not for ranks: Ctrl-C reaches them
            from the terminal and from their launcher, which ends by itself those that do not stop.
    """
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def request(number: int, frame: object) -> None:
        if stop.is_set() and second_interrupts:
            raise KeyboardInterrupt
        stop.set()

    before = {name: signal.signal(name, request) for name in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)
