"""fauxto web: the page and its HTTP API."""

from __future__ import annotations

import argparse

from fauxto.argument_types import port
from fauxto.cli.parser import add_prior, add_running
from fauxto.errors import FauxtoError


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.description = "Serve the page and POST /api/predict on this machine, until Ctrl-C."
    parser.epilog = "example: fauxto web --port 8000"
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1, this machine only)"
    )
    parser.add_argument("--port", type=port, default=7860, help="port to listen on (default: 7860)")
    add_prior(parser)
    add_running(parser)


def run(args: argparse.Namespace) -> int:
    """Serve the page until Ctrl-C."""
    try:
        from fauxto.web import serve
    except ImportError:
        raise FauxtoError('the page needs more packages: pip install "fauxto[web]"') from None
    serve(args.host, args.port, args.model, args.provider, args.variant, args.prior)
    return 0
