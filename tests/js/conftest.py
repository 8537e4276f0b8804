"""A Chromium, and the page in it over the mock of a server's API."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.js import site
from tests.js.site import Api, Tab


@pytest.fixture(scope="module")
def mock_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
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
def opened(browser: Any, mock_address: str) -> Iterator[Callable[..., Tab]]:
    contexts = []

    def opened(width: int = 1280, **options: Any) -> Tab:
        contexts.append(browser.new_context(viewport={"width": width, "height": 900}, **options))
        tab = site.opened(contexts[-1], mock_address)
        tab.ready()
        return tab

    Api.go.set()
    yield opened
    Api.go.set()
    for context in contexts:
        context.close()
