"""Aligned fakes: the same part of the same photograph, but for what the autoencoder leaves."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from fauxto.evaluate.dataset import LabelledImage
from fauxto.image.decode import load
from tests.helpers import make_photo
from train.crops import TrainingCrops
from train.data import read_pairs
from train.tools import reconstruct


class Halving(torch.nn.Module):
    """A stand-in autoencoder: half as bright, so that its work is seen."""

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return pixels / 2


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("aligned")
    for label in ("ai", "real"):
        (folder / "train" / label / "album").mkdir(parents=True)
        for i in range(2):
            make_photo(700, 600, seed=i).save(folder / "train" / label / "album" / f"{i}.png")
        make_photo(200, 180).save(folder / "train" / label / "album" / "small.png")
    side = reconstruct.SIDE
    program = torch.export.export(Halving(), (torch.zeros(1, 3, side, side),))
    torch.export.save(program, folder / "halving.pt2")
    words = [str(folder), "--autoencoder", str(folder / "halving.pt2"), "--trust", "--out", str(folder / "pairs")]
    assert reconstruct.main(words) == 0
    return folder / "pairs"


def test_a_pair_shows_the_same_part_and_small_photographs_are_left_out(pairs: Path) -> None:
    found = read_pairs(pairs)
    assert len(found) == 2  # the photographs that are large enough
    for photograph, fake in found:
        real, made = (np.asarray(load(path)).astype(int) for path in (photograph, fake))
        assert real.shape == (reconstruct.SIDE, reconstruct.SIDE, 3)
        assert np.abs(made - real / 2).mean() < 3


def test_pairs_are_neighbours_under_one_augmentation(pairs: Path, tmp_path: Path) -> None:
    Image.new("RGB", (200, 200)).save(tmp_path / "black.png")
    black = [LabelledImage(tmp_path / "black.png", True), LabelledImage(tmp_path / "black.png", False)]
    always, never = (
        TrainingCrops(black, torch.ones(2), 40, 64, 0, 0, read_pairs(pairs), share) for share in (1.0, 0.0)
    )
    compared = 0
    for position in range(0, 40, 2):
        (real, real_label), (fake, fake_label) = always[position], always[position + 1]
        assert (real_label, fake_label) == (1, 0)
        if fake.std() > 20 and real.max() < 250:  # colour jitter and codecs are not linear: compare the structure
            compared += 1
            assert np.corrcoef(real.ravel(), fake.ravel())[0, 1] > 0.8
        assert never[position][0].mean() < 30  # black, but for the noise
    assert compared >= 3
    mixed = TrainingCrops(black, torch.ones(2), 400, 64, 0, 0, read_pairs(pairs), 0.3)
    share = np.mean([mixed[position][0].mean() > 30 for position in range(400)])
    assert 0.15 < share < 0.45


def test_a_file_that_may_run_code_is_not_opened_without_trust(
    pairs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.export, "load", lambda *_: pytest.fail("was opened"))
    words = [str(pairs.parent), "--autoencoder", str(pairs.parent / "halving.pt2"), "--out", str(tmp_path / "out")]
    assert reconstruct.main(words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "halving.pt2: loading a file of torch.export can run code that is in it; add --trust" in line
    assert not (tmp_path / "out").exists()


def test_what_cannot_be_used_is_named(pairs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "broken.pt2").write_bytes(b"nonsense")
    words = [
        str(pairs.parent),
        "--trust",
        "--autoencoder",
        str(tmp_path / "broken.pt2"),
        "--out",
        str(tmp_path / "out"),
    ]
    assert reconstruct.main(words) == 2
    assert "broken.pt2: not a file of torch.export.save" in capsys.readouterr().err
    assert reconstruct.main([str(tmp_path), *words[1:]]) == 2
    assert "no such folder" in capsys.readouterr().err


def test_a_cut_is_never_larger_than_the_photograph() -> None:
    for side in range(224, 520, 3):
        tile = reconstruct.cut(make_photo(side, 600), random.Random(side))
        assert (tile is None) == (side < 285)
        assert tile is None or tile.size == (reconstruct.SIDE, reconstruct.SIDE)
    assert reconstruct.cut(make_photo(240, 900), random.Random(1)) is None
