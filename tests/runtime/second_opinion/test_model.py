"""The second opinion's folder: what is amiss in it, or not there, is one line that names it."""

from __future__ import annotations

import io
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fauxto.detector import Detector
from fauxto.errors import ModelError
from fauxto.model.card import CARD_FILE
from fauxto.model.model import Model, sha256
from fauxto.second_opinion import install
from fauxto.second_opinion.encoder import GRAPHS, LENGTH
from fauxto.second_opinion.head import Head
from fauxto.second_opinion.model import HEAD, SecondOpinion

Change = Callable[[dict[str, Any]], object]


@pytest.fixture
def copy(second: Path, tmp_path: Path) -> Path:
    """A copy of the installed second opinion's folder, to be changed."""
    return Path(shutil.copytree(second, tmp_path / "copy"))


def change_card(folder: Path, change: Change) -> None:
    card = json.loads((folder / CARD_FILE).read_text("utf-8"))
    change(card)
    (folder / CARD_FILE).write_text(json.dumps(card), encoding="utf-8")


def change_head(folder: Path, content: bytes) -> None:
    (folder / HEAD).write_bytes(content)
    change_card(folder, lambda card: card["files"].update({HEAD: sha256(folder / HEAD)}))


def npz(**arrays: Any) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def npy(array: Any) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def refused(folder: Path) -> str:
    with pytest.raises(ModelError) as found:
        SecondOpinion.open(folder)
    assert "\n" not in str(found.value)
    return str(found.value)


def test_it_answers_as_its_head_says(second: Path) -> None:
    opinion = SecondOpinion.open(second, threads=1)
    scenes = np.random.default_rng(0).integers(0, 256, (3, 224, 224, 3), np.uint8)
    found = opinion.logits(scenes)
    rule = opinion.card.preprocessing
    crops = ((scenes / 255 - np.array(rule.mean)) / np.array(rule.std)).transpose(0, 3, 1, 2).astype(np.float32)
    with np.load(second / HEAD) as head:
        expected = opinion._encoder.run(crops).astype(float) @ head["weight"] + head["bias"]
    assert (found.shape, found.dtype) == ((3,), np.float64)
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert (opinion.sha256, opinion.card_sha256) == (sha256(second / HEAD), sha256(second / CARD_FILE))
    assert opinion.card.release == "fauxto-second-v1"


