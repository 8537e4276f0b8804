"""Which execution provider runs a model: the one asked for, or with "auto" the one that earns it."""

from __future__ import annotations

import contextlib
import math
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from typing import Any

import onnxruntime as ort

from fauxto import cache
from fauxto.errors import ProviderError
from fauxto.inference import selftest
from fauxto.inference.base import Session
from fauxto.inference.onnx import OnnxSession
from fauxto.inference.providers import (
    CPU,
    NAMES,
    OPENVINO,
    Provider,
    ProviderLike,
    candidates,
    how_to_get,
    requested,
    resolve,
)  # fmt: skip
from fauxto.model.card import REFERENCE
from fauxto.model.model import Model
from fauxto.system import usable_cpus
from fauxto.version import __version__

CACHE = "providers"


@dataclass(frozen=True)
class LoadedModel:
    """A model, ready to run.

    Attributes:
        session: runs one of its files.
        provider: what it runs on, by the name that it is asked for.
        variant: which of the model's files it is, by name in the card.
        sha256: of that file, checked against the card.
        passed_over: provider -> why "auto" does not use it.
    """

    session: Session
    provider: str
    variant: str
    sha256: str
    passed_over: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Check:
    """How a loaded model answers the golden images: max |Δlogit|, and what is wrong with that, or None."""

    difference: float
    reason: str | None


def load(
    model: Model, provider: ProviderLike | None = None, variant: str | None = None, threads: int | None = None
) -> LoadedModel:
    """Load a model on the provider that `Detector` was asked for; see there for what it raises."""
    chosen = requested(provider)
    if chosen is None:
        return _auto(model, variant, threads)
    loaded = load_on(model, chosen, variant, threads)
    if chosen.engine != CPU:
        _prove(model, chosen, loaded, threads)
    return loaded


def load_on(model: Model, provider: Provider, variant: str | None = None, threads: int | None = None) -> LoadedModel:
    """Load the card's variant for `provider` on it, without a self-test."""
    chosen = model.variant(provider.engine, variant)
    path, digest = model.file(chosen.file)
    session: Session
    if provider.engine == OPENVINO:
        from fauxto.inference.openvino import OpenVINOSession

        session = OpenVINOSession(path, provider.options(ort.__version__), threads)
    else:
        session = OnnxSession(path, provider, threads)
    return LoadedModel(session, provider.name, chosen.name, digest)


def compiled_in(engine: str) -> bool:
    """Whether this installation has the engine at all. It says nothing of whether it works."""
    return find_spec("openvino") is not None if engine == OPENVINO else engine in ort.get_available_providers()


def check(model: Model, loaded: LoadedModel, threads: int | None = None) -> Check:
    """Compare the golden images' logits with the card's.

    A variant's own distance from the reference is its export's business, unless it has golden logits of its own: what
    counts is how much the provider adds to it.
    """
    variant = model.card.variants[loaded.variant]
    card, is_own = model.card.of_variant(variant), variant.golden is not None
    crops = selftest.golden_crops(card)
    try:
        found = selftest.difference(loaded.session, card, crops)
    except Exception as error:  # a provider can fail at its first run
        reason = (str(error).splitlines() or [repr(error)])[0].partition(";")[0]  # the fix is another one here
        return Check(math.inf, f"it fails when it runs: {reason}")
    own = 0.0
    if loaded.session.engine != CPU:
        cpu = load_on(model, resolve("cpu"), loaded.variant, threads)
        own = selftest.difference(cpu.session, card, crops)
    elif loaded.variant != REFERENCE and not is_own:
        own = found
    if math.isfinite(found) and found <= own + (selftest.INT8_BOUND if is_own else selftest.BOUND):
        return Check(found, None)
    return Check(found, f"wrong answers: |Δlogit| {found:.2g} on the golden pictures, {own:.2g} on the CPU")


def _prove(model: Model, provider: Provider, loaded: LoadedModel, threads: int | None) -> None:
    """Refuse a provider that answers wrongly. A pass is remembered, a failure is not."""
    key = cache_key(model, loaded.variant, threads) | {"provider": [provider.engine, provider.options(ort.__version__)]}
    if cache.read(CACHE, key):
        return
    found = check(model, loaded, threads)
    if found.reason:
        raise ProviderError(f"{provider.engine} cannot be trusted here: {found.reason}; use --provider auto or cpu")
    cache.write(CACHE, key, {"difference": found.difference})


def _auto(model: Model, variant: str | None, threads: int | None) -> LoadedModel:
    """The first candidate that is right and faster than the CPU, else the CPU. Without candidates it costs nothing."""
    here = candidates()
    missing = {name: f"not compiled in; {how_to_get(NAMES[name])}" for name in here if not compiled_in(NAMES[name])}
    if len(missing) == len(here):
        return replace(load_on(model, resolve("cpu"), variant, threads), passed_over=missing)
    key = cache_key(model, variant, threads) | {"candidates": list(here)}
    if kept := cache.read(CACHE, key):
        try:
            loaded = load_on(model, resolve(kept["provider"]), variant, threads)
            return replace(loaded, passed_over=kept["passed_over"])
        except ProviderError:
            pass  # it worked once: look again
    loaded = _trial(model, [name for name in here if name not in missing], missing, variant, threads)
    cache.write(CACHE, key, {"provider": loaded.provider, "passed_over": dict(loaded.passed_over)})
    return loaded


def _trial(
    model: Model, names: Sequence[str], missing: Mapping[str, str], variant: str | None, threads: int | None
) -> LoadedModel:
    """Self-test each candidate and time it against the CPU. Returns the winner."""
    cpu = load_on(model, resolve("cpu"), variant, threads)
    passed_over = dict(missing)
    for name in names:
        try:
            loaded = load_on(model, resolve(name), variant, threads)
        except ProviderError as error:
            passed_over[name] = str(error)
            continue
        reason = check(model, loaded, threads).reason or speed_note(model, loaded.session, cpu.session)
        if not reason:
            return replace(loaded, passed_over=passed_over)
        passed_over[name] = reason
    return replace(cpu, passed_over=passed_over)


def speed_note(model: Model, session: Session, cpu: Session) -> str:
    """How much slower than the CPU a session is, in words; empty where it is faster."""
    own, base = selftest.seconds([session, cpu], selftest.golden_crops(model.card)[0])
    return "" if own < base else f"slower than the CPU: {own * 1000:.1f} ms a picture, CPU {base * 1000:.1f} ms"


def cache_key(model: Model, variant: str | None, threads: int | None) -> dict[str, Any]:
    """All that a kept outcome depends on. Any change of it, and the trial is held again."""
    return {
        "machine": platform.node(),
        "system": platform.platform(),
        "cpus": threads or usable_cpus(),
        "onnxruntime": ort.__version__,
        "fauxto": __version__,
        "files": dict(model.card.files),
        "variant": variant,
    }


def forget() -> None:
    """Drop every kept outcome, so that the next "auto" looks anew."""
    for path in cache.folder().glob(f"{CACHE}-*.json"):
        with contextlib.suppress(OSError):
            path.unlink()
