"""How much one picture's answer moves with the size and codec of its delivery."""

import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from export.card import test_block as card_block
from fauxto.detector import Detector
from fauxto.evaluate.corruptions import GRID, MOVES, shrink
from fauxto.evaluate.dataset import LabelledImage
from fauxto.evaluate.movement import movement
from fauxto.evaluate.report import as_html, as_markdown, as_text
from fauxto.evaluate.run import Plan, evaluate
from fauxto.evaluate.scored import Scored
from fauxto.prediction import Prediction, Verdict
from tests.helpers import make_photo


def test_how_far_one_picture_moves_is_counted_over_all_cells(tiny: Path, tmp_path: Path) -> None:
    for label in ("ai", "real"):
        (tmp_path / label).mkdir()
        for i in range(2):
            make_photo(300, 260 + 600 * i, seed=i).save(tmp_path / label / f"{i}.png")
    found = evaluate(Plan(folder=tmp_path, conditions=["clean"], grid=2, model=tiny))
    moved = found.report["movement"]
    assert moved is not None
    assert set(moved["cells"]) == set(MOVES)
    detector, spans = Detector(tiny), []
    for picture in found.scored["clean"].pictures:
        decodings = [partial(detector.decode, picture.path, corruption=move[2]) for move in MOVES.values()]
        p_ai = [detector.predict(picture.path).p_ai, *(record.p_ai for record in detector.answer_many(decodings))]
        spans.append(np.ptp(np.array(p_ai, float)))
    assert moved["all"]["n"] == len(spans) == 4
    assert moved["all"]["span_median"] == pytest.approx(np.median(spans))
    assert min(spans) > 0
    assert moved["all"]["span_p95"] == pytest.approx(np.quantile(spans, 0.95))
    for name in ("jpeg 85", "jpeg 60", "webp 80"):  # in the grid too, where its flips are counted
        assert moved["cells"][name]["changed"] == found.report["grid"][name]["flips"]["changed"]
    file = tmp_path / "report.json"
    file.write_text(json.dumps(found.report))
    assert card_block(file)["movement"] == moved["all"] | {"changed_interval": list(moved["all"]["changed_interval"])}
    text = as_text(found.report)
    assert "one picture as it is and delivered in 12 ways:" in text
    assert f"p spans {moved['all']['span_median']:.2f} for the median picture" in text
    assert "| verdicts that change | jpeg 85 | jpeg 60 | webp 80 | avif 70 |" in as_markdown(found.report)
    page = as_html(found, thumbnails=False)
    assert "How much one picture's answer moves" in page
    assert "Verdicts that change from the picture as it is" in page


def records(words: str, p_ai: list[float]) -> Scored:
    """Pictures 0, 1, 2 ... with these verdicts (a letter each); the even ones are AI."""
    verdicts: dict[str, Verdict] = {"a": "ai", "u": "unsure", "n": "no_sign"}
    pictures = [LabelledImage(Path(str(i)), i % 2 == 0) for i, word in enumerate(words) if word != "-"]
    answers = [Prediction(verdict=verdicts[word], p_ai=p) for word, p in zip(words, p_ai, strict=True) if word != "-"]
    return Scored(pictures, answers)


def test_movement_in_numbers() -> None:
    clean = records("aunna", [0.9, 0.5, 0.1, 0.2, 0.99])
    first, second, third = list(MOVES)[:3]
    refused = records("-----", [0.0] * 5)
    found = movement(
        clean,
        {
            first: records("auna-", [0.8, 0.6, 0.1, 0.9, 0]),
            second: records("nunna", [0.3, 0.5, 0.2, 0.2, 1]),
            third: refused,
        },
    )
    assert found is not None
    assert found["all"]["n"] == 4  # the fifth is refused by one cell, and the third cell refuses all
    assert found["all"]["span_median"] == pytest.approx((0.1 + 0.6) / 2)
    assert found["all"]["changed"] == found["all"]["opposite"] == 0.5  # the first and the fourth, from end to end
    assert found["ai"] is not None
    assert (found["ai"]["n"], found["ai"]["changed"]) == (2, 0.5)
    assert set(found["cells"]) == {first, second}
    assert found["cells"][first]["changed"] == 0.25
    assert found["cells"][first]["shift"] == pytest.approx((-0.1 + 0.1 + 0 + 0.7) / 4)
    assert found["cells"][second]["moved"] == pytest.approx((0.6 + 0 + 0.1 + 0) / 4)
    assert movement(clean, {first: refused}) is None


@pytest.mark.parametrize("name", MOVES)
def test_every_cell_delivers_what_it_says(name: str) -> None:
    size, codec, deliver = MOVES[name]
    image = make_photo(1200, 900)
    scaled = image if size == "full size" else shrink(image, int(size.split()[0]))
    assert np.array_equal(deliver(image), GRID[codec](scaled))
    assert (name in GRID) == (size == "full size")