def test_a_head_may_have_a_layer_of_rectified_units(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    weight, hidden, hidden_bias = rng.normal(size=7), rng.normal(size=(LENGTH, 7)), rng.normal(size=7)
    (tmp_path / HEAD).write_bytes(npz(weight=weight, bias=0.25, hidden=hidden, hidden_bias=hidden_bias))
    embeddings = rng.normal(size=(5, LENGTH)).astype(np.float32)
    units = embeddings @ hidden + hidden_bias
    expected = np.where(units > 0, units, 0) @ weight + 0.25
    np.testing.assert_allclose(Head.read(tmp_path / HEAD).logits(embeddings), expected)
    assert (units < 0).any()


def test_without_weights_the_command_is_named(stand_in: tuple[Path, Path]) -> None:
    where = Path(os.environ["FAUXTO_DATA"], "second-opinion", install.WEIGHTS)
    assert refused(stand_in[1]).startswith(
        f"{where}: the second opinion is not installed; fauxto second-opinion install downloads it ("
    )
    where.parent.mkdir()
    where.write_bytes((stand_in[0] / "second-opinion" / install.WEIGHTS).read_bytes()[:-1])
    told = refused(stand_in[1])
    assert told.startswith(f"{where}: the second opinion is damaged or changed (")
    assert told.endswith("; fauxto second-opinion install mends it")
    with pytest.raises(ModelError, match="damaged or changed"):
        Detector(second_opinion=stand_in[1])


def test_a_head_for_other_weights_than_the_installed_ones(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The weights are right by the installer, and the card is for others."""
    weights = install.folder() / install.WEIGHTS
    monkeypatch.setattr(install, "WEIGHTS_BYTES", weights.stat().st_size)
    monkeypatch.setattr(install, "WEIGHTS_SHA256", sha256(weights))
    change_card(copy, lambda card: card["second"].update(encoder_sha256="0" * 64))
    assert refused(copy) == f"{copy / CARD_FILE}: is for other encoder weights than this fauxto installs"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda card: card.pop("second"), "variants is not what this fauxto knows"),
        (lambda card: card.update(second=None), "not a second opinion's (TypeError("),
        (lambda card: card["second"].pop("scene"), "not a second opinion's (KeyError('scene'))"),
        (lambda card: card["second"].update(pixels="much"), "not a second opinion's (TypeError("),
        (lambda card: card["second"].update(scene=10**400), "not a second opinion's (OverflowError("),
        (lambda card: card["second"].update(disagreement=[1]), "not a second opinion's (ValueError("),
        (lambda card: card["input"].update(positions=[[0.2, 0.2], [0.8, 0.8]]), "input.positions is not one place"),
        (lambda card: card["files"].pop(HEAD), f"no sha256 of {HEAD}"),
        (lambda card: card["files"].pop(GRAPHS[1]), f"no sha256 of {GRAPHS[1]}"),
        (lambda card: card.update(card=3), "card schema 3 is not 2"),
    ],
)
def test_a_card_that_is_none_of_a_second_opinion(copy: Path, change: Change, reason: str) -> None:
    change_card(copy, change)
    assert refused(copy).startswith(f"{copy / CARD_FILE}: ")
    assert reason in refused(copy)


@pytest.mark.parametrize("name", [*GRAPHS, HEAD])
def test_a_file_that_is_missing_or_changed(copy: Path, name: str) -> None:
    (copy / name).write_bytes((copy / name).read_bytes() + b"\0")
    assert refused(copy).startswith(f"{copy / name}: its sha256 is not the card's")
    (copy / name).unlink()
    assert refused(copy).startswith(f"{copy / name}: No such file or directory")


class Harmful:
    """What a pickle could do on being read."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (pytest.fail, ("the head's pickle was run",))


GOOD = {"weight": np.ones(LENGTH, np.float32), "bias": np.float32(0)}
UNITS = {"weight": np.ones(7), "bias": np.float32(0), "hidden": np.ones((LENGTH, 7)), "hidden_bias": np.zeros(7)}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not a head ("),
        (b"no zip at all", "not a head ("),
        (npz(**GOOD)[:700], "not a head ("),
        (npz(weight=GOOD["weight"]), "not a head ("),
        (npz(**GOOD | {"weight": np.ones(511, np.float32)}), "not a head (shapes (511,) and ())"),
        (npz(**GOOD | {"weight": np.ones((LENGTH, 1))}), "not a head (shapes (512, 1) and ())"),
        (npz(**GOOD | {"bias": np.zeros(2)}), "not a head (shapes (512,) and (2,))"),
        (npz(**GOOD | {"weight": np.full(LENGTH, np.nan)}), "not a head (not all of it is numbers)"),
        (npz(**GOOD | {"bias": np.inf}), "not a head (not all of it is numbers)"),
        (npz(**GOOD | {"weight": np.array(["a"] * LENGTH)}), "not a head ("),
        (npz(**GOOD | {"weight": np.array([Harmful()] * LENGTH)}), "not a head (Object arrays cannot be loaded"),
        (npy(GOOD["weight"]), "not a head ("),
        (npz(**UNITS | {"hidden": np.ones((511, 7))}), "not a head (shapes (7,) and () and (511, 7) and (7,))"),
        (npz(**UNITS | {"weight": np.ones(8)}), "not a head (shapes (8,) and () and (512, 7) and (7,))"),
        (npz(**UNITS | {"hidden_bias": np.ones((7, 1))}), "not a head (shapes (7,) and () and (512, 7) and (7, 1))"),
        (npz(**UNITS | {"hidden_bias": np.full(7, np.inf)}), "not a head (not all of it is numbers)"),
        (npz(**GOOD | {"hidden": UNITS["hidden"]}), "not a head ("),
    ],
)
def test_a_head_that_is_none(copy: Path, content: bytes, reason: str) -> None:
    change_head(copy, content)
    assert refused(copy).startswith(f"{copy / HEAD}: {reason}")


def test_a_second_opinion_for_another_first_network(second_of_tiny: Path, tiny: Path, released: Model) -> None:
    release = released.card.release
    with pytest.raises(ModelError, match=f"fauxto-second-v1 is for tiny, not for {release} ") as found:
        Detector(second_opinion=second_of_tiny)
    digest = released.card.files[released.variant("CPUExecutionProvider").file]
    assert f"({digest[:12]}); use that model, or no second opinion" in str(found.value)
    assert Detector(tiny, second_opinion=second_of_tiny).card.release == "tiny+fauxto-second-v1"


def test_a_second_opinion_is_no_model_and_a_model_none(second: Path, released: Model) -> None:
    with pytest.raises(ModelError, match="is a second opinion, which answers beside a model"):
        Detector(second)
    assert "not a second opinion's (KeyError('second'))" in refused(released.folder)


def test_a_folder_that_is_not_there(second: Path, tmp_path: Path) -> None:
    assert refused(tmp_path / "none").startswith(f"{tmp_path / 'none' / CARD_FILE}: No such file")


def test_the_released_one_is_meant_by_true(second: Path) -> None:
    opinion = Detector(second_opinion=True).second
    assert opinion is not None
    assert opinion.sha256 == sha256(second / HEAD)


def test_every_variant_of_the_first_network_may_run(second: Path, released: Model) -> None:
    names = [variant.name for variant in released.variants_here()]
    assert len(names) > 1
    for name in names:
        found = Detector(variant=name, second_opinion=second)
        digest = released.card.files[released.card.variants[name].file]
        assert found.model_sha256 == f"{digest}+{sha256(second / HEAD)}"
        assert (found.card.temperature, found.card.bias) == (1.25, -0.25)  # the fused card's, whatever runs
