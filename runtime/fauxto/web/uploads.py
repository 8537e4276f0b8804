"""A request's body -> the picture's bytes: in memory alone, bounded in size, number and time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import message_from_bytes
from email.message import Message

from fastapi import HTTPException, Request

from fauxto.image.formats import name_of
from fauxto.web.limits import BODY_RATE, BODY_SECONDS, MAX_BODY, MAX_BYTES, MAX_HELD

FORM = "multipart/form-data"
UNTYPED = ("", "application/octet-stream", "application/x-www-form-urlencoded")  # the last is what curl says of all
MAX_FIELDS, MAX_FIELD_HEADERS = 16, 8192  # of a form, before its picture; bytes of the headers of one

TOO_LARGE = f"the picture is larger than {MAX_BYTES >> 20} MB"
TOO_SLOW = "the picture arrived too slowly; try again"
TOO_MANY = "too many pictures at once; try again in a moment"


class Uploads:
    """The bodies of all requests that are under way.

    Attributes:
        held: bytes of them in memory.
    """

    def __init__(self) -> None:
        self.held = 0

    @asynccontextmanager
    async def picture(self, request: Request) -> AsyncIterator[bytes]:
        """The picture in a request's body, which counts as held until the end of the `with`.

        Raises:
            HTTPException: 400 for a broken form, 408, 413, 415, or 429 where MAX_HELD is reached.
            ClientDisconnect: the client left before all had arrived.
        """
        if request.headers.get("content-encoding", "identity") != "identity":
            raise HTTPException(415, "send the picture without a Content-Encoding")
        declared = request.headers.get("content-length", "")
        if declared.isdecimal() and int(declared) > MAX_BODY:  # refused before a byte is read
            raise HTTPException(413, TOO_LARGE)
        parts: list[bytes] = []
        try:
            await self._receive(request, parts)
            yield picture_in(b"".join(parts), request.headers.get("content-type", ""))
        finally:
            self.held -= sum(map(len, parts))

    async def _receive(self, request: Request, parts: list[bytes]) -> None:
        """Fill `parts`. What is in it counts as held, also where this raises."""
        clock, count = asyncio.get_running_loop().time, 0
        start = clock()
        try:
            async with asyncio.timeout(BODY_SECONDS) as patience:
                async for part in request.stream():
                    parts.append(part)
                    count += len(part)
                    self.held += len(part)
                    if count > MAX_BODY:
                        raise HTTPException(413, TOO_LARGE)
                    if self.held > MAX_HELD:
                        raise HTTPException(429, TOO_MANY, {"Retry-After": "5"})
                    patience.reschedule(start + BODY_SECONDS + count / BODY_RATE)
        except TimeoutError:
            raise HTTPException(408, TOO_SLOW) from None


def picture_in(body: bytes, content_type: str) -> bytes:
    """The picture in a body: all of it, whatever its type says, or the field `file` of a form.

    Raises:
        HTTPException: 400 for a broken form; 415 for a body that says it is something else, and is no picture.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind == FORM:
        return _field(body, content_type)
    if kind.startswith("image/") or kind in UNTYPED or name_of(body):
        return body
    raise HTTPException(415, f"neither a picture's bytes nor a form ({FORM}) with the field `file`")


def _field(body: bytes, content_type: str) -> bytes:
    """The field `file` of a form, RFC 7578. No more of the body is looked at than is before and in it."""
    head = Message()
    head["Content-Type"] = content_type
    boundary = (head.get_boundary() or "").encode("latin-1", "replace")
    if not 1 <= len(boundary) <= 200:
        raise HTTPException(400, "the form has no boundary")
    delimiter = b"\r\n--" + boundary
    at = 0 if body.startswith(delimiter[2:]) else body.find(delimiter) + 2
    start = at + len(delimiter) - 2
    for _ in range(MAX_FIELDS if at != 1 else 0):
        end_of_headers = body.find(b"\r\n\r\n", start, start + MAX_FIELD_HEADERS)
        end = body.find(delimiter, end_of_headers + 2)
        if end_of_headers < 0 or end < 0:
            break
        headers = message_from_bytes(body[start:end_of_headers].lstrip())
        if headers.get_param("name", header="content-disposition") == "file":
            return body[end_of_headers + 4 : end]
        start = end + len(delimiter)
    raise HTTPException(400, "the form has no field `file`, or is broken")
