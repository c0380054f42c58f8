"""Damage sound scans at random and read them: `make fuzz ARGS="--seconds 30"`.

A reader may answer with a scene or with a `SceneError`, in bounded memory and time; anything else
keeps the file in tests/corpus, which the tests read again. Every case is drawn from (seed, number),
so a run with the same seed meets the same files. Cases run in a process of their own: one that dies
is noticed, and the next begins after the case that killed it.
"""

import argparse
import hashlib
import multiprocessing
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from importlib.util import find_spec
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from tests.scenes.malformed.outcome import CORPUS, examine
from tests.scenes.malformed.sound_files import SOUND

MEMORY = 6 << 30  # bytes of address space of the process that reads
CASE_SECONDS = 10  # a case that takes longer has failed
LARGEST_KEPT = 20_000  # bytes
SLOW = (".e57", ".obj", ".stl", ".off", ".glb")  # read by a process of their own
SLOW_SHARE = 0.01  # of the cases
NUMBERS = (b"0", b"-1", b"1", b"3", b"255", b"65536", b"4294967295", b"99999999999999999999",
           b"1e400", b"nan", b"-inf", b"0.5", b"1e-320", b"x", b"")  # fmt: skip
WORDS = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz_readers")
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--only", default="", help="formats whose name holds this, as .ply")
    args = parser.parse_args()
    missing = () if find_spec("pye57") else (".e57",)
    names = [name for name in SOUND if args.only in name and not name.endswith(missing)]
    print(f"seed {args.seed}, cases from {args.first}, {args.seconds:g} s, {len(names)} formats")
    number, counts, failures = args.first, Counter(), 0
    end = time.monotonic() + args.seconds
    while time.monotonic() < end:
        number, problem = run_until_failure(names, args.seed, number, end, counts)
        if problem:
            failures += 1
            name, data = draw(names, args.seed, number)
            print(f"case {number}, {name}: {problem}\n  kept as {keep(name, data)}", flush=True)
            number += 1
    print(f"{number - args.first:,} cases: {dict(counts)}, {failures} failed; next is {number}")
    sys.exit(1 if failures else 0)


def run_until_failure(
    names: list[str], seed: int, first: int, end: float, counts: Counter
) -> tuple[int, str]:
    """Cases from `first` on in a new process; the number of the case that failed, and how."""
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=read_cases, args=(theirs, names, seed, first, end), daemon=False
    )
    process.start()
    theirs.close()
    number = first
    try:
        while True:
            if not ours.poll(CASE_SECONDS + 20):
                process.kill()
                return number, "no answer: the process hangs"
            number, outcome = ours.recv()
            if outcome == "end":
                return number, ""
            if outcome.startswith("failed"):
                return number, outcome
            counts[outcome] += 1
            number += 1
    except EOFError:
        process.join()
        return number, f"the process died with exit code {process.exitcode}"
    finally:
        if process.is_alive() and number < first:
            process.kill()
        process.join(5)


def read_cases(answers: Connection, names: list[str], seed: int, first: int, end: float) -> None:
    """The process that reads: (number, outcome) of every case until the first that fails."""
    limit_memory()
    signal.signal(signal.SIGALRM, _too_long)
    with tempfile.TemporaryDirectory() as folder:
        number = first
        while time.monotonic() < end:
            name, data = draw(names, seed, number)
            path = Path(folder) / name
            path.write_bytes(data)
            signal.alarm(CASE_SECONDS)
            try:
                outcome = "scene" if examine(path) == "scene" else "refused"
            except BaseException:
                outcome = "failed: " + traceback.format_exc(limit=-4)
            signal.alarm(0)
            answers.send((number, outcome))
            if outcome.startswith("failed"):
                return
            path.unlink()
            number += 1
        answers.send((number, "end"))


def _too_long(number: int, frame: object) -> None:
    raise TimeoutError(f"longer than {CASE_SECONDS} s")


def limit_memory() -> None:
    import resource

    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, hard))


