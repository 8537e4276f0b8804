"""The page's second opinion: a switch where the server has one, and answers that say whose they are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from benchmarks import chromium
from fauxto.detector import Detector
from fauxto.prediction import WORDS
from fauxto.reporting.text import chance
from tests.js import site
from tests.js.site import ANSWERS, EXAMPLES, SECONDED, Api, Tab, picture
from tests.runtime.second_opinion import standin

pytest.importorskip("pebble", reason="needs the extra web")
pytest.importorskip("fastapi", reason="needs the extra web")

from fauxto.web import page as files
from tests.runtime.web.helpers import running

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium.missing() is not None, reason=str(chromium.missing())),
]

NOTE = "With a second opinion"


@pytest.fixture(scope="module")
def detector(tmp_path_factory: pytest.TempPathFactory) -> Detector:
    place = tmp_path_factory.mktemp("second")
    folder = standin.write_second(place / "second", standin.install(place / "data"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FAUXTO_DATA", str(place / "data"))
        return Detector(provider="cpu", second_opinion=folder)


@pytest.fixture(scope="module")
def tab(detector: Detector, browser: Any) -> Iterator[Tab]:
    """The page as `fauxto web --second-opinion` serves it."""
    with running(detector, files.find()) as served:
        context = browser.new_context()
        tab = site.opened(context, served.url + "/")
        tab.ready()
        yield tab
        context.close()


def row(detector: Detector, path: Any, note: str = "") -> str:
    """What the list says of a picture, by Python's words and numbers."""
    record = detector.predict(path)
    assert record.verdict is not None
    assert record.p_ai is not None
    return f"{path.name} | {WORDS[record.verdict].capitalize().replace('ai', 'AI')} | {chance(record.p_ai)}{note}"


def test_pictures_that_come_with_the_switch_on_are_asked_about_twice(tab: Tab, detector: Detector) -> None:
    tab.choose(EXAMPLES[0])
    tab.page.get_by_label("Second opinion").check()
    tab.choose(EXAMPLES[0], EXAMPLES[3])
    tab.page.click("label:text('Second opinion')")
    tab.choose(EXAMPLES[3])
    alone = detector.alone()
    assert tab.rows() == [
        row(alone, EXAMPLES[0]),
        *(row(detector, path, f" | {NOTE}") for path in (EXAMPLES[0], EXAMPLES[3])),
        row(alone, EXAMPLES[3]),
    ]
    assert tab.rows()[0] != tab.rows()[1].removesuffix(f" | {NOTE}")
    tab.page.locator("#list .row").nth(1).click()
    assert f'"model": "{detector.card.release}"' in str(tab.page.text_content("#result pre"))


def test_it_is_asked_for_only_where_it_is_wanted(opened: Any) -> None:
    tab = opened()
    Api.asked.clear()
    tab.choose(ANSWERS[0])
    tab.page.focus("#camera")
    tab.page.keyboard.press("Tab")
    tab.page.keyboard.press("Space")
    tab.choose(ANSWERS[1])
    asked = [path for path in Api.asked if path.startswith("api/predict")]
    assert asked == ["api/predict", "api/predict?second_opinion=true"]
    switch = tab.page.get_by_role("checkbox", name="Second opinion", exact=True)
    assert switch.is_checked()
    assert "sees the whole picture" in tab.text(f"#{switch.get_attribute('aria-describedby')}")
    tab.page.reload()
    tab.ready()
    assert not switch.is_checked()


def test_what_failed_is_tried_again_as_the_switch_is_now(opened: Any) -> None:
    tab = opened()
    tab.page.check("#second-opinion")
    refused = picture("refused.jpg", http=400, detail="no second opinion here; start the server with --second-opinion")
    tab.choose(refused)
    assert "start the server with --second-opinion" in tab.text("#result")
    tab.page.uncheck("#second-opinion")
    Api.asked.clear()
    tab.page.click('#result button:text("Try again")')
    tab.ready()
    assert Api.asked == ["api/predict"]


def test_its_answers_say_so_and_have_figures_of_their_own(opened: Any) -> None:
    tab = opened()
    tab.choose(ANSWERS[0], *ANSWERS[-2:])
    rows = tab.page.locator("#list .row")
    assert [NOTE in row for row in tab.rows()] == [False, True, True]
    assert tab.rows()[1].endswith(f"The file says: made by AI · {NOTE}")
    assert "second opinion" not in tab.text("#result")
    rows.nth(1).click()
    said = tab.text("#result")
    assert (
        "This answer has a second opinion: one network looked at the pixels, a larger one at the whole picture" in said
    )
    assert "2.0 % of the 600 that the model was tested on (at most 3.0 %, 95 % interval)" in said
    tab.page.click("#result summary")
    assert tab.text("#result .opinions").split("\n") == [
        "Pixels: logit 1.25 (fauxto-r18-v6)",
        "Whole picture: logit -0.50 (fauxto-second-v1)",
        "Both together: logit 2.50",
    ]
    rows.nth(2).click()
    assert tab.text("#result h2") == "Unsure"
    assert "disagree, more than on any picture that was measured" in tab.text("#result")
    rows.nth(0).click()
    assert tab.page.locator("#result .opinions").count() == 0
    footer = tab.text("#second-figures")
    assert footer.startswith("With a second opinion, of the 600 photographs that the model was tested on, 2.0 % got")


def test_a_case_file_names_both_networks(opened: Any) -> None:
    tab = opened()
    tab.choose(ANSWERS[-2])
    with tab.page.expect_download() as waiting:
        tab.page.click("text=Save the case file")
    case = waiting.value.path().read_text()
    told = ("has a second opinion", SECONDED["model"], SECONDED["model_sha256"], "logit -0.50", "of the 600")
    assert [part for part in told if part not in case] == []


def test_a_server_without_one_shows_nothing_of_it(opened: Any) -> None:
    tab = opened()
    told = site.INFO | {"second_opinion": False, "second_model": None, "second_card": None}
    card = tab.page.evaluate("async () => (await (await fetch('api/info')).json()).card")
    tab.page.route("**/api/info", lambda route: route.fulfill(json=told | {"card": card}))
    tab.page.reload()
    tab.ready()
    tab.choose(ANSWERS[0])
    assert not tab.page.is_visible("#second")
    assert "second opinion" not in tab.text("body").lower()
