"""The page keeps itself: after one visit it works with the server gone, and a new version takes over as a whole."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

import pytest

from benchmarks import chromium, javascript
from tests.js import site
from tests.js.site import EXAMPLES, Files

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium.missing() is not None, reason=str(chromium.missing())),
]

KEPT = "text=This page now works without a network"


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    return site.build(tmp_path)


def _renew(dist: Path, name: str, data: bytes) -> None:
    """A release in which one file is another one."""
    worker = (dist / "sw.js").read_text()
    old = re.search(rf'"{re.escape(name)}": "(\w+)"', worker)
    assert old is not None
    (dist / name).write_bytes(data)
    (dist / "sw.js").write_text(worker.replace(old[1], hashlib.sha256(data).hexdigest()))


def test_it_works_with_the_server_gone_and_with_threads(browser: Any, dist: Path, tmp_path: Path) -> None:
    with site.served(tmp_path) as address:
        tab = site.opened(browser.new_context(), address)
        tab.page.wait_for_selector(KEPT)
        assert tab.page.evaluate("() => crossOriginIsolated") is False  # this server sends no such headers
    tab.page.reload()
    tab.ready()
    tab.choose(EXAMPLES[0])
    assert "AI" in tab.text("#result .chance")
    assert tab.page.evaluate("() => crossOriginIsolated") is True
    tab.page.click("#examples li:nth-child(3) button")
    tab.page.locator("#list .row").nth(1).wait_for()  # the example is fetched first
    tab.ready()
    assert len(tab.rows()) == 2
    assert tab.wrong == []
    tab.page.context.close()


def test_a_new_version_is_offered_and_only_what_is_new_is_fetched(browser: Any, dist: Path, tmp_path: Path) -> None:
    with site.served(tmp_path) as address:
        tab = site.opened(browser.new_context(), address)
        tab.page.wait_for_selector(KEPT)
        _renew(dist, "page.css", (dist / "page.css").read_bytes() + b"body { --version: new; }")
        Files.asked.clear()
        tab.page.reload()
        tab.page.wait_for_selector("#newer")
        version = "() => getComputedStyle(document.body).getPropertyValue('--version')"
        assert tab.page.evaluate(version) == ""  # all of the page is the old one until it is asked for
        with tab.page.expect_navigation():
            tab.page.click("#renew")
        tab.ready()
        assert tab.page.evaluate(version) == "new"
        assert not tab.page.is_visible("#newer")
        assert set(Files.asked) == {"sw.js", "page.css"}
        kept = tab.page.evaluate(
            """async () => {
                const names = await caches.keys();
                return [names.length, (await (await caches.open(names[0])).keys()).map(({ url }) => url)];
            }"""
        )
        assert kept[0] == 1
        assert len([url for url in kept[1] if "page.css" in url]) == 1
    tab.page.context.close()


def test_a_file_that_is_not_the_versions_is_not_kept(browser: Any, dist: Path, tmp_path: Path) -> None:
    (dist / "page.css").write_bytes(b"/* changed on the way */")
    with site.served(tmp_path) as address:
        tab = site.opened(browser.new_context(), address)
        tab.page.wait_for_selector("text=The page could not be kept")
        assert (
            tab.page.evaluate("async () => (await navigator.serviceWorker.getRegistration())?.active ?? null") is None
        )
    tab.page.context.close()


def test_a_model_that_does_not_come_is_told_and_asked_for_again(browser: Any, dist: Path, tmp_path: Path) -> None:
    model = dist / "model" / javascript.model_file()
    data = model.read_bytes()
    model.write_bytes(data[:-1])
    with site.served(tmp_path) as address:
        tab = site.opened(browser.new_context(), address)
        tab.page.wait_for_selector("#trouble")
        assert "its sha256 is not the expected one" in tab.text("#trouble")
        tab.page.set_input_files("#files", [EXAMPLES[0]])
        model.write_bytes(data)
        tab.page.click("#reload")
        tab.page.wait_for_selector(site.ANSWERED)
        assert not tab.page.is_visible("#trouble")
    tab.page.context.close()
