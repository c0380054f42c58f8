"""How a run ends, whatever ends it: asked to stop, failed, or finished."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from pointins_engine.run_log.writer import RunWriter


@contextmanager
def closing_run(writer: RunWriter) -> Iterator[None]:
    """Leave a true last state behind, whatever ends the run."""
    try:
        yield
    except KeyboardInterrupt:
        writer.close("stopped", "Interrupted.")
        raise
    except BaseException as error:
        writer.log(f"failed: {error}")
        writer.close("failed", f"{type(error).__name__}: {error}")
        raise


@contextmanager
def stop_requests() -> Iterator[threading.Event]:
    """Set an event on SIGINT or SIGTERM, so that the step in hand ends and is saved.

    A second signal interrupts at once. Outside the main thread nothing is installed.
    """
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def request(number: int, frame: object) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    before = {name: signal.signal(name, request) for name in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)
