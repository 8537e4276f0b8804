"""POST /api/predict: a picture in, the command line's record out. Described by its OpenAPI page at /docs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse
from fastapi_offline import FastAPIOffline
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect

from fauxto.detector import Detector
from fauxto.prediction import Prediction
from fauxto.reporting.text import measured
from fauxto.system import usable_cpus
from fauxto.version import __version__

MAX_UPLOAD = 50 << 20
"""Bytes of one picture."""

BODIES = 16  # requests whose bodies are read at once; the others wait unread, so that memory stays bounded
READ_SECONDS = 30.0  # for one body to arrive

PICTURE = {"schema": {"type": "string", "format": "binary"}}
BODY = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["file"],
                "properties": {"file": {"type": "string", "format": "binary"}},
            }
        },
        "application/octet-stream": PICTURE,
        "image/*": PICTURE,
    },
}
ERRORS: dict[int | str, dict[str, Any]] = {
    408: {"description": f"The picture did not arrive within {READ_SECONDS:.0f} seconds."},
    413: {"description": f"The picture is larger than {MAX_UPLOAD >> 20} MB."},
    415: {"description": "The body is neither multipart/form-data nor a picture's bytes."},
    422: {"description": "The body is no picture that can be read."},
}


def make_api(detector: Detector) -> FastAPI:
    """The HTTP API over one detector, which is shared by all requests."""
    told = measured(detector.card.test_point(detector.operating_point.name))
    app = FastAPIOffline(
        title="fauxto",
        version=__version__,
        description="Looks for signs of AI generation in pictures, on this machine. A hint, never proof."
        + (f" On the model's test, {told}." if told else ""),
    )
    bodies, workers = asyncio.Semaphore(BODIES), CapacityLimiter(usable_cpus())

    @app.post(
        "/api/predict",
        response_model=Prediction,
        responses=ERRORS,
        openapi_extra={"requestBody": BODY},
        summary="A verdict for one picture",
    )
    async def predict(request: Request) -> Any:
        """Send the picture as the field `file` of a form, or as the whole body."""
        try:
            async with bodies:
                data = await asyncio.wait_for(read_picture(request), READ_SECONDS)
                record = await run_sync(detector.predict, data, limiter=workers)
        except TimeoutError:
            raise HTTPException(408, f"the picture did not arrive within {READ_SECONDS:.0f} seconds") from None
        except ClientDisconnect:  # nobody is there to read an answer
            return JSONResponse({"detail": "the client hung up"}, 400)
        if not record.ok:
            raise HTTPException(422, record.error)
        return record

    return app


async def read_picture(request: Request) -> bytes:
    """The picture in a request's body, in memory alone. Raises HTTPException 413, 415 or 422."""
    kind = request.headers.get("content-type", "application/octet-stream").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        parser = MultiPartParser(request.headers, limited(request), max_files=1, max_fields=8)
        parser.spool_max_size = MAX_UPLOAD + 1  # never to disk
        try:
            form = await parser.parse()
        except MultiPartException as error:
            raise HTTPException(422, f"the form cannot be read ({error.message})") from None
        upload = form.get("file")
        if not isinstance(upload, UploadFile):
            raise HTTPException(422, "the form has no field `file` with a picture in it")
        data: bytes = await upload.read()
        return data
    if kind.startswith("image/") or kind == "application/octet-stream":
        return b"".join([part async for part in limited(request)])
    raise HTTPException(415, f"{kind}: send multipart/form-data with the field `file`, or a picture's bytes")


async def limited(request: Request) -> AsyncIterator[bytes]:
    """The body's parts, until they are more than MAX_UPLOAD. Raises HTTPException 413."""
    too_large = HTTPException(413, f"the picture is larger than {MAX_UPLOAD >> 20} MB")
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > MAX_UPLOAD + 4096:  # a form has a few bytes around the picture
        raise too_large
    count = 0
    async for part in request.stream():
        count += len(part)
        if count > MAX_UPLOAD + 4096:
            raise too_large
        yield part
