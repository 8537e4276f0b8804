"""The whole program on a tiny corpus: a card that the runtime reads, a head, and a report of val alone."""

from __future__ import annotations

import hashlib
import io
import json
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from fauxto.model.card import read
from fauxto.model.model import Model, released
from fauxto.second_opinion.encoder import GRAPHS
from fauxto.second_opinion.fusion import Fusion
from fauxto.second_opinion.head import Head
from fauxto.second_opinion.install import WEIGHTS_SHA256
from fauxto.second_opinion.model import HEAD
from tests.train.second.helpers import made_by, write_corpus, write_embeddings
from train.second.__main__ import main
from train.second.corpus import Corpus, judged_pictures
from train.second.embeddings import RULE, Embeddings, MadeBy, Rows


@dataclass(frozen=True)
class Made:
    """A corpus and its embeddings, and what the program makes of them.

    Attributes:
        said: on standard output.
        splits: that were read.
    """

    folder: Path
    corpus: Corpus
    embeddings: Embeddings
    out: Path
    said: str
    splits: frozenset[str]


def words(folder: Path, **changed: object) -> list[str]:
    """A command line about the corpus, embeddings and graphs in `folder`."""
    options = {"embeddings": folder / "embeddings", "first": released(), "version": 3, "out": folder / "out"}
    options |= {"graphs": folder} | changed
    return [str(folder / "corpus"), *(word for name, value in options.items() for word in (f"--{name}", str(value)))]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Several tests look at it, and none changes it. The test split has a file that nobody could read."""
    folder = tmp_path_factory.mktemp("made")
    corpus = write_corpus(folder / "corpus")
    hidden = folder / "corpus" / "test" / "ai"
    hidden.mkdir(parents=True)
    (hidden / "hidden__1.jpg").write_bytes(b"no picture")
    embeddings = write_embeddings(folder / "embeddings", corpus)
    for name in GRAPHS:
        (folder / name).write_bytes(name.encode())
    splits: set[str] = set()
    read_rows = Embeddings.read

    def watched(self: Embeddings, condition: str, split: str) -> Rows:
        splits.add(split)
        return read_rows(self, condition, split)

    with pytest.MonkeyPatch.context() as patch, redirect_stdout(io.StringIO()) as said:
        patch.setattr(Embeddings, "read", watched)
        assert main(words(folder)) == 0
    return Made(folder, corpus, embeddings, folder / "out", said.getvalue(), frozenset(splits))


def test_the_card_is_one_that_the_runtime_reads(made: Made) -> None:
    card, first = read(made.out), Model.open().card
    assert (card.release, card.variants, card.golden, card.test) == ("fauxto-second-v3", {}, (), {})
    assert (card.labels, card.positive_label) == (first.labels, first.positive_label)
    assert card.preprocessing == RULE
    assert card.minimum_short_side == first.minimum_short_side
    assert set(card.operating_points) == set(first.operating_points)
    assert {name: hashlib.sha256((made.out / name).read_bytes()).hexdigest() for name in (*GRAPHS, HEAD)} == card.files
    fusion = Fusion.of(card.raw)
    assert fusion.encoder_sha256 == WEIGHTS_SHA256
    assert fusion.first == first.release
    assert set(fusion.first_sha256) == {first.files[variant.file] for variant in first.variants.values()}


def test_the_runtime_fuses_as_the_calibration_was_fitted(made: Made) -> None:
    """p by the card and the head on disk is right in the mean, and nothing of val is beyond the disagreement."""
    card, first = read(made.out), Model.open().card
    fusion = Fusion.of(card.raw)
    judged = judged_pictures(made.corpus, made.embeddings, first.of_variant(first.variants["int8"]))
    head = Head.read(made.out / HEAD)
    scene = {name: head.logits(embedding) for name, embedding in judged.embedding.items()}
    is_ai = np.array([image.is_ai for image in judged.pictures])
    fused = [fusion.fuse(judged.pixels[name], scene[name]) for name in scene]
    p_ai = 1 / (1 + np.exp(-(np.concatenate(fused) / card.temperature + card.bias)))
    both = np.tile(is_ai, len(fused))
    assert p_ai[both].mean() + p_ai[~both].mean() == pytest.approx(1, abs=0.02)
    gaps = np.concatenate([judged.pixels[name] - scene[name] for name in scene])
    assert (gaps.min(), gaps.max()) == pytest.approx(fusion.disagreement, abs=1e-4)


def test_val_of_owners_that_train_has_is_left_out(made: Made) -> None:
    counts = read(made.out).raw["data"]["val"]
    assert counts == {"ai": 115, "real": 115}
    assert "Val's 5 pictures of owners that train has too are left out" in (made.out / "report/README.md").read_text()


def test_the_report_tells_what_it_looks_at(made: Made) -> None:
    text = (made.out / "report/README.md").read_text()
    rows = {line.split(" | ")[0].strip("| "): line for line in text.splitlines() if line.startswith("| ")}
    for name in ("all, clean", "all, web", "quiz", "**mean of 1**", "plates of food", "faces", "pairs of one subject"):
        assert name in rows
    assert "\n| faces | 0 + 0 | too few |" in text
    assert "all, hard" not in rows  # which was not embedded
    assert rows["all, clean"].count(" (0.") == 3
    for name in ("roc", "calibration", "confusion_matrix", "both_networks", "movements"):
        assert f"({name}.png)" in text
        assert (made.out / "report" / f"{name}.png").stat().st_size > 1000


def test_photographs_are_named_on_standard_output_alone(made: Made) -> None:
    """Their names are of private people's pictures."""
    named = [line.split()[-1] for line in made.said.splitlines() if line.endswith(".jpg")]
    assert len(named) == 10
    assert all(name.startswith("val/real/") for name in named)
    written = b"".join(path.read_bytes() for path in made.out.rglob("*") if path.is_file())
    assert b".jpg" not in written


