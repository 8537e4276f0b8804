"""uvicorn's HTTP/1.1 with what it leaves out: no client can hold a connection by being slow."""

from __future__ import annotations

import asyncio
import json
import sys

from uvicorn.protocols.http.h11_impl import H11Protocol

from fauxto.web.guard import HEADERS
from fauxto.web.limits import HEADER_SECONDS, MAX_CONNECTIONS, READ_BYTES, WRITE_SECONDS

GRACE = 2.0  # seconds from the last word until a connection is cut


def max_connections() -> int:
    """MAX_CONNECTIONS, or half of what the system lets this process open."""
    if sys.platform == "win32":
        return MAX_CONNECTIONS
    import resource

    return min(MAX_CONNECTIONS, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2)


class Protocol(H11Protocol):  # type: ignore[misc]  # uvicorn's types are not seen
    """One connection.

    While no request is under way, a timer runs: for the headers to come, for the rest of a body that was answered
    before its end, for the next request. Another one runs while the client does not read.
    """

    _idle: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None
    most = max_connections()

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Start the timer, or refuse one connection too many."""
        super().connection_made(transport)
        # asyncio's transports read 256 KiB at once. In chunks of a byte each, h11 takes a second for so much.
        transport.max_size = READ_BYTES  # type: ignore[attr-defined]
        self._watch()
        if len(self.connections) > self.most:
            self._refuse("503 Service Unavailable", "too many connections; try again in a moment")

    def data_received(self, data: bytes) -> None:
        """Stop the timer where this completes a request's headers."""
        if not self.transport.is_closing():
            super().data_received(data)
            self._watch()

    def on_response_complete(self) -> None:
        """Start the timer again."""
        self._stop()
        super().on_response_complete()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timers."""
        self._stop()
        self.resume_writing()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Start the timer of a client that does not read."""
        super().pause_writing()
        self._unread = self.loop.call_later(WRITE_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """Stop it."""
        if self._unread is not None:
            self._unread.cancel()
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP."""
        self._refuse("400 Bad Request", msg)

    def _watch(self) -> None:
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop()
        elif self._idle is None:
            self._idle = self.loop.call_later(HEADER_SECONDS, self._expire)

    def _stop(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None

    def _expire(self) -> None:
        if self.cycle is None and self.conn.trailing_data[0]:
            self._refuse("408 Request Timeout", "the request did not arrive in time")
        else:  # it had its answer, or never asked
            self._hang_up()

    def _refuse(self, status: str, detail: str) -> None:
        """Answer without the application, and hang up."""
        body = json.dumps({"detail": detail})
        headers = {
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            "Connection": "close",
            **HEADERS,
        }
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        if not self.transport.is_closing():
            self.transport.write(f"HTTP/1.1 {status}\r\n{lines}\r\n{body}".encode())
        self._hang_up()

    def _hang_up(self) -> None:
        self.transport.close()
        self.loop.call_later(GRACE, self.transport.abort)  # where the client does not read what was sent
