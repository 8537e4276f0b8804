"""The page as `fauxto web` serves it: the same words and numbers as Python's, from a server's answers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from benchmarks import chromium
from fauxto.detector import Detector
from fauxto.prediction import WORDS
from fauxto.reporting.text import chance
from tests.helpers import make_photo
from tests.js import site
from tests.js.site import EXAMPLES, Tab
from tests.runtime.provenance.files import CREATED, app11, jpeg, store

pebble = pytest.importorskip("pebble", reason="needs the extra web")
pytest.importorskip("fastapi", reason="needs the extra web")

from fauxto.web import page as files  # noqa: E402
from tests.runtime.web.helpers import running  # noqa: E402

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium.missing() is not None, reason=str(chromium.missing())),
]


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector(provider="cpu")


@pytest.fixture(scope="module")
def tab(detector: Detector) -> Iterator[Tab]:
    from playwright.sync_api import sync_playwright

    with (
        running(detector, files.find()) as served,
        sync_playwright() as playwright,
        site.browser(playwright) as browser,
    ):
        tab = site.opened(browser.new_context(), served.url + "/")
        tab.ready()
        yield tab


def test_words_and_numbers_are_pythons(tab: Tab, detector: Detector) -> None:
    tab.choose(*EXAMPLES)
    rows = []
    for record in detector.predict_many(EXAMPLES):
        assert record.verdict is not None
        assert record.p_ai is not None
        words = WORDS[record.verdict].capitalize().replace("ai", "AI")
        rows.append(f"{str(record.path).rsplit('/', 1)[1]} | {words} | {chance(record.p_ai)}")
    assert tab.rows() == rows
    assert len(rows) == 6


def test_heat_map_examples_and_errors_come_from_the_server(tab: Tab) -> None:
    tab.choose(EXAMPLES[4])
    tab.page.check("#heat")
    tab.page.wait_for_selector("canvas.heat")
    before = tab.page.locator("#list li").count()
    tab.page.click("#examples li:nth-child(1) button")
    tab.page.wait_for_selector(f"#list li:nth-child({before + 1})")
    tab.choose(site.upload("note.txt", b"not a picture"))
    assert tab.rows()[before].startswith("Example 1 | ")
    assert tab.rows()[before + 1].startswith("note.txt | Cannot be read | not a picture")
    tab.choose(site.upload("signed.jpg", jpeg(*app11(store(CREATED)), image=make_photo(400, 300))))
    assert tab.rows()[before + 2].endswith("The file says: made by AI")
    assert "keeps none of them" in tab.text("#privacy")


def test_nothing_is_asked_for_but_this_server(tab: Tab) -> None:
    origin = tab.page.url
    assert len(tab.asked) > 30
    assert [url for url in tab.asked if not url.startswith((origin, f"blob:{origin}"))] == []
    assert [text for text in tab.wrong if "422" not in text] == []  # a browser notes each refusal as an error
