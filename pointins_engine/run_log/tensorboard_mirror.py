"""The scalars of a run once more, as event files that TensorBoard reads. No torch.

The run folder stays the record; this copy is for people whose other runs are in TensorBoard.
"""

from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pointins_engine.errors import ConfigError

PROTO = "tensorboard.compat.proto"
TEXTS = ("edit", "alarm")  # kinds of events that are mirrored as text


def require_tensorboard() -> None:
    """Raise if the package is not there.

    Raises:
        ConfigError: With the command that installs it.
    """
    if find_spec("tensorboard") is None:
        raise ConfigError(
            "log.tensorboard is True and the package tensorboard is not installed. Install it "
            "with `pip install tensorboard`, or leave log.tensorboard out."
        )


class TensorboardMirror:
    """Writes what it is told into event files; a thread of the package's own does the writing.

    Args:
        folder: Where the event files go.
    """

    def __init__(self, folder: Path) -> None:
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        self._writer = EventFileWriter(str(folder), flush_secs=10)
        self._event = import_module(f"{PROTO}.event_pb2")
        self._summary = import_module(f"{PROTO}.summary_pb2").Summary

    def take(self, event: Mapping[str, Any]) -> None:
        """One event of `events.jsonl`; kinds that TensorBoard has no place for are left out."""
        step = event["step"]
        match event["kind"]:
            case "scalars":
                value = [
                    self._summary.Value(tag=key, simple_value=float("nan") if v is None else v)
                    for key, v in event["values"].items()
                ]
                self._add(event, step, summary=self._summary(value=value))
            case kind if kind in TEXTS:
                self._add(event, step, summary=self._summary(value=[self._text(event)]))
            case "resume":
                # Readers drop what it supersedes: everything from that step on.
                start = self._event.SessionLog(status=self._event.SessionLog.START)
                self._add(event, event["from_step"] + 1, session_log=start)

    def close(self) -> None:
        """Write what is left."""
        self._writer.close()

    def _text(self, event: Mapping[str, Any]) -> Any:
        from tensorboard.plugins.text.metadata import create_summary_metadata

        tensor = import_module(f"{PROTO}.tensor_pb2").TensorProto(
            dtype="DT_STRING",
            tensor_shape=import_module(f"{PROTO}.tensor_shape_pb2").TensorShapeProto(),
            string_val=[str(event["text"]).encode()],
        )
        metadata = create_summary_metadata(display_name=event["kind"], description="")
        return self._summary.Value(tag=event["kind"], metadata=metadata, tensor=tensor)

    def _add(self, event: Mapping[str, Any], step: int, **what: Any) -> None:
        self._writer.add_event(self._event.Event(wall_time=event["t"], step=step, **what))
