"""Who may ask: an ASGI layer before all routes that checks Host, Origin and Sec-Fetch-Site, and sends CSP and the like.

A website open in the user's browser can reach this server, by a name of its own that resolves to this machine (DNS
rebinding) or by a form that posts to it. It cannot choose these three headers.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
from collections.abc import Collection
from dataclasses import dataclass

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fauxto.argument_types import HOST

LOOPBACK = ("localhost", "127.0.0.1", "::1")

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",  # with "no-referrer", some of the page's own posts would have no origin
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

_HOST = re.compile(f"({HOST})(?::[0-9]{{1,5}})?")
_ORIGIN = re.compile(f"https?://({HOST}(?::[0-9]{{1,5}})?)")


@dataclass(frozen=True)
class Guard:
    """The layer.

    Attributes:
        app: what is asked if all is well.
        hosts: names that the server may be called by, lower case, without a port.
        origins: of other websites that may ask, "https://example.org".
        any_address: whether it may also be called by whatever address of this machine a connection was made to.
    """

    app: ASGIApp
    hosts: Collection[str]
    origins: Collection[str] = ()
    any_address: bool = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or pass on."""
        if scope["type"] != "http":
            return
        refusal = self._refusal(scope)
        started = False

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        answer = JSONResponse({"detail": refusal}, 403) if refusal else self.app
        try:
            await answer(scope, receive, send_with_headers)
        except asyncio.CancelledError:  # uvicorn stops, and would log this as a failure of ours
            if not started:
                await JSONResponse({"detail": "the server is stopping"}, 503)(scope, receive, send_with_headers)

    def _refusal(self, scope: Scope) -> str | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "").lower()
        named = _HOST.fullmatch(host)
        name = named[1].strip("[]") if named else ""
        here = scope["server"][0] if self.any_address and scope["server"] else None
        if name not in self.hosts and name != here:
            return "this server does not go by that name; start it with --allow-host NAME if it should"
        if scope["method"] in ("GET", "HEAD", "OPTIONS"):
            return None
        origin = headers.get("origin")
        if origin is not None and origin.lower() in self.origins:
            return None
        asker = _ORIGIN.fullmatch(origin.lower()) if origin is not None else None
        if origin is not None and (asker is None or asker[1] != host):
            return "another website may not ask; start the server with --allow-origin ORIGIN if it should"
        if headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            return "another website may not ask"
        return None


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server that listens on `host`."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def is_wildcard(host: str) -> bool:
    """Whether a server that listens on `host` listens on every address of the machine."""
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return not host
