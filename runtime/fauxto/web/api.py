"""The HTTP API: a picture in, the command line's record or a heat map out. Described by /openapi.json."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import JSONResponse, Response
from starlette.requests import ClientDisconnect

from fauxto.errors import ImageError, ModelError
from fauxto.prediction import FusedPrediction, Prediction
from fauxto.version import __version__
from fauxto.web.engine import BusyError, Engine
from fauxto.web.limits import BODY_RATE, BODY_SECONDS, MAX_BYTES, MAX_PIXELS
from fauxto.web.uploads import FORM, TOO_MANY, Uploads


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Why a request was not answered, in one line."""

    detail: str


@dataclass(frozen=True, kw_only=True)
class Info:
    """What answers: versions, the model's card, the base rate unless a request has its own, and the limits; and whether
    there is a second opinion, with the name and the card of the answers that have one.
    """

    fauxto: str
    model: str
    model_sha256: str
    variant: str
    provider: str
    operating_point: str
    prior: float
    card: dict[str, Any]
    second_opinion: bool
    second_model: str | None
    second_card: dict[str, Any] | None
    max_bytes: int
    max_pixels: int


@dataclass(frozen=True, kw_only=True)
class Heat:
    """A heat map, row by row: calibrated log-odds of "ai" at each place of the upright picture."""

    width: int
    height: int
    data: list[float]


ANSWER = Prediction | FusedPrediction
_PICTURE = {"schema": {"type": "string", "format": "binary"}}
_FORM = {"type": "object", "required": ["file"], "properties": {"file": {"type": "string", "format": "binary"}}}
BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": _PICTURE, "image/*": _PICTURE, FORM: {"schema": _FORM}},
    }
}
ERRORS: Mapping[int | str, dict[str, Any]] = {
    400: {"model": Problem, "description": "A form or parameter that cannot be read, or no second opinion here."},
    403: {"model": Problem, "description": "The Host is not one of this server's, or another website asks."},
    405: {"model": Problem, "description": "The path has other methods; see the header Allow."},
    408: {
        "model": Problem,
        "description": f"The picture arrived too slowly: it has {BODY_SECONDS:.0f} seconds, "
        f"and one more for each {BODY_RATE >> 10} KiB.",
    },
    413: {"model": Problem, "description": f"The picture is larger than {MAX_BYTES >> 20} MB."},
    415: {"model": Problem, "description": "The body says that it is something else, and is no picture."},
    422: {"model": ANSWER, "description": "No picture that can be read; the record's `error` says why."},
    429: {"model": Problem, "description": "Too many pictures at once; see the header Retry-After."},
    503: {"model": Problem, "description": "Too many connections, or the server is stopping."},
}

NO_SECOND = (
    "no second opinion here; start the server with --second-opinion (fauxto second-opinion install gets what it needs)"
)


def make_api(engine: Engine) -> APIRouter:
    """The routes below /api."""
    router, uploads = APIRouter(prefix="/api"), Uploads()
    detector, second = engine.detector, engine.second

    @router.get("/info", summary="What answers here, and its limits", response_description="Info, as JSON.")
    async def info() -> Info:
        return Info(
            fauxto=__version__,
            model=detector.card.release,
            model_sha256=detector.model_sha256,
            variant=detector.variant,
            provider=detector.provider,
            operating_point=detector.operating_point.name,
            prior=detector.prior,
            card=dict(detector.card.raw),
            second_opinion=second is not None,
            second_model=second.card.release if second else None,
            second_card=dict(second.card.raw) if second else None,
            max_bytes=MAX_BYTES,
            max_pixels=MAX_PIXELS,
        )

    @router.post(
        "/predict",
        response_model=ANSWER,
        responses={**ERRORS},
        openapi_extra=BODY,
        summary="A verdict for one picture",
        response_description="Prediction, or FusedPrediction with a second opinion, as JSON.",
    )
    async def predict(
        request: Request,
        prior: Annotated[
            float | None,
            Query(
                gt=0,
                lt=1,
                description="the share of AI pictures where this one comes from; moves p_ai, not the verdict",
            ),
        ] = None,
        second_opinion: Annotated[
            bool,
            Query(
                description="also ask the larger network that sees the whole picture, where the server was started "
                "with --second-opinion; the answer is then of schema 3"
            ),
        ] = False,
    ) -> Response:
        """Send the picture as the whole body, or as the field `file` of a form. The answer is the record."""
        by = second if second_opinion else detector
        if by is None:
            raise HTTPException(400, NO_SECOND)

        async def answer(data: bytes) -> Response:
            record = await engine.predict(data, by, prior)
            return JSONResponse(record.to_dict(), 200 if record.ok else 422)

        return await _answered(request, uploads, answer)

    @router.post(
        "/explain",
        response_model=Heat,
        responses={**ERRORS},
        openapi_extra=BODY,
        summary="A picture's heat map",
        response_description="Heat, as JSON.",
    )
    async def explain(request: Request) -> Response:
        """Send the picture as for /api/predict. Above 0 speaks for ai, below against it."""

        async def answer(data: bytes) -> Response:
            try:
                heat = await engine.explain(data)
            except ImageError as error:
                record = Prediction(status="error", error=error.reason, model=detector.card.release)
                return JSONResponse(record.to_dict(), 422)
            except ModelError as error:
                raise HTTPException(501, str(error)) from None
            height, width = heat.shape
            data_ = np.round(heat.astype(np.float64), 3).ravel().tolist()
            return JSONResponse({"width": width, "height": height, "data": data_})

        return await _answered(request, uploads, answer)

    return router


async def _answered(
    request: Request, uploads: Uploads, answer: Callable[[bytes], Coroutine[Any, Any, Response]]
) -> Response:
    """What `answer` makes of the picture in the request; nothing more is done for a client that has left."""
    try:
        async with uploads.picture(request) as data:
            work = asyncio.create_task(answer(data))
            left = asyncio.create_task(_left(request))
            try:
                await asyncio.wait({work, left}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                left.cancel()
                if not work.done():
                    work.cancel()
            if work.cancelled() or not work.done():
                raise ClientDisconnect
            return work.result()
    except BusyError:
        raise HTTPException(429, TOO_MANY, {"Retry-After": "5"}) from None
    except ClientDisconnect:
        return Response(status_code=400)  # nobody reads it


async def _left(request: Request) -> None:
    """Until the client has hung up. The body has been read: what is received now is nothing else."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
