"""fauxto web: the page and its HTTP API."""

from __future__ import annotations

import argparse

from fauxto.argument_types import host_name, origin, port
from fauxto.cli.parser import add_running, add_second_opinion, add_verdict
from fauxto.errors import FauxtoError


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.description = "Serve the page and its HTTP API on this machine, until Ctrl-C."
    parser.epilog = "example: fauxto web --port 8000"
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1, this machine only)"
    )
    parser.add_argument("--port", type=port, default=7860, help="port to listen on (default: 7860)")
    parser.add_argument(
        "--allow-host",
        action="append",
        default=[],
        type=host_name,
        metavar="NAME",
        help="another name that browsers may call this server by, as behind a proxy; may be repeated",
    )
    parser.add_argument(
        "--allow-origin",
        action="append",
        default=[],
        type=origin,
        metavar="ORIGIN",
        help="a website whose pages may use the API, as https://example.org; may be repeated (default: none)",
    )
    add_verdict(parser)
    add_running(parser)
    add_second_opinion(parser, "let those who ask also ask the larger network")


def run(args: argparse.Namespace) -> int:
    """Serve the page until Ctrl-C."""
    try:
        from fauxto.web.server import serve
    except ImportError:
        raise FauxtoError('the page needs more packages: pip install "fauxto[web]"') from None
    serve(
        args.host,
        args.port,
        allow_hosts=args.allow_host,
        allow_origins=args.allow_origin,
        model=args.model,
        provider=args.provider,
        variant=args.variant,
        operating_point=args.operating_point,
        prior=args.prior,
        second_opinion=args.second_opinion,
    )
    return 0
