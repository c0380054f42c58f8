"""What the events of a run add up to, kept up to date line by line."""

from typing import Any

Series = tuple[list[int], list[float | None]]  # steps and values

MARKS = ("checkpoint", "resume", "warning", "mark", "alarm", "edit")


class History:
    """Scalars, marks, edits and resumes of `events.jsonl`; taking a line costs the line."""

    def __init__(self) -> None:
        self._num_events = 0
        self.num_resumes = 0
        self.scalar_step = -1  # of the newest scalars
        self.scalars: dict[str, Series] = {}  # what a resume superseded is left out
        self.marks: list[dict[str, Any]] = []  # events of the kinds in MARKS
        self.edits: list[dict[str, Any]] = []  # still in force: no resume went back behind them
        self.alarms: dict[str, dict[str, Any]] = {}  # raised and not cleared, by name

    def catch_up(self, events: list[dict[str, Any]]) -> None:
        """Take the events that are new; a shorter list than before means a new file."""
        if len(events) < self._num_events:
            self.__init__()
        for event in events[self._num_events :]:
            self._take(event)
        self._num_events = len(events)

    def _take(self, event: dict[str, Any]) -> None:
        """One event; a line without the fields of its kind was not written by us: passed over."""
        try:
            kind, step = event["kind"], int(event["step"])
            if kind == "scalars":
                for key, value in event["values"].items():
                    steps, values = self.scalars.setdefault(key, ([], []))
                    steps.append(step)
                    values.append(value)
                self.scalar_step = step
            elif kind == "resume":
                self.num_resumes += 1
                self.alarms.clear()  # the trainer watches anew
                for steps, values in self.scalars.values():
                    keep = sum(step <= event["from_step"] for step in steps)
                    del steps[keep:], values[keep:]
                self.edits = [edit for edit in self.edits if edit["step"] <= event["from_step"]]
            elif kind == "edit":
                self.edits.append(event)
            elif kind == "alarm" and event["state"] == "raised":
                self.alarms[event["name"]] = event
            elif kind == "alarm":
                self.alarms.pop(event["name"], None)
            if kind in MARKS:
                self.marks.append(event)
        except (KeyError, TypeError, ValueError, AttributeError):
            return
