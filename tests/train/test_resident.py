"""Crops that are drawn and augmented on the device: the same draw, the right labels, pairs side by side."""

import csv
import shlex
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from fauxto.evaluate.dataset import LABELS, LabelledImage
from tests.helpers import make_photo
from train import autoencoder, batch_augment, resident
from train.__main__ import main as train
from train.config import Config
from train.errors import TrainError
from train.resident import TILE, ResidentCrops, autoencoders

RULE = Config().preprocessing()


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[LabelledImage]:
    """Two bright "ai" pictures, two dark photographs, and a broken one."""
    folder = tmp_path_factory.mktemp("resident")
    made = []
    for number, (label, level) in enumerate([("ai", 200), ("ai", 220), ("real", 40), ("real", 60)]):
        grain = make_photo(320, 300, seed=number).point(lambda value: value // 16)
        Image.eval(grain, lambda value, level=level: value + level).save(folder / f"{number}.png")
        made.append(LabelledImage(folder / f"{number}.png", label == "ai"))
    (folder / "broken.png").write_bytes((folder / "0.png").read_bytes()[:3000])
    return [*made, LabelledImage(folder / "broken.png", is_ai=False)]


def brightness(crops: torch.Tensor) -> torch.Tensor:
    mean, std = (torch.tensor(of)[:, None, None] for of in (RULE.mean, RULE.std))
    return ((crops * std + mean) * 255).mean((1, 2, 3))


def resident_crops(pictures: list[LabelledImage], **options: object) -> ResidentCrops:
    return ResidentCrops(pictures, torch.ones(len(pictures), dtype=torch.float64), 64, RULE, "cpu", 1, **options)


def test_batches_show_pictures_under_their_own_label_and_hang_on_the_seed(
    pictures: list[LabelledImage], capsys: pytest.CaptureFixture[str]
) -> None:
    crops = resident_crops(pictures)
    assert "left out" in capsys.readouterr().err
    epoch = list(crops.batches(samples=68, batch=16, seed=1, epoch=2))
    assert len(epoch) == 4
    for images, labels in epoch:
        assert images.shape == (16, 3, 64, 64)
        assert torch.equal(brightness(images) < 130, labels == LABELS.index("real"))
    again, other = (list(crops.batches(68, 16, 1, number)) for number in (2, 3))
    assert all(torch.equal(a, b) for one, two in zip(epoch, again, strict=True) for a, b in zip(one, two, strict=True))
    assert not torch.equal(epoch[0][0], other[0][0])


def test_pairs_are_a_photograph_and_what_an_autoencoder_makes_of_it(
    pictures: list[LabelledImage], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("P_COLOUR", "P_NOISE"):
        monkeypatch.setattr(batch_augment.odds, name, 0.0)
    crops = resident_crops(pictures, autoencoders=[lambda pixels: pixels / 2], pair_share=0.5)
    images, labels = next(crops.batches(samples=16, batch=16, seed=0, epoch=0))
    assert labels[:8].tolist() == [LABELS.index("real"), LABELS.index("ai")] * 4
    light = brightness(images)
    torch.testing.assert_close(light[1:8:2], light[:8:2] / 2, rtol=0.05, atol=2)
    assert len(list(resident_crops(pictures[:2]).batches(samples=8, batch=4, seed=0, epoch=0))) == 2
    with pytest.raises(TrainError, match="no photograph with 284 px or more"):
        resident_crops(pictures[:2], autoencoders=[lambda pixels: pixels], pair_share=0.5)


def test_pictures_that_do_not_fit_are_refused_before_they_are_decoded() -> None:
    resident.refuse_too_many(40_000, free=40 * 10**9)
    with pytest.raises(TrainError, match=r"60000 pictures take 36\.1 GB .* 40\.0 GB are free; make fewer tiles"):
        resident.refuse_too_many(60_000, free=40 * 10**9)


def test_a_large_picture_is_cut_and_some_go_through_webp(tmp_path: Path) -> None:
    picture = make_photo(700, 460)
    for number in range(30):
        picture.save(tmp_path / f"{number}.png")
    found = [resident.decoded(tmp_path / f"{number}.png") for number in range(30)]
    assert {cut.shape for cut in found} == {(resident.FRAME, resident.FRAME, 3)}
    whole = np.asarray(picture)
    exact = Counter(
        any(np.array_equal(cut[0], row[x : x + resident.FRAME]) for row in whole for x in range(253)) for cut in found
    )
    assert 1 <= exact[False] <= 15  # one in five is expected
    assert exact[True] >= 15


@pytest.mark.parametrize("upsampling", autoencoder.UPSAMPLING)
def test_an_autoencoder_learns_to_draw_what_it_sees(
    pictures: list[LabelledImage], upsampling: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("WIDTH", 8), ("CROP", 32), ("BATCH", 4)):
        monkeypatch.setattr(autoencoder, name, value)
    pixels, sizes = resident.frames(pictures[:4], "cpu", 1)
    wanted = pixels[:, 100:132, 100:140].permute(0, 3, 1, 2) / 255
    networks = [autoencoder.learn(upsampling, pixels, sizes, steps, seed=0) for steps in (4, 60)]
    with torch.no_grad():
        errors = [(network(wanted) - wanted).abs().mean() for network in networks]
    assert errors[1] < 0.5 * errors[0]


def test_a_run_on_the_device_with_an_autoencoder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "data"
    for part in ("train", "val"):
        for label in LABELS:
            (data / part / label).mkdir(parents=True)
            for number in range(8):
                make_photo(300, 290, seed=number).save(data / part / label / f"{number}.png")
    for name, value in (("WIDTH", 4), ("CROP", 32), ("BATCH", 2)):
        monkeypatch.setattr(autoencoder, name, value)
    file = tmp_path / "encoders" / "nearest.pt2"
    assert autoencoder.main([str(data), "--out", str(file), "--steps", "2"]) == 0
    (encoder,) = autoencoders(file.parent, "cpu")
    assert encoder(torch.zeros(3, 3, TILE, TILE)).shape == (3, 3, TILE, TILE)
    words = shlex.split(
        "--weights none --device cpu --precision fp32 --epochs 1 --samples 16 --batch 8 --crop 64 --view-size 64 "
        "--views 1 --val-pictures 4 --report-pictures 4 --workers 0 --augment-on device --aligned-share 0.5"
    )
    assert train([str(data), "--out", str(tmp_path / "run"), *words, "--aligned", str(file.parent)]) == 0
    with (tmp_path / "run" / "metrics.csv").open() as rows:
        assert len(list(csv.DictReader(rows))) == 2
    capsys.readouterr()
    assert train([str(data), "--out", str(tmp_path / "none"), *words, "--aligned", str(data)]) == 2
    assert f"{data}: no autoencoder in it" in capsys.readouterr().err
    (file.parent / "broken.pt2").write_bytes(b"nonsense")
    assert train([str(data), "--out", str(tmp_path / "broken"), *words, "--aligned", str(file.parent)]) == 2
    assert "broken.pt2: not a file of torch.export.save" in capsys.readouterr().err
