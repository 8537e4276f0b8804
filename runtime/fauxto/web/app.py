"""The application: the API, its description, and the page's files. All other paths are 404."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from fauxto.reporting.text import measured
from fauxto.version import __version__
from fauxto.web.api import make_api
from fauxto.web.docs import describe
from fauxto.web.engine import Engine
from fauxto.web.guard import Guard
from fauxto.web.page import File

DETAILS = {404: "nothing is here; the API is described at /docs", 405: "this path has other methods: {allow}"}


def make_app(
    engine: Engine,
    page: Mapping[str, File],
    *,
    hosts: Collection[str],
    origins: Collection[str] = (),
    any_address: bool = False,
) -> ASGIApp:
    """The application, behind its guard.

    Args:
        engine: what answers.
        page: see fauxto.web.page.read; empty for the API alone.
        hosts: see Guard, and so the next two.
        origins: see Guard; they get CORS headers.
        any_address: see Guard.
    """
    detector = engine.detector
    told = measured(detector.card.test_point(detector.operating_point.name))
    app = FastAPI(
        title="fauxto",
        version=__version__,
        description="Looks for signs of AI generation in pictures, on this machine. A hint, never proof."
        + (f" On the model's test, {told}." if told else ""),
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry={
            "tracing": False,
            "metrics": False,
            "logs": False,
        },  # of newer FastAPIs: not by the environment either
        exception_handlers={HTTPException: _problem, RequestValidationError: _invalid, Exception: _failure},
    )
    app.include_router(make_api(engine))
    description = File(describe(app.openapi()).encode(), "text/html; charset=utf-8")
    for path, file in {**page, "/docs": description}.items():
        app.router.routes.append(_route(path, file))
    behind: ASGIApp = app
    if origins:
        behind = CORSMiddleware(app, allow_origins=list(origins), allow_methods=["GET", "POST"], allow_headers=["*"])
    return Guard(behind, hosts, origins, any_address)


def _route(path: str, file: File) -> Route:
    async def serve(_: Request) -> Response:
        return Response(file.content, media_type=file.media_type, headers={"Cache-Control": "no-cache"})

    return Route(path, serve, include_in_schema=False)


async def _problem(_: Request, error: HTTPException) -> Response:
    headers = dict(error.headers or {})
    detail = DETAILS.get(error.status_code, error.detail).format(allow=headers.get("Allow", ""))
    return JSONResponse({"detail": detail}, error.status_code, headers)


async def _invalid(_: Request, error: RequestValidationError) -> Response:
    said = "; ".join(f"{found['loc'][-1]}: {found['msg']}" for found in error.errors())
    return JSONResponse({"detail": said}, 400)


async def _failure(_: Request, __: Exception) -> Response:
    return JSONResponse({"detail": "fauxto failed at this; the server's log says why"}, 500)
