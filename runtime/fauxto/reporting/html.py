"""Reports as one page that needs nothing else: plots and pictures lie in it. Needs Jinja."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import Any

import jinja2
from markupsafe import Markup

from fauxto.image.decode import load
from fauxto.image.jpeg import data_uri
from fauxto.image.source import Source

THUMBNAIL = 180  # px


def render(name: str, filters: Mapping[str, Callable[..., str]], **values: object) -> str:
    """The page that the template NAME.html.jinja beside this file makes of `values`, with `filters` for its own use."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("fauxto.reporting"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= filters
    page: str = environment.get_template(f"{name}.html.jinja").render(**values)
    return page


def svg(figure: Any) -> Markup:
    """A matplotlib Figure as an <svg> element."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", bbox_inches="tight", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    return Markup(text[text.index("<svg") :])


def png(figure: Any) -> bytes:
    """A matplotlib Figure as a PNG file."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=120, bbox_inches="tight")
    return buffer.getvalue()


def label(text: str) -> str:
    """Any text as matplotlib shows it to the letter: dollar signs would be the borders of a formula."""
    return text.replace("$", r"\$")


def thumbnail(source: Source) -> str:
    """A picture as a small JPEG in a data: address. Raises ImageError where it cannot be read."""
    image = load(source).copy()
    image.thumbnail((THUMBNAIL, THUMBNAIL))
    return data_uri(image, 80)
