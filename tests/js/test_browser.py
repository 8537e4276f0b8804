"""fauxto.js in a real Chromium: its answers are Python's, and it asks for nothing but its own files."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from benchmarks import chromium, javascript
from fauxto.detector import Detector
from fauxto.image.synthetic import SIZES, golden_image
from fauxto.inference.providers import WEBGPU
from fauxto.model.model import Model
from fauxto.prediction import Prediction
from tests.helpers import GOLDEN_TOLERANCE
from tests.js import declarations
from tests.js.pictures import files, head, pythons

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium.missing() is not None, reason=str(chromium.missing())),
]

VECTORS = chromium.ROOT / "tests/vectors"
DECLARATIONS: dict[str, Any] = json.loads(declarations.FILE.read_text(encoding="utf-8"))

HEAT_TOLERANCE = 0.05  # log-odds of a crop's cell: a step of int8 that is rounded the other way
NEAR = {"alpha.avif": 24}
"""Levels that a picture may differ by: noise is the worst there is for colours that are stored at half the size."""


@pytest.fixture(scope="module")
def playwright() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="module")
def tab(playwright: Any) -> Iterator[tuple[Any, list[str], dict[str, Any]]]:
    """An isolated page with a detector, what it asked for, and what answers."""
    with chromium.opened(playwright) as (page, asked):
        yield page, asked, chromium.start(page, engine="wasm")


@pytest.fixture(scope="module")
def python() -> Detector:
    return Detector(provider="cpu")


def test_golden_images_give_pythons_records(tab: Any, python: Detector) -> None:
    page, _, info = tab
    assert info["provider"] == "wasm"
    for number in range(len(SIZES)):
        record = page.evaluate(
            """async (number) => {
                const { goldenImage } = await import('/node_modules/fauxto/src/golden.js');
                return detector.predict(goldenImage(number), { name: 'golden' });
            }""",
            number,
        )
        expected = python.predict(golden_image(number), name="golden").to_dict()
        assert list(record) == list(expected)
        Prediction.from_dict(record)
        for name, value in expected.items():
            if name in ("logit", "p_ai", "threshold"):
                assert record[name] == pytest.approx(value, abs=GOLDEN_TOLERANCE), name
            elif name not in ("provider", "elapsed_ms"):
                assert record[name] == value, name


def test_golden_vectors_give_their_logits_and_words(playwright: Any) -> None:
    """By the file whose logits are the reference's, which need not be the default."""
    index = json.loads((VECTORS / "index.json").read_text())
    tolerances = index["tolerances"]
    assert len(index["cases"]) >= 10
    with chromium.opened(playwright) as (page, _):
        chromium.start(page, engine="wasm", variant="int8-weights")
        for case in index["cases"]:
            record = chromium.predict(page, (VECTORS / case["file"]).read_bytes())
            is_jpeg = case["rgb"]["tolerance"]
            tolerance = tolerances["logit_from_jpeg"] if is_jpeg else tolerances["logit"]["int8-weights"]
            assert record["logit"] == pytest.approx(case["logit"], abs=tolerance), case["name"]
            words = {name: record[name] for name in ("verdict", "lean", "reason")}
            assert words == case["verdicts"][index["default_operating_point"]], case["name"]


@pytest.mark.slow
@pytest.mark.timeout(500)
def test_sixty_pictures_get_pythons_answers(tab: Any, python: Detector) -> None:
    pairs = javascript.parity(tab[0], python)
    logits, changed = javascript.differences(pairs)
    assert len(logits) == 60
    assert len(changed) <= 1, changed
    assert max(logits) < 0.05, f"max |dlogit| {max(logits)}"