def test_the_test_split_is_never_touched(made: Made) -> None:
    assert made.splits == {"train", "val"}
    assert "hidden" not in json.dumps(read(made.out).raw) + made.said


def test_the_same_again_is_the_same_model(made: Made, tmp_path: Path) -> None:
    with redirect_stdout(io.StringIO()):
        assert main(words(made.folder, out=tmp_path / "again")) == 0
    for name in (HEAD, "report/README.md"):
        assert (tmp_path / "again" / name).read_bytes() == (made.out / name).read_bytes()
    assert read(tmp_path / "again").raw["calibration"] == read(made.out).raw["calibration"]


@pytest.mark.parametrize(
    ("changed", "message"),
    [({"encoder_sha256": "0" * 64}, "another encoder"), ({"first_sha256": "0" * 64}, "another first network")],
)
def test_embeddings_of_other_networks_are_refused(
    made: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str], changed: dict[str, str], message: str
) -> None:
    other: MadeBy = replace(made_by(), **changed)
    Embeddings(tmp_path / "other", other, new=True)
    assert main(words(made.folder, embeddings=tmp_path / "other", out=tmp_path / "out")) == 2
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_graphs_that_are_not_there_are_named(made: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words(made.folder, graphs=tmp_path / "none", out=tmp_path / "out")) == 2
    assert f"{GRAPHS[0]}: No such file or directory; write it with python -m export.encoder" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_val_without_logits_is_named(made: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    blind = Embeddings(tmp_path / "blind", made_by(), new=True)
    for split in ("train", "val"):
        rows = made.embeddings.read("clean", split)
        blind.append("clean", split, replace(rows, logit=np.full_like(rows.logit, np.nan)))
    assert main(words(made.folder, embeddings=blind.folder, out=tmp_path / "out")) == 2
    assert "val pictures without a logit of the first network; embed them again" in capsys.readouterr().err


def test_nothing_embedded_is_named(made: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Embeddings(tmp_path / "empty", made_by(), new=True)
    assert main(words(made.folder, embeddings=tmp_path / "empty", out=tmp_path / "out")) == 2
    assert "no embedding of a picture of train/ai; embed CORPUS first" in capsys.readouterr().err


def test_a_condition_that_is_under_way_is_left_out(
    made: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    some = Embeddings(tmp_path, made_by(), new=True)
    rows = made.embeddings.read("clean", "val")
    some.append("clean", "val", rows)
    some.append("web", "val", Rows(rows.path[:9], rows.embedding[:9], rows.logit[:9]))
    card = Model.open().card
    assert set(judged_pictures(made.corpus, some, card).pixels) == {"clean"}
    err = capsys.readouterr().err
    assert f"left out web: only 9 of {len(rows.path)} val pictures are embedded" in err
