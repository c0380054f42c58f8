"""What may be said of a run away from the machine it was trained on."""

from pathlib import Path

from pointins_engine.run_log.store import Run


def without_place(text: str, run: Path) -> str:
    """Text of a run folder, with `runs/<id>` for the place where the folder lies."""
    for place in {str(run.resolve()), str(run.absolute())}:
        text = text.replace(place, f"runs/{run.resolve().name}")
    return text


def training_seconds(run: Run, step: int) -> float:
    """Seconds of training up to a step, without the time before each resume."""
    seconds, total, before = 0.0, 0.0, None
    for event in run.events():
        now, done = event.get("t"), event.get("step")
        if not isinstance(now, int | float) or not isinstance(done, int):
            continue
        if before is not None and event.get("kind") != "resume":
            seconds += now - before
        before = now
        if done <= step:
            total = seconds
    return round(total, 1)