def test_files_of_many_kinds_give_pythons_pixels_or_are_refused(tab: Any) -> None:
    read = 0
    for name, data in files().items():
        found = tab[0].evaluate(
            f"""async (data) => {{
                const {{ load }} = await import('/node_modules/fauxto/src/decode.js');
                {chromium.TO_PICTURE}
                try {{
                    const image = await load(picture);
                    return [image.height, image.width, Array.from(image.data)];
                }} catch (error) {{ return error.reason ?? String(error); }}
            }}""",
            base64.b64encode(data).decode(),
        )
        if name.endswith((".tif", ".tiff")):  # Chromium reads no TIFF
            assert found.startswith("damaged, or this browser does not read TIFF pictures; export it as"), name
            continue
        expected = pythons(data)
        if isinstance(expected, str):
            assert isinstance(found, str), f"{name} is read, and Python says: {expected}"
            assert head(found) == head(expected), name
            continue
        assert not isinstance(found, str), f"{name}: {found}"
        assert found[:2] == list(expected.shape[:2]), name
        worst = int(np.abs(np.array(found[2]).reshape(expected.shape) - expected).max())
        assert worst <= NEAR.get(name, 0), f"{name}: {worst} levels"
        read += 1
    assert read > 40


def test_nothing_is_asked_for_but_the_packages_own_files(tab: Any) -> None:
    page, asked, _ = tab
    base = page.url
    assert {address for address in asked if not address.startswith(base)} <= {"data:,"}
    paths = {address.removeprefix(base.rstrip("/")) for address in asked if address != base}
    sources = {path for path in paths if path.startswith("/node_modules/fauxto/src/")}
    assert len(sources) > 10
    assert not any("node" in path.rsplit("/", 1)[1] for path in sources)
    assert paths - sources - {"data:,"} == {
        "/node_modules/fauxto/model/card.json",
        f"/node_modules/fauxto/model/{javascript.model_file()}",
        "/node_modules/onnxruntime-web/dist/ort.wasm.bundle.min.mjs",
        "/node_modules/onnxruntime-web/dist/ort-wasm-simd-threaded.wasm",
    }


def test_the_page_goes_on_while_a_large_picture_is_judged(tab: Any) -> None:
    longest = tab[0].evaluate(
        """async () => {
            const { goldenImage } = await import('/node_modules/fauxto/src/golden.js');
            const image = goldenImage(1, [4000, 3000]);
            let longest = 0, last = performance.now(), going = true;
            const channel = new MessageChannel(); // a timer is slowed down in a page without focus
            channel.port1.onmessage = () => {
                longest = Math.max(longest, performance.now() - last);
                last = performance.now();
                if (going) channel.port2.postMessage(0);
            };
            const asked = detector.predict(image); // its 36 MB are copied here, before the clock runs
            last = performance.now();
            channel.port2.postMessage(0);
            const { elapsed_ms } = await asked;
            going = false;
            return longest / elapsed_ms;
        }"""
    )
    assert longest < 0.5, f"the page stood still for {longest:.0%} of the time"


def test_a_browser_reads_what_files_declare(playwright: Any) -> None:
    with chromium.opened(playwright) as (page, _):
        told = page.evaluate(
            """async (files) => {
                const { declaration } = await import('/node_modules/fauxto/src/provenance.js');
                const bytes = (file) => Uint8Array.from(atob(file), (c) => c.charCodeAt(0));
                return Promise.all(files.map((file) => declaration(bytes(file))));
            }""",
            [entry["file"] for entry in DECLARATIONS.values()],
        )
    for (name, entry), found in zip(DECLARATIONS.items(), told, strict=True):
        expected = {"declared": entry["declared"], "declared_by": entry["declared_by"], "signature": "unverified"}
        assert found == expected, name


def test_the_heat_map_is_pythons(tab: Any, python: Detector) -> None:
    for number in (0, 1):
        found = tab[0].evaluate(
            """async (number) => {
                const { goldenImage } = await import('/node_modules/fauxto/src/golden.js');
                const { data, width, height } = await detector.explain(goldenImage(number));
                return [width, height, Array.from(data)];
            }""",
            number,
        )
        expected = python.explain(golden_image(number))
        assert found[:2] == list(SIZES[number])
        np.testing.assert_allclose(np.array(found[2]).reshape(expected.shape), expected, atol=HEAT_TOLERANCE)


