"""Every state of the page, with a server's API in which each picture holds its own answer: axe, layout, words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from benchmarks import chromium
from tests.js import site
from tests.js.site import ANSWERS, Api, Tab, picture

AXE = chromium.JS / "node_modules/axe-core/axe.min.js"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium.missing() is not None, reason=str(chromium.missing())),
]


def _states(tab: Tab) -> Iterator[str]:
    """Bring the page into each of its states, and name it."""
    page = tab.page
    yield "empty"
    Api.go.clear()
    page.set_input_files("#files", [ANSWERS[0]])
    page.wait_for_selector("#result[data-kind=working]")
    yield "working"
    Api.go.set()
    tab.ready()
    yield "one"
    tab.choose(*ANSWERS[1:])
    yield "several"
    for row, one in enumerate(ANSWERS):
        page.locator("#list .row").nth(row).click()
        page.wait_for_timeout(50)
        yield one["name"].split(".")[0]
    page.check("#heat")
    page.wait_for_selector("canvas.heat")
    yield "heat map"
    page.locator("#result summary").click()
    yield "for experts"
    page.click("#camera")
    page.wait_for_selector("#shoot:enabled")
    yield "camera"
    page.click("#camera-close")
    page.evaluate("() => { for (const id of ['newer', 'trouble']) document.getElementById(id).hidden = false; }")
    yield "notices"


@pytest.mark.skipif(not AXE.exists(), reason="no axe-core here: npm ci --ignore-scripts, in runtime/js")
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_axe_finds_no_violation_in_any_state(opened: Any, width: int, scheme: str) -> None:
    tab = opened(width, color_scheme=scheme, reduced_motion="reduce", bypass_csp=True)  # no colour half-way
    tab.page.add_script_tag(path=AXE)
    seen = []
    for state in _states(tab):
        found = tab.page.evaluate("async () => (await axe.run()).violations")
        told = [f"{one['id']}: {one['help']}: {[node['html'] for node in one['nodes'][:2]]}" for one in found]
        assert told == [], state
        seen.append(state)
    assert len(seen) == 17


@pytest.mark.parametrize(
    ("width", "direction"), [(1280, "ltr"), (640, "ltr"), (390, "ltr"), (390, "rtl"), (320, "ltr")]
)
def test_nothing_is_cut_off_and_nothing_is_two_letters_wide(opened: Any, width: int, direction: str) -> None:
    tab = opened(width)  # 640 px are 1280 at a zoom of 200 %
    tab.page.evaluate("(direction) => { document.dir = direction; }", direction)
    for state in _states(tab):
        over = tab.page.evaluate("() => document.documentElement.scrollWidth - innerWidth")
        assert over <= 0, state
        cells = "#list .words, #list .number, #list .says, #result p, #result li, button"
        narrow = tab.page.locator(cells).evaluate_all(
            """elements => elements
                .filter((one) => one.checkVisibility() && one.textContent.length > 12)
                .filter((one) => one.getBoundingClientRect().width < 70)
                .map((one) => one.outerHTML)"""
        )
        assert narrow == [], state


def test_a_number_keeps_its_order_from_right_to_left(opened: Any) -> None:
    tab = opened()
    tab.choose(*ANSWERS[:2])
    tab.page.evaluate("() => { document.dir = 'rtl'; }")
    for place in ("#list .number", "#result .number"):
        first, last = tab.page.locator(place).first.evaluate(
            """({ firstChild }) => [0, firstChild.length - 1].map((at) => {
                const range = document.createRange();
                range.setStart(firstChild, at);
                range.setEnd(firstChild, at + 1);
                return range.getBoundingClientRect().left;
            })"""
        )
        assert first < last, place


def test_disagreement_comes_first(opened: Any) -> None:
    tab = opened()
    tab.choose(*ANSWERS[:3])
    for row, said in ((0, "The file says that a camera took it"), (1, "The file itself says that AI made it")):
        tab.page.locator("#list .row").nth(row).click()
        first = tab.page.locator("#result > :visible").nth(0).inner_text()
        assert first.startswith(f"File and model disagree. {said}")
    assert tab.rows()[0] == "ai.jpg | Strong signs of AI | AI 99 % | The file says: taken by a camera"
    assert "Its signature is valid" in tab.text("#result")
    tab.page.locator("#list .row").nth(2).click()
    assert not tab.page.is_visible(".against")


def test_words_of_the_machine_room_are_for_experts_only(opened: Any) -> None:
    tab = opened()
    for state in _states(tab):
        text = tab.page.evaluate(
            """() => {
                const copy = document.body.cloneNode(true);
                for (const one of copy.querySelectorAll('details, script')) one.remove();
                return copy.textContent;
            }"""
        )
        for word in ("fpr1", "Provider", "cpu", "wasm", "logit", "null", "undefined", "NaN", "[object"):
            assert word not in text, state


def test_nothing_is_green(opened: Any) -> None:
    for scheme in ("light", "dark"):
        tab = opened(color_scheme=scheme)
        tab.choose(*ANSWERS)
        colours = tab.page.locator("*").evaluate_all(
            """elements => [...new Set(elements.flatMap((one) => {
                const { color, backgroundColor, borderTopColor } = getComputedStyle(one);
                return [color, backgroundColor, borderTopColor];
            }))]"""
        )
        numbers = [
            [float(part) for part in one.split("(")[1].rstrip(")").split(",")] for one in colours if "rgb" in one
        ]
        assert len(numbers) > 5
        assert [n for n in numbers if n[1] > max(n[0], n[2]) + 20] == []


def test_a_picture_that_the_browser_cannot_show_has_its_answer_and_map(opened: Any) -> None:
    tab = opened()
    told = {"verdict": "no_sign", "p_ai": 0.2, "width": 400, "height": 300}
    tab.choose(site.upload("phone.heic", b"\x00\x00\x00\x18ftypheic#" + json.dumps(told).encode()))
    assert tab.text("#result h2") == "No sign of AI found"
    tab.page.wait_for_selector("text=This browser cannot show the picture. The answer is about it all the same.")
    tab.page.check("#heat")
    tab.page.wait_for_selector("canvas.heat.alone")
    with tab.page.expect_download() as waiting:
        tab.page.click("text=Save the case file")
    assert "could not show the picture" in waiting.value.path().read_text()


def test_the_map_lies_on_itspicture(opened: Any) -> None:
    for width in (1280, 390):
        tab = opened(width)
        tab.choose(picture("wide.jpg"))
        tab.page.check("#heat")
        tab.page.wait_for_selector("canvas.heat")
        boxes = [tab.page.locator(f".over > {one}").bounding_box() for one in ("img", "canvas")]
        assert boxes[0] == boxes[1]
        assert min(boxes[0]["width"] / 400, boxes[0]["height"] / 300) > 0.7
