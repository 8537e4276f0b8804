"""C2PA manifests as they state themselves: who made the claim, what was done, and from what kind of source.

Nothing here checks a signature. Anyone can write such a manifest; see `Declaration.signature`.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fauxto.provenance.containers import MAX_BLOCKS, boxes
from fauxto.provenance.generators import last_part

MAX_DEPTH = 16
MAX_ITEMS = 4096  # values of one CBOR structure


@dataclass(frozen=True)
class Manifest:
    """One manifest: its claim generator, its actions, and their digital source types (the last part of the URI)."""

    generator: str
    actions: tuple[str, ...]
    source_types: tuple[str, ...]


def manifests(store: bytes) -> list[Manifest]:
    """The manifests of a store, the active one last; none where it is no store."""
    found = []
    for kind, content in boxes(store):
        if kind == b"jumb":
            label, children = _superbox(content)
            if label == "c2pa":
                found += [_manifest(child) for kind, child in children if kind == b"jumb"]
    return found


def _superbox(content: bytes) -> tuple[str, list[tuple[bytes, bytes]]]:
    """A superbox's label and its children. The description box: type (16), toggles (1), label."""
    children = list(boxes(content))[:MAX_BLOCKS]
    if not children or children[0][0] != b"jumd":
        return "", []
    description = children[0][1]
    has_label = len(description) > 17 and description[16] & 2
    label = description[17:].partition(b"\0")[0].decode("utf-8", "replace") if has_label else ""
    return label, children[1:]


def _manifest(content: bytes) -> Manifest:
    generator, actions, source_types = "", list[str](), list[str]()
    for label, value in _values(content, 0):
        if label in ("c2pa.claim", "c2pa.claim.v2"):
            generator = _generator(value) or generator
        elif label.startswith("c2pa.actions"):
            for action in _list(value, "actions"):
                actions.append(_text(action, "action"))
                source_types.append(last_part(_text(action, "digitalSourceType")))
    return Manifest(generator, *(tuple(dict.fromkeys(filter(None, words))) for words in (actions, source_types)))


def _values(content: bytes, depth: int) -> Iterator[tuple[str, Any]]:
    """(label, CBOR value) of every labelled box below a manifest."""
    label, children = _superbox(content)
    for kind, child in children:
        if kind == b"jumb" and depth < MAX_DEPTH:
            yield from _values(child, depth + 1)
        elif kind == b"cbor":
            try:
                yield label, loads(child)
            except (ValueError, IndexError, struct.error):
                continue


def _generator(claim: Any) -> str:
    single = claim.get("claim_generator_info") if isinstance(claim, dict) else None
    information = _list(claim, "claim_generator_info") or [single]
    names = [" ".join(filter(None, (_text(entry, "name"), _text(entry, "version")))) for entry in information]
    return next(filter(None, names), "") or _text(claim, "claim_generator")


def _text(value: Any, key: str) -> str:
    word = value.get(key) if isinstance(value, dict) else None
    return word[:200] if isinstance(word, str) else ""


def _list(value: Any, key: str) -> list[Any]:
    entries = value.get(key) if isinstance(value, dict) else None
    return entries if isinstance(entries, list) else []


def loads(data: bytes) -> Any:
    """The first CBOR value in `data` (RFC 8949). Tags are dropped, big numbers and the like left as bytes.

    Raises:
        ValueError, IndexError, struct.error: it is damaged, too deep, or too long.
    """
    return _Reader(data).value(0)


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data, self.at, self.left = data, 0, MAX_ITEMS

    def value(self, depth: int) -> Any:
        self.left -= 1
        if depth > MAX_DEPTH or self.left < 0:
            raise ValueError("too deep or too long")
        first = self.data[self.at]
        self.at += 1
        major, short = first >> 5, first & 31
        if major == 7:
            return self.simple(short)
        if short == 31:
            return self.indefinite(major, depth)
        count = self.number(short)
        if major == 0:
            return count
        if major == 1:
            return -1 - count
        if major in (2, 3):
            return self.string(major, count)
        if major == 6:
            return self.value(depth + 1)
        if major == 4:
            return [self.value(depth + 1) for _ in range(self.bounded(count))]
        return dict(self.pair(depth) for _ in range(self.bounded(count)))

    def number(self, short: int) -> int:
        if short < 24:
            return short
        if short > 27:
            raise ValueError("a reserved length")
        size = 1 << (short - 24)
        if self.at + size > len(self.data):
            raise ValueError("it ends early")
        self.at += size
        return int.from_bytes(self.data[self.at - size : self.at], "big")

    def bounded(self, count: int) -> int:
        if count > self.left:
            raise ValueError("too long")
        return count

    def string(self, major: int, count: int) -> str | bytes:
        if self.at + count > len(self.data):
            raise ValueError("it ends early")
        raw = self.data[self.at : self.at + count]
        self.at += count
        return raw.decode("utf-8", "replace") if major == 3 else raw

    def pair(self, depth: int) -> tuple[Any, Any]:
        key, value = self.value(depth + 1), self.value(depth + 1)
        return (key if isinstance(key, (str, int, bytes)) else str(type(key))), value

    def indefinite(self, major: int, depth: int) -> Any:
        values = []
        while self.data[self.at] != 0xFF:
            values.append(self.pair(depth) if major == 5 else self.value(depth + 1))
        self.at += 1
        if major == 5:
            return dict(values)
        if major == 4:
            return values
        kind: Any = {2: bytes, 3: str}.get(major)
        if kind is None or not all(isinstance(value, kind) for value in values):
            raise ValueError("not a string, array or map of open length")
        return kind().join(values)

    def simple(self, short: int) -> Any:
        if short in (25, 26, 27):
            code, size = {25: (">e", 2), 26: (">f", 4), 27: (">d", 8)}[short]
            self.at += size
            return struct.unpack(code, self.data[self.at - size : self.at])[0]
        if short == 24:
            self.at += 1
        return {20: False, 21: True}.get(short)
