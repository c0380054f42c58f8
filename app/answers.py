"""Answers of the API that a browser may keep: JSON and files, each with an ETag."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from fastapi import Request
from starlette.responses import FileResponse, Response

KEPT_FOR_GOOD = "private, max-age=31536000, immutable"


def json_answer(request: Request, body: dict[str, Any]) -> Response:
    """JSON, or 304 where the browser has the same already."""
    text = json.dumps(body, separators=(",", ":"), allow_nan=False)
    tag = f'W/"{hashlib.sha256(text.encode()).hexdigest()[:16]}"'
    if _has_tag(request, tag):
        return Response(status_code=304, headers={"ETag": tag})
    return Response(text, media_type="application/json", headers={"ETag": tag})


def file_answer(
    request: Request,
    path: Path,
    stat: os.stat_result,
    *,
    tag: str,
    is_current: bool,
    kind: str = "application/octet-stream",
) -> Response:
    """A file as it lies on disk, or 304 where the browser has it already.

    Args:
        request: Who asks.
        path: The file.
        stat: Of the file.
        tag: Changes with the file.
        is_current: Whether the address holds the version, so that it may be kept for good.
        kind: Media type.
    """
    quoted = f'"{tag}"'
    headers = {"ETag": quoted, "Cache-Control": KEPT_FOR_GOOD if is_current else "no-cache"}
    if _has_tag(request, quoted):
        return Response(status_code=304, headers=headers)
    return FileResponse(path, media_type=kind, headers=headers, stat_result=stat)


def _has_tag(request: Request, tag: str) -> bool:
    sent = request.headers.get("if-none-match", "")
    return tag in (part.strip() for part in sent.split(","))
