"""Numbers, times and states in words: at most three significant digits, always with their unit."""

import datetime

NOTHING = "–"

STATUS_WORDS = {
    "starting": "starting",
    "running": "running",
    "paused": "paused",
    "stalled": "stalled",
    "finished": "finished",
    "stopped": "stopped",
    "failed": "failed",
    "lost": "lost",
    "damaged": "unreadable",
    "recording": "recording",
}


def number(value: float | None, unit: str = "") -> str:
    """Three significant digits, thousands separated, no exponent."""
    if value is None:
        return NOTHING
    if value == 0:
        text = "0"
    elif abs(value) >= 100:
        text = f"{value:,.0f}"
    elif abs(value) >= 1e-3:
        text = f"{float(f'{value:.3g}'):.6f}".rstrip("0").rstrip(".")
    else:
        text = "< 0.001" if value > 0 else "> -0.001"
    return f"{text} {unit}" if unit else text


def count(value: int | None) -> str:
    return NOTHING if value is None else f"{value:,}"


def share(value: float | None) -> str:
    """A share in percent."""
    return NOTHING if value is None else f"{number(100 * value)} %"


def duration(seconds: float | None) -> str:
    """How long, in the two largest units that matter."""
    if seconds is None:
        return NOTHING
    if seconds < 60:
        return number(seconds if seconds < 10 else round(seconds), "s")
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes:02d} min"
    hours = round(seconds / 3600)
    return f"{hours // 24} d {hours % 24} h"


def ago(seconds: float | None) -> str:
    if seconds is None:
        return NOTHING
    return "just now" if seconds < 2.5 else f"{duration(float(round(seconds)))} ago"


def moment(created: str | None) -> str:
    """A stored ISO time as local day and minute."""
    if created is None:
        return NOTHING
    try:
        when = datetime.datetime.fromisoformat(created)
    except ValueError:
        return created
    return when.astimezone().strftime("%-d %b %Y, %H:%M")
