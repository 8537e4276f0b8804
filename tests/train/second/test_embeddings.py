"""Embeddings on disk go on where they stopped, and are refused where something else made them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fauxto.second_opinion.encoder import LENGTH
from tests.train.second.helpers import made_by
from train.errors import TrainError
from train.second.embeddings import ABOUT, Embeddings, MadeBy, Rows

MADE_BY = MadeBy("e" * 64, "first-v1", "f" * 64, "int8")


def rows(*paths: str) -> Rows:
    """Embeddings and logits that are different for every path."""
    rng = np.random.default_rng(sum("".join(paths).encode()))
    vectors = rng.normal(size=(len(paths), LENGTH))
    return Rows(np.array(paths), vectors.astype(np.float16), rng.normal(size=len(paths)).astype(np.float32))


def test_what_was_appended_is_read_again_in_its_order(tmp_path: Path) -> None:
    parts = [rows("val/ai/a.jpg", "val/real/é b.jpg"), *(rows(f"val/ai/{number}.jpg") for number in range(11))]
    for part in parts:
        Embeddings(tmp_path / "new", MADE_BY, new=True).append("clean", "val", part)
    found = Embeddings(tmp_path / "new", MADE_BY).read("clean", "val")
    for name in ("path", "embedding", "logit"):
        np.testing.assert_array_equal(getattr(found, name), np.concatenate([getattr(part, name) for part in parts]))
    assert (found.embedding.dtype, found.logit.dtype) == (np.float16, np.float32)


def test_what_is_done_is_known_by_split_and_condition(tmp_path: Path) -> None:
    embeddings = Embeddings(tmp_path, MADE_BY, new=True)
    assert embeddings.done("clean", "train") == set()
    embeddings.append("clean", "train", rows("train/ai/a.jpg", "train/ai/b.jpg"))
    embeddings.append("web", "train", rows("train/ai/a.jpg"))
    assert embeddings.done("clean", "train") == {"train/ai/a.jpg", "train/ai/b.jpg"}
    assert embeddings.done("web", "train") == {"train/ai/a.jpg"}
    assert embeddings.done("clean", "val") == set()


def test_a_shard_that_was_not_finished_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    embeddings = Embeddings(tmp_path, MADE_BY, new=True)

    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(np, "savez", stopped)
        with pytest.raises(KeyboardInterrupt):
            embeddings.append("clean", "val", rows("val/ai/a.jpg"))
    assert [path.name for path in tmp_path.iterdir()] == [ABOUT]
    assert embeddings.done("clean", "val") == set()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"encoder_sha256": "0" * 64}, "of another encoder"),
        ({"first": "first-v2"}, r"of another first network \(first first-v1, not first-v2\)"),
        ({"first_sha256": "0" * 64}, "of another first network"),
        ({"variant": "fp32"}, "of another first network"),
    ],
)
def test_embeddings_that_something_else_made_are_refused(tmp_path: Path, changed: dict[str, str], message: str) -> None:
    Embeddings(tmp_path, MADE_BY, new=True)
    for new in (False, True):
        with pytest.raises(TrainError, match=message) as found:
            Embeddings(tmp_path, replace(MADE_BY, **changed), new=new)
        assert "\n" not in str(found.value)


def test_a_folder_without_embeddings_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrainError, match=r"embeddings\.json: not there; make embeddings with python -m train\.second"):
        Embeddings(tmp_path, MADE_BY)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"encoder_sha256": 1}'])
def test_a_damaged_note_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / ABOUT).write_text(content)
    with pytest.raises(TrainError, match=r"embeddings\.json: "):
        Embeddings(tmp_path, MADE_BY)


def test_a_damaged_shard_is_named(tmp_path: Path) -> None:
    embeddings = Embeddings(tmp_path, MADE_BY, new=True)
    embeddings.append("clean", "val", rows("val/ai/a.jpg"))
    shard = tmp_path / "clean-val-0.npz"
    whole = shard.read_bytes()
    for content in (b"", b"no shard", whole[: len(whole) // 2]):
        shard.write_bytes(content)
        with pytest.raises(TrainError, match=r"clean-val-0\.npz: not a shard of embeddings"):
            embeddings.read("clean", "val")
    np.savez(shard, path=np.array(["a"]), embedding=np.zeros((1, 3), np.float16), logit=np.zeros(1, np.float32))
    with pytest.raises(TrainError, match=r"clean-val-0\.npz: not a shard"):
        embeddings.read("clean", "val")


def test_a_shard_that_was_deleted_is_made_up_for(tmp_path: Path) -> None:
    embeddings = Embeddings(tmp_path, MADE_BY, new=True)
    for name in "abc":
        embeddings.append("clean", "val", rows(f"val/ai/{name}.jpg"))
    (tmp_path / "clean-val-1.npz").unlink()
    embeddings.append("clean", "val", rows("val/ai/b.jpg"))
    assert embeddings.read("clean", "val").path.tolist() == [f"val/ai/{name}.jpg" for name in "acb"]


def test_a_picture_that_is_there_twice_is_named(tmp_path: Path) -> None:
    embeddings = Embeddings(tmp_path, MADE_BY, new=True)
    for _ in range(2):
        embeddings.append("clean", "val", rows("val/ai/a.jpg"))
    with pytest.raises(TrainError, match=r"clean-val has val/ai/a\.jpg twice"):
        embeddings.done("clean", "val")


def test_the_released_models_int8_file_is_what_gives_the_logits() -> None:
    found = made_by()
    assert found.variant == "int8"
    assert len(found.first_sha256) == len(found.encoder_sha256) == 64
    assert found.first.startswith("fauxto-r18-v")
