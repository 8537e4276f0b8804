"""Every state of the page, with a server's API in which each picture holds its own answer: axe, layout, words."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from benchmarks import chromium
from tests.helpers import make_photo
from tests.js import site
from tests.js.site import PATIENCE, Api, Tab

AXE = chromium.JS / "node_modules/axe-core/axe.min.js"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium.missing() is not None, reason=str(chromium.missing())),
]


def _picture(name: str, **told: Any) -> dict[str, Any]:
    """A file that a browser shows, with its answer behind the picture."""
    buffer = io.BytesIO()
    make_photo(400, 300).save(buffer, "JPEG", quality=30)
    return site.upload(name, buffer.getvalue() + b"#" + json.dumps(told).encode())


ALL = (
    _picture("ai.jpg", declared="camera", declared_by="EXIF of Canon EOS R5", signature="unverified"),
    _picture("none.jpg", verdict="no_sign", p_ai=0.11, declared="ai", declared_by="C2PA manifest", signature="valid"),
    _picture("unsure.jpg", verdict="unsure", p_ai=0.8, lean="ai", reason="band"),
    _picture("small.jpg", verdict="unsure", p_ai=0.8, reason="too_small", width=90, height=70),
    _picture("bad.jpg", status="error", verdict=None, p_ai=None, error="damaged picture; export it again"),
    _picture("nobody.jpg", http=500, detail="the server has a problem"),
    _picture("\u202ea very long name of a picture, as phones and messengers give them 2026-11-30 at 12.31.07.jpeg"),
)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("site")
    site.build(folder)
    with site.served(folder, Api) as url:
        yield url


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright, site.browser(playwright) as running:
        yield running


@pytest.fixture
def opened(browser: Any, address: str) -> Iterator[Callable[..., Tab]]:
    contexts = []

    def opened(width: int = 1280, **options: Any) -> Tab:
        contexts.append(browser.new_context(viewport={"width": width, "height": 900}, **options))
        tab = site.opened(contexts[-1], address)
        tab.ready()
        return tab

    Api.go.set()
    yield opened
    Api.go.set()
    for context in contexts:
        context.close()


def _states(tab: Tab) -> Iterator[str]:
    """Bring the page into each of its states, and name it."""
    page = tab.page
    yield "empty"
    Api.go.clear()
    page.set_input_files("#files", [ALL[0]])
    page.wait_for_selector("#result[data-kind=working]")
    yield "working"
    Api.go.set()
    tab.ready()
    yield "one"
    tab.choose(*ALL[1:])
    yield "several"
    for row, one in enumerate(ALL):
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
    tab = opened(width, color_scheme=scheme, bypass_csp=True)
    tab.page.add_script_tag(path=AXE)
    seen = []
    for state in _states(tab):
        found = tab.page.evaluate("async () => (await axe.run()).violations")
        told = [f"{one['id']}: {one['help']}: {[node['html'] for node in one['nodes'][:2]]}" for one in found]
        assert told == [], state
        seen.append(state)
    assert len(seen) == 15


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
    tab.choose(*ALL[:2])
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
    tab.choose(*ALL[:3])
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
        tab.choose(*ALL)
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
    with tab.page.expect_download(timeout=PATIENCE) as waiting:
        tab.page.click("text=Save the case file")
    assert "could not show the picture" in waiting.value.path().read_text()


def test_the_map_lies_on_its_picture(opened: Any) -> None:
    for width in (1280, 390):
        tab = opened(width)
        tab.choose(_picture("wide.jpg"))
        tab.page.check("#heat")
        tab.page.wait_for_selector("canvas.heat")
        boxes = [tab.page.locator(f".over > {one}").bounding_box() for one in ("img", "canvas")]
        assert boxes[0] == boxes[1]
        assert min(boxes[0]["width"] / 400, boxes[0]["height"] / 300) > 0.7


def test_what_failed_can_be_tried_again(opened: Any) -> None:
    tab = opened()
    Api.go.clear()
    tab.page.route("**/api/predict", lambda route: route.abort())
    tab.page.set_input_files("#files", [ALL[0]])
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
    tab.choose(ALL[1])
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
    sixty = [_picture(f"{i}.jpg", p_ai=0.98 + i / 6000, logit=i) for i in range(60)]
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
    tab.choose(*ALL[:3], ALL[6])
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
    chooser.value.set_files(list(ALL[:3]))
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
    chooser.value.set_files(ALL[1])
    tab.page.wait_for_selector(site.ANSWERED)


def test_less_motion_is_no_motion(opened: Any) -> None:
    tab = opened(reduced_motion="reduce")
    Api.go.clear()
    tab.page.set_input_files("#files", [ALL[0]])
    tab.page.wait_for_selector("#result[data-kind=working]")
    assert tab.page.evaluate("() => document.getAnimations().length") == 0
