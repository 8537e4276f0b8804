"""What people do with the page: many pictures, try again, keyboard, camera; and a server that is busy."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks import chromium
from tests.js import site
from tests.js.site import ANSWERS, Api, picture

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium.missing() is not None, reason=str(chromium.missing())),
]


def test_what_failed_can_be_tried_again(opened: Any) -> None:
    tab = opened()
    Api.go.clear()
    tab.page.route("**/api/predict", lambda route: route.abort())
    tab.page.set_input_files("#files", [ANSWERS[0]])
    tab.page.wait_for_selector("#result[data-kind=failed]")
    assert "Is `fauxto web` still running?" in tab.text("#result")
    tab.page.unroute("**/api/predict")
    Api.go.set()
    tab.page.click('#result button:text("Try again")')
    tab.page.wait_for_selector(site.ANSWERED)


def test_a_busy_server_is_asked_again(opened: Any) -> None:
    tab = opened()
    busy = [429, 503, 429]

    def answer(route: Any) -> None:
        status = busy.pop() if busy else 0
        route.fulfill(status=status, json={"detail": "too many"}) if status else route.continue_()

    tab.page.route("**/api/predict", answer)
    tab.choose(ANSWERS[1])
    assert tab.text("#result h2") == "No sign of AI found"
    assert busy == []


def test_sixty_pictures_at_once_are_all_answered_and_little_is_kept(browser: Any, opened: Any) -> None:
    tab = opened()
    tab.page.evaluate(
        """() => {
            globalThis.kept = new Set();
            globalThis.most = 0;
            const [make, revoke] = [URL.createObjectURL, URL.revokeObjectURL];
            URL.createObjectURL = (one) => {
                const url = make.call(URL, one);
                kept.add(url);
                most = Math.max(most, kept.size);
                return url;
            };
            URL.revokeObjectURL = (url) => {
                kept.delete(url);
                revoke.call(URL, url);
            };
        }"""
    )
    Api.most = 0
    Api.go.clear()
    sixty = [picture(f"{i}.jpg", p_ai=0.98 + i / 6000, logit=i) for i in range(60)]
    tab.page.set_input_files("#files", sixty)
    tab.page.wait_for_timeout(500)
    assert tab.text("#progress-said") == "0 of 60 looked at"
    Api.go.set()
    tab.ready()
    assert [row.split(" | ")[0] for row in tab.rows()] == [f"{i}.jpg" for i in range(60)]
    assert all("Strong signs of AI | AI 9" in row or "> 99" in row for row in tab.rows())
    assert Api.most == 2
    for row in range(0, 60, 7):
        tab.page.locator("#list .row").nth(row).click()
        assert f'"logit": {row},' in str(tab.page.text_content("#result pre"))
    assert tab.page.evaluate("() => most") <= 1
    sides = tab.page.locator("#list canvas").evaluate_all("all => all.map(({ width, height }) => width * height)")
    assert sides == [128 * 128] * 60
    tab.page.click("#clear")
    assert tab.page.evaluate("() => kept.size") == 0


def test_maps_of_pictures_that_were_left_are_not_made(opened: Any) -> None:
    tab = opened()
    tab.choose(*ANSWERS[:3], ANSWERS[6])
    tab.page.locator("#list .row").nth(0).click()
    Api.asked.clear()
    Api.go.clear()
    tab.page.check("#heat")
    for row in (1, 2, 3):
        tab.page.locator("#list .row").nth(row).click()
    tab.page.wait_for_timeout(100)
    Api.go.set()
    tab.page.wait_for_selector("canvas.heat")
    assert [path for path in Api.asked if path == "api/explain"] == ["api/explain"] * 2


def test_it_is_used_by_the_keyboard_alone(opened: Any) -> None:
    tab = opened()
    for _ in range(12):
        tab.page.keyboard.press("Tab")
        focused = tab.page.evaluate(
            "() => document.activeElement.textContent || document.activeElement.firstChild?.alt"
        )
        outline = tab.page.evaluate("() => getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none", focused
        if focused == "Choose pictures":
            break
    assert focused == "Choose pictures"
    with tab.page.expect_file_chooser() as chooser:
        tab.page.keyboard.press("Enter")
    chooser.value.set_files(list(ANSWERS[:3]))
    tab.ready()
    tab.page.focus("#list .row")
    tab.page.keyboard.press("Tab")
    tab.page.keyboard.press("Enter")
    assert tab.text("#result h2") == "No sign of AI found"


def test_a_phone_opens_its_own_camera(opened: Any) -> None:
    tab = opened(390, has_touch=True, is_mobile=True)
    with tab.page.expect_file_chooser() as chooser:
        tab.page.tap("#camera")
    assert chooser.value.element.get_attribute("capture") == "environment"
    chooser.value.set_files(ANSWERS[1])
    tab.page.wait_for_selector(site.ANSWERED)


def test_less_motion_is_no_motion(opened: Any) -> None:
    tab = opened(reduced_motion="reduce")
    Api.go.clear()
    tab.page.set_input_files("#files", [ANSWERS[0]])
    tab.page.wait_for_selector("#result[data-kind=working]")
    assert tab.page.evaluate("() => document.getAnimations().length") == 0