def test_errors_and_many_pictures_come_through_the_worker(tab: Any) -> None:
    told = tab[0].evaluate(
        """async () => {
            const bad = new File(['nothing'], 'bad.jpg');
            const records = [];
            for await (const record of detector.predictMany([bad, new Blob([])])) records.push(record);
            const thrown = await detector.predict(bad, { strict: true }).catch((error) => error);
            const unknown = await fauxto.Detector.load({ engine: 'cpu' }).catch((error) => error);
            return [
                records.map(({ path, error }) => [path, error]),
                [thrown instanceof fauxto.ImageError, thrown.message],
                [unknown instanceof fauxto.EngineError, unknown.message],
            ];
        }"""
    )
    records, thrown, unknown = told
    assert [path for path, _ in records] == ["bad.jpg", None]
    assert records[0][1].startswith("not a picture")
    assert records[1][1] == "the file is empty"
    assert thrown == [True, f"bad.jpg: {records[0][1]}"]
    assert unknown == [True, "engine 'cpu' is not one of auto, wasm, webgpu in a browser"]


def test_a_browser_that_changes_pixels_is_refused(playwright: Any) -> None:
    with chromium.opened(playwright) as (page, _):
        told = page.evaluate(
            """async () => {
                const own = OffscreenCanvasRenderingContext2D.prototype.getImageData;
                OffscreenCanvasRenderingContext2D.prototype.getImageData = function (...given) {
                    const image = own.apply(this, given);
                    image.data[5] ^= 4;
                    return image;
                };
                const { load } = await import('/node_modules/fauxto/src/decode.js');
                const picture = new OffscreenCanvas(2, 2);
                picture.getContext('2d').fillRect(0, 0, 2, 2);
                const png = await picture.convertToBlob();
                return load(png).then(() => 'read', (error) => `${error.name}: ${error.message}`);
            }"""
        )
    assert told.startswith("EngineError: this browser changes the pixels")


def test_without_isolation_there_is_one_thread_and_the_same_answer(playwright: Any) -> None:
    with chromium.opened(playwright, isolated=False) as (page, _):
        info = chromium.start(page, engine="wasm", threads=2)
        assert page.evaluate("crossOriginIsolated") is False
        name, data = next(javascript.pictures())
        record = chromium.predict(page, data)
    assert info["provider"] == "wasm"
    assert record["logit"] == pytest.approx(Detector(provider="cpu").predict(data).logit, abs=1e-3), name


def test_a_damaged_file_is_not_used(playwright: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    own = chromium.Handler._file
    for damaged in ("ort-wasm-simd-threaded.wasm", "ort.wasm.bundle.min.mjs", javascript.model_file()):

        def _file(handler: Any, damaged: str = damaged) -> tuple[bytes | None, str]:
            data, kind = own(handler)
            if data and handler.path.endswith(damaged):
                data = data[:-1] + bytes([data[-1] ^ 1])
            return data, kind

        monkeypatch.setattr(chromium.Handler, "_file", _file)
        with (
            chromium.opened(playwright) as (page, _),
            pytest.raises(Exception, match=f"{damaged}: its sha256 is not the"),
        ):
            chromium.start(page, engine="wasm")


def test_auto_is_webassembly_where_there_is_no_graphics_card(playwright: Any) -> None:
    with chromium.opened(playwright) as (page, asked):
        assert chromium.start(page)["provider"] == "wasm"
        assert not any("webgpu" in address for address in asked), json.dumps(asked)


def test_webgpu_is_refused_where_there_is_none(playwright: Any) -> None:
    with chromium.opened(playwright) as (page, asked):
        with pytest.raises(Exception, match="cannot load it on webgpu"):
            chromium.start(page, engine="webgpu")
        fetched = {address.rsplit("/", 1)[1] for address in asked if address.endswith(".onnx")}
    assert fetched == {Model.open().variant(WEBGPU).file}, "it computes in floating point"
