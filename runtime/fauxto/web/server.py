"""fauxto web: a socket, the detector, and uvicorn until it is told to stop."""

from __future__ import annotations

import signal
import socket
import sys
from collections.abc import Sequence

import uvicorn
from starlette.types import ASGIApp

from fauxto.detector import Detector
from fauxto.errors import FauxtoError
from fauxto.verdict import PRIOR
from fauxto.web import page
from fauxto.web.app import make_app
from fauxto.web.engine import Engine
from fauxto.web.guard import LOOPBACK, is_loopback, is_wildcard
from fauxto.web.limits import HEADER_SECONDS, STOP_SECONDS
from fauxto.web.protocol import Protocol


def serve(
    host: str,
    port: int,
    *,
    allow_hosts: Sequence[str] = (),
    allow_origins: Sequence[str] = (),
    model: str | None = None,
    provider: str | None = None,
    variant: str | None = None,
    operating_point: str | None = None,
    prior: float = PRIOR,
    second_opinion: bool = False,
) -> None:
    """Serve until stopped. Pictures are in memory alone, and only until they are answered.

    Args:
        host: address to listen on.
        port: see `host`.
        allow_hosts: more names that the server may be called by, lower case.
        allow_origins: other websites that may ask, lower case.
        model: as Detector takes it, and so the rest.
        provider: see Detector.
        variant: see Detector.
        operating_point: see Detector.
        prior: see Detector.
        second_opinion: whether those who ask may have one.

    Raises:
        FauxtoError: nobody can listen there, or the model or the second opinion cannot be loaded, or not on that
            provider or with that operating point.
    """
    with _listen(host, port) as listener:
        detector = Detector(
            model,
            provider=provider,
            variant=variant,
            operating_point=operating_point,
            provenance=True,
            prior=prior,
            second_opinion=second_opinion,
        )
        places = page.find()
        hosts = {*LOOPBACK, host.lower(), *allow_hosts}
        # uvicorn passes the signal on when it has stopped; by default that would end us before the processes are.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        with Engine(detector) as engine:
            app = make_app(
                engine,
                page.read(places) if places else {},
                hosts=hosts,
                origins=allow_origins,
                any_address=is_wildcard(host),
            )
            _tell(host, listener.getsockname()[1], places is not None)
            uvicorn.Server(configuration(app)).run(sockets=[listener])


def configuration(app: ASGIApp) -> uvicorn.Config:
    """How uvicorn runs the application."""
    return uvicorn.Config(
        app,
        http=Protocol,
        loop="asyncio",  # Protocol bounds what its transports read at once; uvloop's, wherever it is installed, cannot
        ws="none",
        lifespan="off",
        log_level="error",
        access_log=False,
        proxy_headers=False,  # nobody's word is taken for who asks
        server_header=False,
        timeout_keep_alive=int(HEADER_SECONDS),
        timeout_graceful_shutdown=STOP_SECONDS,
    )


def _listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise FauxtoError(f"cannot listen on {host}, port {port} ({error.strerror}); choose another --port") from None


def _tell(host: str, port: int, has_page: bool) -> None:
    shown = f"[{host}]" if ":" in host else host
    print(f"fauxto: http://{shown}:{port}/  (the API's description: /docs; stop with Ctrl-C)", file=sys.stderr)
    if not has_page:
        print("fauxto: the page's files are not there; the API alone is served", file=sys.stderr)
    if not is_loopback(host):
        print(
            f"fauxto: {host} can be reached from other machines. There is no password and no encryption: whoever "
            "reaches it can send pictures. Put a proxy with both before it, or leave --host out.",
            file=sys.stderr,
        )
