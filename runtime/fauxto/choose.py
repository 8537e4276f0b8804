"""Which execution provider runs a model: the one asked for, or with "auto" the one that earns it."""

from __future__ import annotations

import contextlib
import math
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import onnxruntime as ort

import fauxto
from fauxto import cache, selftest
from fauxto import card as cards
from fauxto.card import Card
from fauxto.errors import ProviderError
from fauxto.providers import AUTO, CPU, NAMES, Provider, candidates, engine, how_to_get, options, wanted
from fauxto.session import Runner, compiled_in, open_session, usable_cpus

CACHE = "providers"


@dataclass(frozen=True)
class Opened:
    """A model, ready to run.

    Attributes:
        runner: it, on a provider.
        variant: which of its files, by name in the card.
        sha256: of that file, checked against the card.
        passed_over: provider -> why "auto" does not use it.
    """

    runner: Runner
    variant: str
    sha256: str
    passed_over: Mapping[str, str] = field(default_factory=dict)


def open_model(
    folder: Path, card: Card, provider: Provider | None = None, variant: str | None = None, threads: int | None = None
) -> Opened:
    """Open a model on the provider that `Detector` was asked for; see there for what it raises."""
    chosen = wanted(provider)
    if chosen == AUTO:
        return _auto(folder, card, variant, threads)
    opened = open_on(folder, card, chosen, variant, threads)
    if opened.runner.provider != CPU:
        _prove(folder, card, chosen, opened, threads)
    return opened


def open_on(
    folder: Path, card: Card, provider: Provider, variant: str | None = None, threads: int | None = None
) -> Opened:
    """Open the card's variant for `provider` on it, without a self-test."""
    chosen = cards.choose_variant(folder, card, engine(provider), variant)
    path, digest = cards.checked_file(folder, card, chosen.file)
    return Opened(open_session(path, provider, threads), chosen.name, digest)


def wrong(folder: Path, card: Card, opened: Opened, threads: int | None = None) -> tuple[float, str | None]:
    """Max |Δlogit| against the golden logits, and what is wrong with it: None where it is close enough.

    A variant's own distance (int8) is its export's business: what counts is how much the provider adds to it.
    """
    views = selftest.golden_views(card.preprocessing, card)
    try:
        found = selftest.difference(opened.runner, card, views)
    except Exception as error:  # a provider can fail at its first run
        return float("inf"), f"it fails when it runs ({str(error).splitlines()[0] if str(error) else error!r})"
    own = 0.0
    if opened.runner.provider != CPU:
        cpu = open_on(folder, card, "cpu", opened.variant, threads)
        own = selftest.difference(cpu.runner, card, views)
    elif opened.variant != cards.REFERENCE:
        own = found
    if math.isfinite(found) and found <= own + selftest.BOUND:
        return found, None
    return found, f"wrong answers: |Δlogit| {found:.2g} on the golden pictures, {own:.2g} on the CPU"


def _prove(folder: Path, card: Card, provider: Provider, opened: Opened, threads: int | None) -> None:
    """Refuse a provider that answers wrongly. A pass is remembered, a failure is not."""
    key = cache_key(card, opened.variant, threads) | {
        "provider": [engine(provider), options(provider, ort.__version__)]
    }
    if cache.read(CACHE, key):
        return
    found, reason = wrong(folder, card, opened, threads)
    if reason:
        raise ProviderError(f"{opened.runner.provider} cannot be trusted here: {reason}; use --provider auto or cpu")
    cache.write(CACHE, key, {"difference": found})


def _auto(folder: Path, card: Card, variant: str | None, threads: int | None) -> Opened:
    """The first candidate that is right and faster than the CPU, else the CPU. Without candidates it costs nothing."""
    here = candidates()
    missing = {name: f"not compiled in; {how_to_get(NAMES[name])}" for name in here if not compiled_in(NAMES[name])}
    if len(missing) == len(here):
        return _with(open_on(folder, card, "cpu", variant, threads), missing)
    key = cache_key(card, variant, threads) | {"candidates": list(here)}
    kept = cache.read(CACHE, key)
    if kept:
        try:
            return _with(open_on(folder, card, kept["provider"], variant, threads), kept["passed_over"])
        except ProviderError:
            pass  # it worked once: look again
    name, opened = _trial(folder, card, [n for n in here if n not in missing], missing, variant, threads)
    cache.write(CACHE, key, {"provider": name, "passed_over": dict(opened.passed_over)})
    return opened


def _trial(
    folder: Path,
    card: Card,
    names: list[str],
    passed_over: Mapping[str, str],
    variant: str | None,
    threads: int | None,
) -> tuple[str, Opened]:
    """Self-test and race of each candidate. Returns the winner's name, and it."""
    cpu = open_on(folder, card, "cpu", variant, threads)
    passed = dict(passed_over)
    for name in names:
        try:
            opened = open_on(folder, card, name, variant, threads)
        except ProviderError as error:
            passed[name] = str(error)
            continue
        _, reason = wrong(folder, card, opened, threads)
        passed[name] = reason or slower(opened.runner, cpu.runner, card)
        if not passed[name]:
            del passed[name]
            return name, _with(opened, passed)
    return "cpu", _with(cpu, passed)


def slower(runner: Runner, cpu: Runner, card: Card) -> str:
    """How much slower than the CPU a provider is, in words; empty where it is faster."""
    views = selftest.golden_views(card.preprocessing, card)[0]
    own, base = selftest.race([runner, cpu], views)
    return "" if own < base else f"slower than the CPU: {own * 1000:.1f} ms a picture, CPU {base * 1000:.1f} ms"


def cache_key(card: Card, variant: str | None, threads: int | None) -> dict[str, Any]:
    """All that a kept outcome depends on. Any change of it, and the trial is held again."""
    return {
        "machine": platform.node(),
        "system": platform.platform(),
        "cpus": threads or usable_cpus(),
        "onnxruntime": ort.__version__,
        "fauxto": fauxto.__version__,
        "files": dict(card.files),
        "variant": variant,
    }


def forget() -> None:
    """Drop every kept outcome, so that the next "auto" looks anew."""
    for path in cache.folder().glob(f"{CACHE}-*.json"):
        with contextlib.suppress(OSError):
            path.unlink()


def _with(opened: Opened, passed_over: Mapping[str, str]) -> Opened:
    return Opened(opened.runner, opened.variant, opened.sha256, passed_over)
