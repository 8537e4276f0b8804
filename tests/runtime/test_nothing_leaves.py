"""Nothing is sent, by us or by a library: watched below Python, in a network that has nothing but itself.

Each command runs under strace, in a network namespace of its own where the system allows one. Whatever opens an
internet socket to anything but the command's own port shows, native code included, and so does a device id in HOME.
"""

import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fauxto.provenance.declaration import declaration
from tests.helpers import EXAMPLES, ROOT, encode, make_photo

PICTURE = str(EXAMPLES / "photo-cat.png")
ALIVE = 7
"""Seconds that a process must live: onnxruntime's telemetry, left alone, looks up its server after about five."""

HOLD = f"""
import sys, time, fauxto
detector, end = fauxto.Detector(provenance=True), time.time() + {ALIVE}
while time.time() < end:
    assert detector.predict(sys.argv[1]).ok
    time.sleep(0.5)
"""


SECOND = f"""
import os, sys, time
from pathlib import Path
from fauxto.cli import main
from fauxto.second_opinion import model
from tests.runtime.second_opinion import standin
folder = standin.write_second(Path("second"), standin.install(Path(os.environ["FAUXTO_DATA"])))
model.released = lambda: folder
status = main(["predict", "--second-opinion", "--format", "json", sys.argv[1]])
time.sleep({ALIVE})
sys.exit(status)
"""


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


COMMANDS = {
    "python": ["-c", HOLD, PICTURE],
    "predict": ["-m", "fauxto", "predict", "--provenance", PICTURE],
    "second opinion": ["-c", SECOND, PICTURE],
    "explain": ["-m", "fauxto", "explain", PICTURE, "-o", "heat.png"],
    "doctor": ["-m", "fauxto", "doctor"],  # which tries OpenVINO, where that is installed
    "bench": ["-m", "fauxto", "bench", "--quick", "--scope", "model", "--provider", "cpu"],
    "scan": ["-m", "fauxto", "scan", str(EXAMPLES), "--out", "verdicts"],
    "eval": ["-m", "fauxto", "eval", "labelled", "--conditions", "clean"],
    "web": ["-m", "fauxto", "web", "--port", str(free_port())],
    "export": ["-c", f"import time, export.package; time.sleep({ALIVE})"],
}
INTERNET = re.compile(r"(?:connect|sendto|sendmsg|sendmmsg)\(.*sa_family=AF_INET6?, .*")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace, which is for Linux"),
]


def own_network() -> list[str]:
    """What runs a command in a network namespace; nothing where that is not allowed."""
    words = ["unshare", "--net", "--map-root-user"]
    allowed = shutil.which("unshare") and subprocess.run([*words, "true"], capture_output=True).returncode == 0
    return words if allowed else []


def watched(words: list[str], folder: Path, ends: bool = True) -> tuple[int, str, list[str]]:
    """Run Python in `folder`, which is also its home, as a new user's machine would.

    Returns its exit status, its stderr, and every message to an internet address.
    """
    dropped = ("CI", "GITHUB_ACTIONS", "TF_BUILD", "ORT_DISABLE_TELEMETRY", "HF_HUB_OFFLINE")
    environment = {name: value for name, value in os.environ.items() if name not in dropped}
    environment |= {"PYTHONPATH": os.pathsep.join([str(ROOT / "runtime"), str(ROOT)]), "HOME": str(folder / "home")}
    (folder / "home").mkdir()
    log = folder / "log"
    trace = ["strace", "-f", "-q", "--seccomp-bpf", "-o", str(log), "-e", "trace=connect,sendto,sendmsg,sendmmsg"]
    process = subprocess.Popen(
        [*own_network(), *trace, sys.executable, *words], cwd=folder, env=environment,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    if not ends:
        time.sleep(ALIVE + 5)
        os.killpg(process.pid, signal.SIGTERM)
    _, told = process.communicate(timeout=110)
    return process.returncode, told, INTERNET.findall(log.read_text(errors="replace"))


@pytest.mark.timeout(150)
@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_sends_nothing(name: str, tmp_path: Path) -> None:
    if name == "export":
        pytest.importorskip("torchvision")  # not there where the wheel alone is tested
    if name == "eval":
        for label in ("ai", "real"):
            (tmp_path / "labelled" / label).mkdir(parents=True)
        for picture in EXAMPLES.glob("*.*g"):
            label = "ai" if picture.name.startswith("ai") else "real"
            shutil.copy(picture, tmp_path / "labelled" / label)
    status, told, sent = watched(COMMANDS[name], tmp_path, ends=name != "web")
    assert status == 0 or name == "web", told
    assert not sent
    kept = {path.name for path in (tmp_path / "home").rglob("*")}
    assert not kept & {"deviceid", "onnxruntime.db", "DeveloperTools", "intel", ".ses"}, kept


def remote_manifest(address: str) -> bytes:
    """A JPEG with a C2PA box and with XMP that names a manifest elsewhere."""

    def box(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", 8 + len(content)) + kind + content

    def segment(marker: int, content: bytes) -> bytes:
        return bytes([0xFF, marker]) + struct.pack(">H", 2 + len(content)) + content

    def labelled(label: bytes, *children: bytes) -> bytes:
        return box(b"jumb", box(b"jumd", bytes(16) + b"\3" + label + b"\0") + b"".join(children))

    kind = b"http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
    action = b"\xa1qdigitalSourceType\x78" + bytes([len(kind)]) + kind
    actions = labelled(b"c2pa.actions", box(b"cbor", b"\xa1gactions\x81" + action))
    store = labelled(b"c2pa", labelled(b"urn:uuid:1", labelled(b"c2pa.assertions", actions)))
    packet = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description xmlns:dcterms="http://purl.org/dc/terms/" dcterms:provenance="{address}"/>'
        "</rdf:RDF></x:xmpmeta>"
    )
    data = encode(make_photo(300, 300), "JPEG")
    xmp = segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + packet.encode())
    return data[:2] + xmp + segment(0xEB, b"JP\0\1" + struct.pack(">I", 1) + store) + data[2:]


def test_a_connection_would_be_seen(tmp_path: Path) -> None:
    _, _, sent = watched(["-c", "import socket; socket.socket().connect_ex(('192.0.2.1', 9))"], tmp_path)
    assert any("192.0.2.1" in line for line in sent)


def test_a_picture_that_names_an_address_is_not_followed(tmp_path: Path) -> None:
    """A C2PA manifest that our reader sees and c2pa-rs does not, beside an XMP packet that names a remote one."""
    pytest.importorskip("c2pa")
    (tmp_path / "remote.jpg").write_bytes(remote_manifest("http://192.0.2.1/manifest.c2pa"))
    assert declaration(remote_manifest("http://192.0.2.1/")).declared == "ai"
    status, told, sent = watched(["-m", "fauxto", "predict", "--provenance", "remote.jpg"], tmp_path)
    assert status == 0, told
    assert not sent
