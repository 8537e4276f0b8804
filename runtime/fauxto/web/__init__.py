"""The page and its HTTP API, on this machine. Needs the extra [web]."""

from __future__ import annotations

import ipaddress
import os
import signal
import sys
import tempfile

# Before Gradio is imported: it would ask its makers for the newest version, and report what it sees.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ["HF_HUB_OFFLINE"] = "1"

import gradio as gr
import uvicorn
from fastapi import FastAPI

from fauxto.detector import Detector
from fauxto.verdict import PRIOR
from fauxto.web.api import MAX_UPLOAD, make_api
from fauxto.web.page import CSS, PASTE, THEME, make_page


def make_app(detector: Detector, uploads: str) -> FastAPI:
    """The API with the page mounted at /. `uploads` is a folder for files between arrival and answer."""
    os.environ["GRADIO_TEMP_DIR"] = uploads
    app: FastAPI = gr.mount_gradio_app(
        make_api(detector),
        make_page(detector, uploads),
        path="/",
        max_file_size=MAX_UPLOAD,
        footer_links=[],
        theme=THEME,
        css=CSS,
        head=PASTE,
        ssr_mode=False,
        pwa=False,
    )
    return app


def serve(
    host: str,
    port: int,
    model: str | None = None,
    provider: str | None = None,
    variant: str | None = None,
    prior: float = PRIOR,
) -> None:
    """Serve until stopped. Uploads are deleted once they are answered, and all with the server's end.

    `model` to `prior` are as Detector takes them.

    Raises:
        FauxtoError: the model cannot be loaded, or not on that provider.
    """
    detector = Detector(model, provider=provider, variant=variant, provenance=True, prior=prior)
    shown = f"[{host}]" if ":" in host else host
    print(f"fauxto: http://{shown}:{port}/  (the API's description: /docs; stop with Ctrl-C)", file=sys.stderr)
    if not loopback(host):
        print(
            f"fauxto: {host} can be reached from other machines. There is no password and no encryption: whoever "
            "reaches it can send pictures. Put a proxy with both before it, or leave --host out.",
            file=sys.stderr,
        )
    # uvicorn passes the signal on when it has stopped; by default that would end us before the folder is removed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with tempfile.TemporaryDirectory(prefix="fauxto-web-") as uploads:
        uvicorn.run(make_app(detector, uploads), host=host, port=port, log_level="warning", timeout_keep_alive=10)


def loopback(host: str) -> bool:
    """Whether only this machine can reach `host`."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