def draw(names: list[str], seed: int, number: int) -> tuple[str, bytes]:
    """Name and bytes of a case."""
    rng = np.random.default_rng([seed, number])
    quick = [name for name in names if not name.endswith(SLOW)]
    slow = [name for name in names if name.endswith(SLOW)]
    pool = slow if slow and (not quick or rng.random() < SLOW_SHARE) else quick
    name = pool[int(rng.integers(len(pool)))]
    data = bytearray(SOUND[name]())
    for _ in range(int(rng.integers(1, 5))):
        data = MUTATIONS[int(rng.integers(len(MUTATIONS)))](data, rng)
    return name, bytes(data)


def _place(data: bytearray, rng: np.random.Generator) -> int:
    """Any byte, half of the time one of the first five hundred: headers are there."""
    end = min(len(data), 500) if rng.random() < 0.5 else len(data)
    return int(rng.integers(0, max(end, 1)))


def flip_bits(data: bytearray, rng: np.random.Generator) -> bytearray:
    for _ in range(int(rng.integers(1, 9)) if data else 0):
        data[_place(data, rng)] ^= 1 << int(rng.integers(8))
    return data


def truncate(data: bytearray, rng: np.random.Generator) -> bytearray:
    return data[: _place(data, rng)]


def delete(data: bytearray, rng: np.random.Generator) -> bytearray:
    at = _place(data, rng)
    del data[at : at + int(rng.integers(1, 64))]
    return data


def repeat(data: bytearray, rng: np.random.Generator) -> bytearray:
    at = _place(data, rng)
    piece = data[at : at + int(rng.integers(1, 200))]
    return data[:at] + piece * int(rng.integers(2, 20)) + data[at:]


def splice(data: bytearray, rng: np.random.Generator) -> bytearray:
    """A piece of another file, of any format."""
    quick = [name for name in SOUND if not name.endswith(SLOW)]
    other = SOUND[quick[int(rng.integers(len(quick)))]]()
    at, start = _place(data, rng), int(rng.integers(0, len(other)))
    piece = other[start : start + int(rng.integers(1, 300))]
    return data[:at] + piece + data[at + len(piece) * int(rng.integers(0, 2)) :]


def write_word(data: bytearray, rng: np.random.Generator) -> bytearray:
    """A binary number that is at the edge of its type."""
    size = int(rng.choice((1, 2, 4, 8)))
    value = WORDS[int(rng.integers(len(WORDS)))] * int(rng.choice((1, 1, -1, 1 << 32)))
    at = _place(data, rng)
    data[at : at + size] = (value % (1 << 8 * size)).to_bytes(size, "little")
    return data


def write_number(data: bytearray, rng: np.random.Generator) -> bytearray:
    """A number in text becomes another one."""
    at = _place(data, rng)
    digits = b"0123456789"
    while at < len(data) and data[at] not in digits:
        at += 1
    end = at
    while end < len(data) and data[end] in digits:
        end += 1
    return data[:at] + NUMBERS[int(rng.integers(len(NUMBERS)))] + data[end:]


def swap_words(data: bytearray, rng: np.random.Generator) -> bytearray:
    """Two words of the first lines change places."""
    head = bytes(data[:400]).split(b" ")
    if len(head) > 2:
        i, j = rng.integers(0, len(head), 2)
        head[i], head[j] = head[j], head[i]
    return bytearray(b" ".join(head)) + data[400:]


MUTATIONS = (
    flip_bits, flip_bits, truncate, delete, repeat, splice, write_word, write_word, write_number,
    write_number, swap_words,
)  # fmt: skip


def keep(name: str, data: bytes) -> str:
    """Save a case for the tests, if it is small."""
    if len(data) > LARGEST_KEPT:
        return f"nothing: {len(data):,} bytes are too many"
    path = CORPUS / f"{hashlib.sha256(data).hexdigest()[:8]}-{name}"
    path.write_bytes(data)
    return path.name


if __name__ == "__main__":
    main()
