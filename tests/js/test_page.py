"""The page on a static server, in a real Chromium: its words and numbers are Python's, and it asks for nothing else."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from benchmarks import chromium
from fauxto.detector import Detector
from fauxto.model.model import Model
from fauxto.prediction import WORDS
from fauxto.reporting.text import chance
from tests.helpers import make_photo
from tests.js import site
from tests.js.site import ANSWERED, EXAMPLES, Tab
from tests.runtime.provenance.files import CREATED, app11, jpeg, store

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium.missing() is not None, reason=str(chromium.missing())),
]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("site")
    site.build(folder)
    with site.served(folder) as url:
        yield url


@pytest.fixture(scope="module")
def context(address: str) -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright, site.browser(playwright) as browser:
        context = browser.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
        context.grant_permissions(["clipboard-read", "clipboard-write"], origin=address.rsplit("/", 3)[0])
        yield context


@pytest.fixture(scope="module")
def tab(context: Any, address: str) -> Tab:
    tab = site.opened(context, address)
    tab.ready()
    return tab


@pytest.fixture
def clean(tab: Tab) -> Iterator[Tab]:
    """The page with nothing in it, and nothing wrong in it afterwards."""
    if tab.page.is_visible("#clear"):
        tab.page.select_option("#sort", "arrival")
        tab.page.click("#clear")
    else:
        tab.page.reload()
        tab.ready()
    yield tab
    assert tab.wrong == []


def _jpeg(width: int, height: int, **options: Any) -> bytes:
    buffer = io.BytesIO()
    make_photo(width, height).save(buffer, "JPEG", **options)
    return buffer.getvalue()


def test_words_and_numbers_are_pythons(clean: Tab) -> None:
    clean.choose(*EXAMPLES)
    python = Detector(provider="cpu")
    expected = []
    for path in EXAMPLES:
        record = python.predict(path, strict=True)
        assert record.verdict is not None
        assert record.p_ai is not None
        words = WORDS[record.verdict].capitalize().replace("ai", "AI")
        expected.append(f"{path.name} | {words} | {chance(record.p_ai)}")
    assert len(expected) == 6
    assert clean.rows() == expected


def test_each_row_opens_its_picture(clean: Tab) -> None:
    clean.choose(*EXAMPLES[:3])
    for row, path in enumerate(EXAMPLES[:3]):
        clean.page.locator("#list .row").nth(row).click()
        assert clean.text("#result .name") == path.name
        assert clean.page.get_attribute(".viewer img", "alt") == f"The picture {path.name}"
        assert clean.page.locator("#list [aria-current]").count() == 1
        assert clean.text("#result h2") in clean.rows()[row]


def test_every_kind_of_answer_has_its_words(clean: Tab) -> None:
    clean.choose(
        site.upload("small.jpg", _jpeg(120, 90)),
        site.upload("squeezed.jpg", _jpeg(400, 300, quality=20)),
        site.upload("note.txt", b"not a picture"),
        site.upload("empty.jpg", b""),
    )
    rows = clean.rows()
    assert rows[0] == "small.jpg | Too small to say"
    assert rows[2].startswith("note.txt | Cannot be read | not a picture in a format that fauxto reads")
    assert rows[3] == "empty.jpg | Cannot be read | the file is empty"
    least = Model.open().card.minimum_short_side
    assert f"Its short side has 90 px, and {least} px or more are needed." in clean.text("#result")
    assert not clean.page.is_visible("#result .bar")
    clean.page.locator("#list .row").nth(1).click()
    clean.page.wait_for_selector("text=JPEG quality about 20")
    clean.page.locator("#list .row").nth(2).click()
    assert clean.text("#result h2") == "Cannot be read"
    assert not clean.page.is_visible("#heat")


def test_what_a_file_declares_is_told(clean: Tab) -> None:
    clean.choose(site.upload("signed.jpg", jpeg(*app11(store(CREATED)), image=make_photo(400, 300))))
    assert "The file says: made by AI (C2PA manifest of Tester 1.0" in clean.text("#result")
    clean.choose(EXAMPLES[4])
    assert clean.rows()[0].endswith("The file says: made by AI")
    assert "The file says" not in clean.rows()[1]


def test_the_slider_tells_how_often_such_an_answer_is_right(clean: Tab) -> None:
    clean.choose(next(path for path in EXAMPLES if path.name == "ai-face-7.jpg"))
    assert clean.text("#result h2") == "Strong signs of AI"
    clean.page.focus("#prior")
    for _ in range(12):
        clean.page.keyboard.press("ArrowLeft")
    assert clean.page.get_attribute("#prior", "aria-valuetext") == "1 picture in 1,000"
    for _ in range(5):
        clean.page.keyboard.press("ArrowRight")
    assert clean.page.get_attribute("#prior", "aria-valuetext") == "1 picture in 20"
    point = Model.open().card.test_point("fpr1")
    assert point is not None
    right = point["recall"] / (point["recall"] + 19 * point["fpr"])
    assert clean.text(".told").startswith(f"Where 1 picture in 20 is AI, {10 * right:.0f} of 10 such answers are right")


def test_the_heat_map_is_that_of_the_picture_that_is_open(clean: Tab) -> None:
    clean.choose(*EXAMPLES[3:])
    rows = clean.page.locator("#list .row")
    rows.nth(0).click()
    clean.page.check("#heat")
    rows.nth(1).click()  # while the first map is being made
    clean.page.uncheck("#heat")
    clean.page.check("#heat")
    rows.nth(2).click()
    assert not clean.page.is_visible("canvas.heat")
    clean.page.wait_for_selector("canvas.heat")
    width, height = Image.open(EXAMPLES[5]).size
    shape = clean.page.locator("canvas.heat").evaluate("canvas => canvas.width / canvas.height")
    assert shape == pytest.approx(width / height, rel=0.01)
    first = clean.page.locator("canvas.heat").evaluate("canvas => canvas.toDataURL()")
    rows.nth(0).click()
    clean.page.wait_for_selector("canvas.heat")
    rows.nth(2).click()
    clean.page.wait_for_selector("canvas.heat")
    assert clean.page.locator("canvas.heat").evaluate("canvas => canvas.toDataURL()") == first
    clean.page.uncheck("#heat")
    assert not clean.page.is_visible("canvas.heat")
    assert not clean.page.is_visible(".legend")


def test_the_list_is_sorted(clean: Tab) -> None:
    clean.choose(*EXAMPLES)
    clean.choose(site.upload("zero.jpg", b""))
    clean.page.select_option("#sort", "number")
    shares = [row.rsplit("AI ", 1)[1].removesuffix(" %").strip("<> ") for row in clean.rows()[:-1]]
    assert [int(share) for share in shares] == sorted(map(int, shares), reverse=True)
    assert clean.rows()[-1].startswith("zero.jpg")
    clean.page.select_option("#sort", "name")
    by_name = ["ai-face-3.jpg", "ai-face-7.jpg", "ai-face-11.jpg", *site.names(EXAMPLES[3:]), "zero.jpg"]
    assert [row.split(" | ")[0] for row in clean.rows()] == by_name


def test_pasted_dropped_photographed_and_examples(clean: Tab) -> None:
    data = list(EXAMPLES[0].read_bytes())
    for kind, target in (("paste", "document"), ("drop", "document.body")):
        clean.page.evaluate(
            f"""async (bytes) => {{
                const files = new DataTransfer();
                files.items.add(new File([Uint8Array.from(bytes)], '{kind}.jpg', {{ type: 'image/jpeg' }}));
                const init = {{ bubbles: true, cancelable: true }};
                const event = '{kind}' === 'paste'
                    ? new ClipboardEvent('paste', {{ ...init, clipboardData: files }})
                    : new DragEvent('drop', {{ ...init, dataTransfer: files }});
                {target}.dispatchEvent(event);
            }}""",
            data,
        )
    clean.page.click("#camera")
    clean.page.click("#shoot")
    clean.page.click("#examples li:nth-child(2) button")
    clean.page.wait_for_selector("#list li:nth-child(4)")
    clean.ready()
    assert [row.split(" | ")[0] for row in clean.rows()] == ["paste.jpg", "drop.jpg", "camera.png", "Example 2"]
    assert all("AI" in row for row in clean.rows())
    assert clean.page.evaluate("() => document.getElementById('video').srcObject") is None


def test_json_and_case_file_hold_the_answer(clean: Tab, context: Any, tmp_path: Path) -> None:
    evil = "<img src=x onerror=document.title=1>.jpg"
    clean.choose(site.upload(evil, EXAMPLES[4].read_bytes()))
    clean.page.click("text=Copy as JSON")
    clean.page.wait_for_selector("text=Copied.")
    record = json.loads(clean.page.evaluate("() => navigator.clipboard.readText()"))
    assert (record["schema"], record["path"]) == (2, evil)
    with clean.page.expect_download() as waiting:
        clean.page.click("text=Save the case file")
    saved = tmp_path / "case.html"
    waiting.value.save_as(saved)
    case = context.browser.new_context().new_page()
    asked: list[str] = []
    case.on("request", lambda request: asked.append(request.url))
    case.goto(saved.as_uri())
    text = case.inner_text("body")
    for part in (evil, record["model"], record["model_sha256"], clean.text("#result h2"), "A hint, never proof"):
        assert part in text
    assert hashlib.sha256(EXAMPLES[4].read_bytes()).hexdigest() in text
    widths = case.locator("img").evaluate_all("images => images.map((image) => image.naturalWidth)")
    assert len(widths) == 2
    assert min(widths) > 200
    assert case.title() == f"{evil}: {clean.text('#result h2')}"
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    case.context.close()


def test_a_browser_has_no_second_opinion(clean: Tab) -> None:
    clean.choose(EXAMPLES[0])
    assert not clean.page.is_visible("#second")
    assert "second opinion" not in clean.text("body").lower()


def test_a_screen_reader_is_told_once(clean: Tab) -> None:
    clean.choose(EXAMPLES[0])
    clean.page.wait_for_selector(ANSWERED)
    assert clean.text("#said").startswith(f"{EXAMPLES[0].name}: ")
    clean.choose(*EXAMPLES[1:3])
    assert clean.text("#said").startswith("3 pictures: ")


def test_nothing_is_asked_for_but_the_pages_own_files(tab: Tab, address: str) -> None:
    assert len(tab.asked) > 30
    outside = [url for url in tab.asked if not url.startswith((address, f"blob:{address.split('/some')[0]}"))]
    assert outside == []
