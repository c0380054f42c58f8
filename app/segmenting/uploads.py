"""Taking a scan from a browser: in pieces, to disk, within limits, under a name made here."""

import asyncio
import contextlib
import os
import shutil
import time
import unicodedata
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from app.segmenting.store import Refused
from pointins_engine.scenes.readers import ending, scan_endings

PIECE_BYTES = 1024**2
MIN_FREE_BYTES = 1024**3
SPACE_FACTOR = 3  # of the file's size: the scan, its points, and what is found in it
SUFFIXES = scan_endings()
MAX_NAME = 100  # characters that are shown


@dataclass(frozen=True, kw_only=True, slots=True)
class UploadLimits:
    """What one file, and all that come at once, may take."""

    max_bytes: int = 1024**3
    max_at_once: int = 3
    idle_s: float = 30.0  # without a single byte
    grace_s: float = 60.0  # before the rate counts
    min_rate: float = 16 * 1024  # bytes a second, on average


class Uploads:
    """Writes what browsers send, a few files at a time."""

    def __init__(self, limits: UploadLimits) -> None:
        self.limits = limits
        self._open = 0

    def check(self, name: str, length: int, where: Path) -> None:
        """Refuse what can be refused before a byte is read.

        Args:
            name: Of the file, as it was sent.
            length: Bytes that were announced.
            where: A folder on the disk that the file goes to, or that is yet to be made.

        Raises:
            Refused: With 400, 413, 415 or 507.
        """
        if ending(Path(shown_name(name))) is None:
            raise Refused(
                415,
                f"{shown_name(name)} is no scan that can be read. Send one file that ends in "
                f"{' '.join(SUFFIXES)}.",
            )
        if length == 0:
            raise Refused(400, f"{shown_name(name)} is empty; copy or export it again.")
        if length > self.limits.max_bytes:
            raise Refused(
                413,
                f"{shown_name(name)} is larger than {self.limits.max_bytes / 1024**2:.0f} MiB. "
                "Use `pointins segment` in a terminal, or start the studio with a larger "
                "--max-upload-mb.",
            )
        there = next(path for path in (where, *where.absolute().parents) if path.is_dir())
        free = shutil.disk_usage(there).free
        if free < MIN_FREE_BYTES + SPACE_FACTOR * length:
            raise Refused(
                507,
                f"The disk of the segmentations has {free / 1024**3:.1f} GiB left, too little for "
                f"a scan of {length / 1024**2:.0f} MiB. Delete old segmentations or other files.",
            )

    @contextlib.contextmanager
    def place(self) -> Iterator[None]:
        """One of the places for files that come at once.

        Raises:
            Refused: With 429, if all are taken.
        """
        if self._open >= self.limits.max_at_once:
            raise Refused(
                429, f"{self._open} files are being sent already; wait until one is through."
            )
        self._open += 1
        try:
            yield
        finally:
            self._open -= 1

    async def receive(
        self, pieces: AsyncIterator[bytes], length: int, folder: Path, name: str
    ) -> dict[str, str]:
        """Write what is sent into a fresh folder; returns the source that a request names.

        Args:
            pieces: The body of the request.
            length: Bytes that were announced.
            folder: Of the segmentation.
            name: Of the file, as it was sent.

        Raises:
            Refused: If it breaks off, stalls, is slower than the least rate, or has another
                length than announced; what was written stays for the caller to delete.
        """
        path = folder / "upload" / safe_name(name)
        total = 0
        try:
            path.parent.mkdir(mode=0o700)
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                began = time.monotonic()
                async for piece in self._timely(pieces):
                    total += len(piece)
                    if total > length:
                        raise Refused(413, f"More than the {length} announced bytes were sent.")
                    passed = time.monotonic() - began
                    if passed > self.limits.grace_s and total < passed * self.limits.min_rate:
                        raise Refused(408, "The file comes too slowly; copy it another way.")
                    await run_in_threadpool(_write, handle, piece)
            finally:
                os.close(handle)
        except ClientDisconnect:
            raise Refused(400, "The upload broke off.") from None
        except OSError as error:
            raise Refused(
                507, f"The scan cannot be written ({error.strerror}). Free some space first."
            ) from error
        if total != length:
            raise Refused(400, f"The upload broke off after {total} of {length} bytes.")
        return {"kind": "upload", "file": f"{path.parent.name}/{path.name}"}

    async def _timely(self, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Pieces of about a MiB; each part of one is waited for so long and no longer."""
        held = bytearray()
        source = aiter(pieces)
        while True:
            try:
                piece = await asyncio.wait_for(anext(source), self.limits.idle_s)
            except StopAsyncIteration:
                break
            except TimeoutError:
                raise Refused(408, "The upload stalled; send the file again.") from None
            held += piece
            if len(held) >= PIECE_BYTES:
                yield bytes(held)
                held.clear()
        if held:
            yield bytes(held)


def shown_name(name: str) -> str:
    """A file's name as it is shown: its last part, one line, of the end of a long one."""
    last = unicodedata.normalize("NFC", name).replace("\\", "/").rpartition("/")[2]
    kept = "".join(c for c in last if unicodedata.category(c)[0] != "C").strip()
    return kept[-MAX_NAME:] or "scan"


def safe_name(name: str) -> str:
    """The name that a file has on disk: none of its own but the ending that readers go by."""
    return f"scan{ending(Path(shown_name(name))) or ''}"


def _write(handle: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(handle, rest) :]
