"""How much the server takes on. Standard library only: its decoding processes read these too."""

from __future__ import annotations

MAX_BYTES = 50 << 20
"""Of one picture."""

MAX_BODY = MAX_BYTES + 4096
"""Bytes of one request: a form has a few around the picture."""

MAX_PIXELS = 100_000_000
"""Of one picture."""

MAX_HELD = 512 << 20
"""Bytes of all bodies that are in memory at once. Beyond, a request is answered 429."""

MAX_WAITING = 256
"""Pictures that wait to be decoded. Beyond, a request is answered 429."""

MAX_CONNECTIONS = 512
"""Open at once; half of the process's file descriptors where that is less. Beyond, one is answered 503."""

MAX_CROPS = 300
"""That a heat map may take: pictures to about 10 to 1, some seconds on two cores."""

MAX_SIDE = 128
"""Longer side of a heat map, px."""

HEADER_SECONDS = 10.0
"""For the headers of a request, and how long a connection may be idle."""

BODY_SECONDS, BODY_RATE = 10.0, 128 << 10
"""For a body to arrive, and the bytes for which it gets a second more."""

READ_BYTES = 16 << 10
"""Of one connection, before the next one has its turn."""

WRITE_SECONDS = 30.0
"""That a client may leave an answer unread."""

DECODE_SECONDS = 30.0
"""For one picture to be decoded."""

LEFT_SECONDS = 1.0
"""That a decoding goes on when its client has left: most are done by then, and a new process costs more."""

STOP_SECONDS = 1
"""For answers under way when the server is told to stop."""

MAX_MEMORY = 3 << 30
"""Bytes of address space of one decoding process, where the system can bound it."""

MAX_DECODERS = 4
"""Decoding processes."""
