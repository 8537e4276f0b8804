"""Take the README's pictures anew: the page with a heat map, on a wide and on a narrow dark screen.

    python .github/readme/make.py

Needs the group dev and Chromium.
"""

import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

HERE = Path(__file__).parent
PICTURE = HERE.parents[1] / "examples" / "photo-astronaut.png"


def main() -> None:
    """Serve the page, drive it, photograph it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen([sys.executable, "-m", "fauxto", "web", "--port", str(port)])
    try:
        while socket.socket().connect_ex(("127.0.0.1", port)):
            time.sleep(0.2)
        chromium = shutil.which("chromium") or shutil.which("google-chrome")
        with sync_playwright() as play:
            browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            for name, width, height, scheme in (("page", 1100, 1000, "light"), ("phone", 390, 1500, "dark")):
                tab = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
                tab.goto(f"http://127.0.0.1:{port}")
                tab.wait_for_selector("#progress-line[hidden]", state="attached")
                tab.set_input_files("#files", PICTURE)
                tab.wait_for_selector("#result[data-kind]:not([data-kind='']) h2")
                tab.check("#heat")
                tab.wait_for_selector("canvas.heat")
                tab.evaluate("window.scrollTo(0, 0)")  # the click scrolled down to the switch
                tab.wait_for_timeout(500)
                tab.screenshot(path=HERE / f"{name}.png")
            browser.close()
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main()
