"""The demonstration for a Hugging Face Space, run as it would be there."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from fauxto.detector import Detector
from tests.helpers import EXAMPLES, ROOT, make_photo
from tests.runtime.web.helpers import until

SPACE = EXAMPLES / "space"
OUTSIDE = re.compile(r"(?:connect|sendto|sendmsg|sendmmsg)\(.*sa_family=AF_INET6?, (?!.*(?:127\.0\.0\.1|\"::1\")).*")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no process groups")
def test_the_space_answers_with_both_probabilities_and_sends_nothing(tmp_path: Path) -> None:
    pytest.importorskip("gradio")
    client = pytest.importorskip("gradio_client")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    environment = os.environ | {
        "PYTHONPATH": str(ROOT / "runtime"),
        "HOME": str(tmp_path),
        "GRADIO_SERVER_PORT": str(port),
        "GRADIO_TEMP_DIR": str(tmp_path / "files"),
    }
    trace = ["strace", "-f", "-q", "--seccomp-bpf", "-o", str(tmp_path / "log"), "-e", "trace=connect,sendto,sendmsg"]
    with subprocess.Popen(
        [*(trace if shutil.which("strace") else []), sys.executable, SPACE / "app.py"],
        env=environment,
        cwd=tmp_path,
        start_new_session=True,
    ) as process:
        try:
            until(lambda: socket.socket().connect_ex(("127.0.0.1", port)) == 0, 120)
            space = client.Client(f"http://127.0.0.1:{port}", verbose=False, analytics_enabled=False)
            for name in ("ai-face-7.jpg", "photo-cat.png"):
                answer = space.predict(client.handle_file(EXAMPLES / name), api_name="/classify")
                told = {each["label"]: each["confidence"] for each in answer["confidences"]}
                p_ai = Detector().predict(EXAMPLES / name).p_ai
                assert told == pytest.approx({"AI": p_ai, "not AI": 1 - p_ai}, abs=1e-6)
            make_photo().save(tmp_path / "photo.ppm")  # Gradio reads it, fauxto does not
            with pytest.raises(Exception, match="not a picture in a format that fauxto reads"):
                space.predict(client.handle_file(tmp_path / "photo.ppm"), api_name="/classify")
        finally:
            os.killpg(process.pid, signal.SIGKILL)
    if shutil.which("strace"):
        log = (tmp_path / "log").read_text(errors="replace")
        assert "AF_INET" in log
        assert not OUTSIDE.findall(log)


def test_the_space_has_what_its_host_reads() -> None:
    head = (SPACE / "README.md").read_text(encoding="utf-8").split("---\n")[1]
    settings = dict(line.split(": ") for line in head.splitlines())
    pinned = re.search(r"^gradio==(.*)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    assert (settings["sdk"], settings["app_file"]) == ("gradio", "app.py")
    assert pinned
    assert settings["sdk_version"] == pinned[1]
    assert (SPACE / "requirements.txt").read_text().startswith("fauxto>=")
    assert (SPACE / settings["app_file"]).is_file()
