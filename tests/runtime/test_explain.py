"""The heat map: it lies where the evidence lies, whatever the picture's size, and shows no seams."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from fauxto.cli import main
from fauxto.detector import Detector
from fauxto.explain import AI, REAL, HeatMap, bare, heat_map, overlay
from fauxto.image.preprocess import Preprocessing
from tests.helpers import EXAMPLES, make_photo

RULE = Preprocessing(
    crop_size=64, max_short_side=256, filter="bicubic", positions=((0.5, 0.5),), mean=(0, 0, 0), std=(1, 1, 1)
)


def brightness(crop: HeatMap) -> HeatMap:
    """A network that finds white suspicious: (1, 3, 64, 64) -> (4, 4)."""
    return crop[0].mean(0).reshape(4, 16, 4, 16).mean((1, 3)).astype(np.float32) - 0.5


@settings(max_examples=25)
@given(st.integers(20, 500), st.integers(20, 500))
def test_every_place_is_seen(width: int, height: int) -> None:
    heat = heat_map(Image.new("RGB", (width, height), "white"), RULE, brightness)
    assert heat.shape == (height, width)
    assert heat.dtype == np.float32
    np.testing.assert_allclose(heat, 0.5, atol=1e-3)


@pytest.mark.parametrize("corner", [(0, 0), (180, 60), (90, 30)])
@pytest.mark.parametrize("scale", [1, 3])
def test_the_map_lies_where_the_evidence_lies(corner: tuple[int, int], scale: int) -> None:
    picture = Image.new("RGB", (240, 120))
    picture.paste((255, 255, 255), (*corner, corner[0] + 60, corner[1] + 60))
    picture = picture.resize((240 * scale, 120 * scale), Image.Resampling.NEAREST)
    heat = heat_map(picture, RULE, brightness)
    inside = np.asarray(picture)[..., 0] > 0
    assert heat[inside].mean() > 0.2
    assert heat[~inside].mean() < -0.3
    y, x = np.unravel_index(heat.argmax(), heat.shape)
    assert inside[y, x]


def test_colours_say_which_way_and_how_much() -> None:
    heat = np.array([[9.0, 0.0, -9.0]], np.float32)
    assert [bare(heat).getpixel((x, 0)) for x in range(3)] == [AI, (255, 255, 255), REAL]
    grey = Image.new("RGB", (3, 1), (100, 100, 100))
    assert overlay(grey, heat).getpixel((1, 0)) == (100, 100, 100)
    assert overlay(grey, heat).getpixel((0, 0)) == tuple(round(0.4 * 100 + 0.6 * part) for part in AI)


def test_it_points_to_a_pasted_generated_patch_more_than_chance(detector: Detector) -> None:
    photo = Image.open(EXAMPLES / "photo-astronaut.png").convert("RGB")
    face = Image.open(EXAMPLES / "ai-face-7.jpg").convert("RGB").crop((400, 400, 600, 600))
    gains = []
    for corner in ((0, 0), (312, 0), (0, 312), (312, 312), (156, 156)):
        forged = photo.copy()
        forged.paste(face, corner)
        heat = detector.explain(forged)
        inside = np.zeros(heat.shape, bool)
        inside[corner[1] : corner[1] + 200, corner[0] : corner[0] + 200] = True
        gains.append(heat[inside].mean() - heat[~inside].mean())
    assert np.mean(gains) > 0.5  # log-odds
    assert min(gains) > 0


def test_the_command_writes_all_three_kinds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "photo.png"
    make_photo(300, 250).save(path)
    for kind, name in (("overlay", "a.png"), ("map", "b.jpg"), ("array", "c.npy")):
        assert main(["explain", str(path), "-o", str(tmp_path / name), "--as", kind]) == 0
    assert Image.open(tmp_path / "a.png").size == Image.open(tmp_path / "b.jpg").size == (300, 250)
    heat = np.load(tmp_path / "c.npy")
    assert (heat.shape, heat.dtype) == ((250, 300), np.float32)
    assert main(["explain", str(tmp_path / "none.png"), "-o", str(tmp_path / "d.png")]) == 1
    assert capsys.readouterr().err == f"fauxto: {tmp_path / 'none.png'}: no such file; check the path\n"
    assert not (tmp_path / "d.png").exists()
    assert main(["explain", str(path), "-o", str(tmp_path / "d.unknown")]) == 2
    assert "d.unknown: pictures cannot be written as '.unknown'" in capsys.readouterr().err
    assert main(["explain", str(path), "-o", str(tmp_path / "no" / "d.png")]) == 2
    assert "d.png: cannot be written (No such file or directory)" in capsys.readouterr().err
