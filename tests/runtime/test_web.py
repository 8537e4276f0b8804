"""The page in a real browser, and its API with bad, large, slow and broken clients."""

import asyncio
import contextlib
import json
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from html import escape
from pathlib import Path

import httpx
import pytest
import uvicorn
from PIL import Image

from fauxto.detector import Detector
from fauxto.prediction import Prediction
from fauxto.reporting.text import chance
from fauxto.web import api, loopback, make_app
from fauxto.web.page import Answers, Shown, about, meaning
from tests.helpers import encode, make_photo

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="module")
def uploads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("uploads")


@pytest.fixture(scope="module")
def url(uploads: Path) -> Iterator[str]:
    """The whole application, served on loopback."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    app = make_app(Detector(provenance=True), str(uploads))
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    deadline = time.monotonic() + 60
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.05)
    assert server.started
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()


def test_every_way_to_send_a_picture_gives_the_command_lines_record(url: str, detector: Detector) -> None:
    data = encode(make_photo(300, 260), "PNG")
    expected = Detector(provenance=True).predict(data).to_dict()
    answers = [
        httpx.post(f"{url}/api/predict", files={"file": ("a.png", data, "image/png")}),
        httpx.post(f"{url}/api/predict", content=data),
        httpx.post(f"{url}/api/predict", content=data, headers={"content-type": "image/png"}),
    ]
    for answer in answers:
        assert answer.status_code == 200
        record = answer.json()
        assert record["schema"] == 2
        assert list(record) == list(expected)
        assert record | {"elapsed_ms": 0} == expected | {"elapsed_ms": 0}


@pytest.mark.parametrize(
    ("status", "words", "request_"),
    [
        (415, "text/plain: send multipart", {"content": b"x", "headers": {"content-type": "text/plain"}}),
        (422, "the file is empty", {"content": b""}),
        (422, "not a picture", {"content": b"this is no picture"}),
        (422, "damaged or truncated", {"content": encode(make_photo(), "PNG")[:2000]}),
        (422, "no field `file`", {"files": {"picture": ("a.png", b"x")}}),
        (422, "the form cannot be read", {"content": b"x", "headers": {"content-type": "multipart/form-data"}}),
        (413, "larger than 50 MB", {"content": bytes(api.MAX_UPLOAD + 5000)}),
        (413, "larger than 50 MB", {"files": {"file": ("a.png", bytes(api.MAX_UPLOAD + 5000))}}),
    ],
)
def test_bad_requests_get_a_clear_body(url: str, status: int, words: str, request_: dict) -> None:
    answer = httpx.post(f"{url}/api/predict", **request_)
    assert answer.status_code == status
    assert words in answer.json()["detail"]


def test_a_body_without_a_length_is_cut_off(url: str) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(200):
            yield bytes(1 << 20)

    with contextlib.suppress(httpx.WriteError):  # the server may hang up before it has been sent all
        assert httpx.post(f"{url}/api/predict", content=endless()).status_code == 413


def test_the_description_needs_no_network(url: str) -> None:
    page = httpx.get(f"{url}/docs").text
    assert "https://" not in page
    described = httpx.get(f"{url}/openapi.json").json()
    assert "On the model's test, 1.1 % of 1000 photographs were called ai" in described["info"]["description"]
    paths = described["paths"]
    assert set(paths["/api/predict"]["post"]["responses"]) >= {"200", "408", "413", "415", "422"}
    assert "multipart/form-data" in paths["/api/predict"]["post"]["requestBody"]["content"]


def test_many_slow_and_vanishing_clients_lose_nothing(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "READ_SECONDS", 1.0)
    data = encode(make_photo(240, 230), "JPEG")
    head = f"POST /api/predict HTTP/1.1\r\nHost: x\r\nContent-Length: {len(data)}\r\n\r\n".encode()
    port = int(url.rpartition(":")[2])

    async def slow(hang_up: bool) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head + data[:100])
        await writer.drain()
        if hang_up:
            writer.close()
            return b""
        return await reader.read(100)

    async def storm() -> tuple[list[httpx.Response], list[bytes]]:
        async with httpx.AsyncClient(timeout=120) as client:
            good = [client.post(f"{url}/api/predict", content=data) for _ in range(40)]
            answers = await asyncio.gather(*(slow(i % 2 == 0) for i in range(20)), *good)
        return answers[20:], answers[:20]

    good, bad = asyncio.run(storm())
    assert [answer.status_code for answer in good] == [200] * 40
    assert len({answer.json()["logit"] for answer in good}) == 1
    assert all(b"408" in answer for answer in bad[1::2])


def test_what_only_this_machine_can_reach() -> None:
    assert all(map(loopback, ("127.0.0.1", "localhost", "::1")))
    assert not any(map(loopback, ("0.0.0.0", "192.168.1.5", "example.org", "::")))


@pytest.fixture
def answers(uploads: Path) -> Answers:
    return Answers(Detector(provenance=True), str(uploads))


def answered(answers: Answers, folder: Path, image: Image.Image) -> tuple[str, str, Shown]:
    image.save(folder / "picture.png")
    html, record, shown = answers.files([str(folder / "picture.png")], heat=False)
    assert shown is not None
    return html, record, shown


def test_every_word_quotes_the_test_split_and_none_says_photograph(answers: Answers) -> None:
    card = answers.detector.card
    said = {
        verdict: meaning(Prediction(verdict=verdict, lean=lean, operating_point="fpr1", reason="threshold"), card)
        for verdict, lean in (("ai", None), ("no_sign", None), ("unsure", "no_sign"))
    }
    test = card.raw["test"]["conditions"]["clean"]["operating_points"]["fpr1"]
    assert f"{100 * test['fpr']:.1f} % of the 1000 that the model was tested on" in said["ai"]
    assert f"{100 * test['ai_called_no_sign']:.0f} % of the 1000 AI pictures of the test did" in said["no_sign"]
    assert "does not lean to AI" in said["unsure"]
    assert f"{100 * test['fpr']:.1f} % of 1000 photographs were called ai" in about(answers.detector)
    untested = replace(card, test={})
    for verdict in ("ai", "no_sign"):
        told = meaning(Prediction(verdict=verdict, operating_point="fpr1", reason="threshold"), untested)
        assert "%" not in told


def test_a_picture_too_small_to_judge_has_no_number_and_no_lean(answers: Answers, tmp_path: Path) -> None:
    html, record, _ = answered(answers, tmp_path, make_photo(150, 120))
    assert json.loads(record)["reason"] == "too_small"
    assert "200 px or more are needed" in html
    for word in ("class='bar'", "AI ", " %", "lean"):
        assert word not in html.partition("<img")[0]
    large, record, _ = answered(answers, tmp_path, make_photo(300, 260))
    p_ai = json.loads(record)["p_ai"]
    assert f"<p class='chance'>{escape(chance(p_ai))}</p>" in large
    assert "class='bar'" in large


def test_a_record_from_the_browser_is_drawn_again_or_refused(answers: Answers, tmp_path: Path) -> None:
    html, text, shown = answered(answers, tmp_path, make_photo(300, 260))
    assert answers.redrawn(shown, text, heat=False) == html
    assert "with its heat map" in answers.redrawn(shown, text, heat=True)
    record = json.loads(text)
    for wrong in (
        record | {"schema": 1},
        record | {"verdict": "ai'><script>alert(1)</script>"},
        record | {"p_ai": "1"},
        record | {"p_ai": None},
        record | {"width": "1"},
        record | {"operating_point": "none"},
        record | {"operating_point": []},
        record | {"more": 1},
        {},
    ):
        told = answers.redrawn(shown, json.dumps(wrong), heat=False)
        assert "not one of this page" in told
        assert "<script" not in told
    (tmp_path / "broken.png").write_bytes(b"broken")
    html, text, _ = answers.files([str(tmp_path / "broken.png")], heat=False)
    assert answers.redrawn(None, text, heat=True) == html
    assert "not a picture" in html


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    if not CHROMIUM:
        pytest.skip("no Chromium here: install Debian's package chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser, url: str) -> Iterator[object]:
    """A page of 1200 px; whatever it asks of another host fails the test."""
    tab = browser.new_page(viewport={"width": 1200, "height": 900})
    outside: list[str] = []
    tab.on("request", lambda r: None if r.url.startswith((url, "data:", "blob:")) else outside.append(r.url))
    tab.goto(url)
    tab.wait_for_selector("#files input[type=file]", state="attached")
    yield tab
    assert outside == []
    tab.close()


def kept(uploads: Path) -> list[Path]:
    """Files with anything in them; Gradio leaves empty ones behind."""
    return [path for path in uploads.rglob("*") if path.is_file() and path.stat().st_size]


@pytest.mark.browser
def test_upload_heat_map_and_record(page, uploads: Path) -> None:
    page.set_input_files("#files input[type=file]", EXAMPLES / "photo-astronaut.png")
    page.wait_for_selector(".verdict h2", timeout=60_000)
    text = page.inner_text("#result")
    assert "never proof" in text
    assert "512 x 512 px" in text
    assert "declares nothing" in text
    plain = page.get_attribute("#result img", "src")
    page.click("#heat label")
    page.wait_for_selector("#result img[alt*='heat map']", timeout=60_000)
    assert page.get_attribute("#result img", "src") != plain
    page.click("text=The record, as JSON to copy")
    page.wait_for_selector("#record .cm-content")
    assert '"verdict"' in page.inner_text("#record")
    assert kept(uploads) == []


@pytest.mark.browser
def test_example_bad_file_and_several(page, tmp_path: Path, uploads: Path) -> None:
    page.click("text=photo-cat")
    page.wait_for_selector(".verdict h2", timeout=60_000)
    (tmp_path / "broken <b>.jpg").write_bytes(b"broken")
    page.set_input_files("#files input[type=file]", tmp_path / "broken <b>.jpg")
    page.wait_for_selector(".verdict.error", timeout=60_000)
    assert "not a picture" in page.inner_text("#result")
    make_photo(300, 250).save(tmp_path / "poor.jpg", quality=20)
    page.set_input_files("#files input[type=file]", [tmp_path / "poor.jpg"] * 51)
    page.wait_for_selector("text=51 pictures at once; 50 is the most", timeout=60_000)
    page.set_input_files("#files input[type=file]", tmp_path / "poor.jpg")
    page.wait_for_selector("text=JPEG quality about 20", timeout=60_000)
    page.set_input_files(
        "#files input[type=file]", [tmp_path / "broken <b>.jpg", EXAMPLES / "ai-face-7.jpg", EXAMPLES / "photo-cat.png"]
    )
    page.wait_for_selector(".several", timeout=60_000)
    assert page.locator(".several tr").count() == 4
    assert "Cannot be read" in page.inner_text(".several")
    assert kept(uploads) == []


@pytest.mark.browser
def test_pasting(page) -> None:
    page.evaluate(
        """async () => {
            const canvas = Object.assign(document.createElement('canvas'), {width: 300, height: 260});
            canvas.getContext('2d').fillRect(20, 20, 200, 100);
            const picture = await new Promise(done => canvas.toBlob(done, 'image/png'));
            const data = new DataTransfer();
            data.items.add(new File([picture], 'pasted.png', {type: 'image/png'}));
            document.body.dispatchEvent(new ClipboardEvent('paste', {clipboardData: data, bubbles: true}));
        }"""
    )
    page.wait_for_selector(".verdict h2", timeout=60_000)
    assert "300 x 260 px" in page.inner_text("#result")


@pytest.mark.browser
def test_a_narrow_dark_screen_and_the_keyboard(browser, url: str) -> None:
    tab = browser.new_page(viewport={"width": 360, "height": 740}, color_scheme="dark")
    tab.goto(url)
    tab.wait_for_selector("#examples button")
    tab.locator("#examples button", has_text="ai-face-7").focus()
    tab.keyboard.press("Enter")
    tab.wait_for_selector(".verdict h2", timeout=60_000)
    assert tab.evaluate("document.documentElement.scrollWidth") <= 360
    dark = tab.evaluate("getComputedStyle(document.body).backgroundColor")
    assert sum(json.loads(dark.replace("rgb(", "[").replace(")", "]"))) < 200
    tab.close()
