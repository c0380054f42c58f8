"""Numbers written as text, read in bulk: PLY and PCD in ascii, and plain text tables.

Plain decimals (`-12.345678`, up to 8 digits before and 16 after the point) are read without a loop:
eight digits at a time lie in one 64-bit word, and three multiplications add them up. The result is
a whole number below 2^53 over a power of ten, both exact in float64, so their quotient is the
correctly rounded value, bit for bit what `float` gives. Everything else (exponents, more digits,
nan, inf) goes through `float` or `np.fromstring`.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float64, Int64, UInt8, UInt64

from pointins_engine.errors import SceneError

Array = np.ndarray

_CHUNK = 1 << 18  # bytes of text read at once: its words stay in the processor's cache
_NEWLINE = 10
_PAD = 16  # bytes of white space on both sides, so that a word of 8 may reach over the ends
_EIGHT = 8  # digits in a 64-bit word
_KEEP = np.array([0] + [(1 << 64) - (1 << (64 - 8 * k)) for k in range(1, 9)], np.uint64)
_TWENTY = 20  # digits that may overflow 64 bits
_POWER = 10 ** np.arange(2 * _EIGHT + 1, dtype=np.uint64)
_FEW = 0.02  # share of unusual numbers that are read one by one


def count_words(data: bytes, start: int = 0) -> int:
    """Number of words (runs without white space) from `start` on; memory does not depend on it."""
    return sum(len(_edges(chunk)) // 2 for _, chunk in _chunks(data, start))


def read_numbers(data: bytes, start: int, limit: int, path: Path) -> Float64[Array, " k"]:
    """The first numbers of a text, whatever its lines.

    Args:
        data: The text; white space separates.
        start: Byte at which the numbers begin.
        limit: How many are wanted; fewer come back if the text ends.
        path: Named by the error.

    Raises:
        SceneError: If a word is no number; names the line and the word.
    """
    parts: list[np.ndarray] = []
    missing = limit
    for at, chunk in _chunks(data, start):
        edges = _edges(chunk)[: 2 * missing]
        parts.append(_values(chunk, edges, data, at, path))
        missing -= len(parts[-1])
        if missing <= 0:
            break
    return np.concatenate(parts) if parts else np.zeros(0)


def read_table(data: bytes, start: int, width: int, path: Path) -> Float64[Array, "n width"]:
    """All numbers of a text that holds `width` of them a line; blank lines are skipped.

    Raises:
        SceneError: If a word is no number, or a line holds another number of words; names the line.
    """
    parts: list[np.ndarray] = [np.zeros((0, width))]
    for at, chunk in _chunks(data, start, at_line=True):
        if len(chunk) > _CHUNK + 2 * _PAD:
            line = data.count(b"\n", 0, at) + 1
            raise SceneError(
                f"{path}: line {line:,} is longer than {_CHUNK:,} bytes; a line holds one point."
            )
        edges = _edges(chunk)
        values = _values(chunk, edges, data, at, path)
        begin, breaks = edges[0::2], np.flatnonzero(chunk == _NEWLINE)
        if not _is_table(begin, breaks, width):
            held = np.diff(np.searchsorted(begin, np.r_[0, breaks, len(chunk)]))
            odd = np.flatnonzero((held != width) & (held > 0))
            if len(odd):
                line = data.count(b"\n", 0, at) + int(odd[0]) + 1
                raise SceneError(
                    f"{path}: line {line:,} holds {held[odd[0]]:,} values, the lines before it "
                    f"{width}; correct or delete that line."
                )
        parts.append(values.reshape(-1, width))
    return np.concatenate(parts)


def _is_table(begin: Int64[Array, " w"], breaks: Int64[Array, " b"], width: int) -> bool:
    """Whether every line holds `width` words, as far as one look tells."""
    num = len(begin) // width
    if len(begin) != num * width or num == 0 or len(breaks) not in (num, num - 1):
        return False
    ends_after = bool((begin[width - 1 :: width][: len(breaks)] < breaks).all())
    return ends_after and bool((breaks[: num - 1] < begin[width::width]).all())


def _values(
    chunk: UInt8[Array, " c"], edges: Int64[Array, " two_w"], data: bytes, at: int, path: Path
) -> Float64[Array, " w"]:
    values, bad = _parse(chunk, edges[0::2], edges[1::2])
    if bad < 0:
        return values
    first, end = int(edges[2 * bad]), int(edges[2 * bad + 1])
    line = data.count(b"\n", 0, at + first - _PAD) + 1
    word = chunk[first : min(end, first + 40)].tobytes().decode("ascii", "replace")
    raise SceneError(
        f"{path}: line {line:,} holds {word!r} where a number is needed; "
        "correct or delete that line."
    )


def _chunks(
    data: bytes, start: int, *, at_line: bool = False
) -> Iterator[tuple[int, UInt8[Array, " c"]]]:
    """Pieces that end between words (or lines), with white space on both sides, and their place."""
    text = np.frombuffer(data, np.uint8)
    while start < len(data):
        stop = min(start + _CHUNK, len(data))
        while stop < len(data):
            piece = text[start:stop][::-1]
            gaps = piece == _NEWLINE if at_line else piece <= 32
            if gaps.any():
                stop -= int(gaps.argmax())
                break
            stop = min(2 * stop - start, len(data))  # one word or line longer than a chunk
        chunk = np.full(stop - start + 2 * _PAD, 32, np.uint8)
        chunk[_PAD:-_PAD] = text[start:stop]
        yield start, chunk
        start = stop


def _edges(chunk: UInt8[Array, " c"]) -> Int64[Array, " two_w"]:
    """Start and end of each word, one after the other."""
    is_gap = chunk <= 32
    return np.flatnonzero(is_gap[1:] != is_gap[:-1]) + 1


def _parse(
    chunk: UInt8[Array, " c"], start: Int64[Array, " w"], end: Int64[Array, " w"]
) -> tuple[Float64[Array, " w"], int]:
    """Values of the words, and the first word that is no number (-1: none)."""
    first = chunk[start]
    is_negative = first == ord("-")
    begin = start + (is_negative | (first == ord("+")))
    dot, is_plain = _dots(chunk, start, end)
    whole_digits, tail = dot - begin, np.maximum(end - dot - 1, 0)
    digits = whole_digits + tail
    is_plain &= (whole_digits <= _EIGHT) & (tail <= 2 * _EIGHT) & (digits > 0) & (digits < _TWENTY)
    whole, is_whole = _digits(chunk, dot, np.minimum(whole_digits, _EIGHT))
    part, is_part = _digits(chunk, end, np.minimum(tail, _EIGHT))
    tail = np.clip(tail, 0, 2 * _EIGHT)
    if tail.max(initial=0) > _EIGHT:
        upper, is_upper = _digits(chunk, end - _EIGHT, np.maximum(tail - _EIGHT, 0))
        part, is_part = upper * _POWER[_EIGHT] + part, is_part & is_upper
    mantissa = whole * _POWER[tail] + part
    is_plain &= is_whole & is_part & (mantissa < (1 << 53))
    values = mantissa.astype(np.float64) / _POWER[tail].astype(np.float64)
    np.negative(values, out=values, where=is_negative)
    unusual = np.flatnonzero(~is_plain)
    if len(unusual) > max(8, _FEW * len(start)):
        try:
            slow = np.fromstring(chunk[start[0] : end[-1]].tobytes(), sep=" ")
        except (ValueError, DeprecationWarning):  # older NumPy warns and returns what it could read
            slow = np.zeros(0)
        if len(slow) == len(start):
            return slow, -1
    text = chunk.tobytes()
    for row in unusual:
        try:
            word = text[start[row] : end[row]]
            if b"_" in word:
                raise ValueError(word)
            values[row] = float(word)
        except ValueError:
            return values, int(row)
    return values, -1


def _dots(
    chunk: UInt8[Array, " c"], start: Int64[Array, " w"], end: Int64[Array, " w"]
) -> tuple[Int64[Array, " w"], Bool[Array, " w"]]:
    """Place of the decimal point of each word (its end if it has none), and whether it has one."""
    dots = np.flatnonzero(chunk[: end[-1] if len(end) else 0] == ord("."))
    if len(dots) == len(start) and ((dots >= start) & (dots < end)).all():
        return dots, np.ones(len(start), bool)
    before = np.cumsum(chunk == ord("."), dtype=np.int32)  # dots up to each byte
    first = before[start - 1]
    held = before[end - 1] - first
    place = np.where(held > 0, np.append(dots, 0)[np.minimum(first, len(dots))], end)
    return place, held <= 1


def _digits(
    chunk: UInt8[Array, " c"], end: Int64[Array, " w"], length: Int64[Array, " w"]
) -> tuple[UInt64[Array, " w"], Bool[Array, " w"]]:
    """Whole numbers of at most eight digits that end before `end`, and whether all are digits."""
    words = np.ndarray(len(chunk) - 7, "<u8", chunk, strides=(1,))
    value = (words[end - _EIGHT] ^ np.uint64(0x3030303030303030)) & _KEEP[length]
    too_large = (value + np.uint64(0x7676767676767676)) | value
    is_digits = (too_large & np.uint64(0x8080808080808080)) == 0
    value = (value * np.uint64(10) + (value >> np.uint64(8))) & np.uint64(0x00FF00FF00FF00FF)
    value = (value * np.uint64(100) + (value >> np.uint64(16))) & np.uint64(0x0000FFFF0000FFFF)
    value = (value * np.uint64(10000) + (value >> np.uint64(32))) & np.uint64(0xFFFFFFFF)
    return value, is_digits
