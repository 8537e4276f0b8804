"""The Swift package: it builds, passes its own tests, and answers as Python does. Skipped where there is no swift."""

from __future__ import annotations

import hashlib
import json
import random
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from fauxto.image.preprocess import cut_crops, normalise, pool
from fauxto.model.model import Model
from fauxto.prediction import Prediction
from fauxto.verdict import decide, probability
from tests.helpers import EXAMPLES, ROOT, make_photo
from tests.swift.swift import FOUND, ON_LINUX, STEPS, command

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not FOUND, reason="no swift: tests/swift/toolchain.sh DIR makes one for FAUXTO_SWIFT=DIR"),
]
linux = pytest.mark.skipif(not ON_LINUX, reason="on a Mac, xcodebuild is for that: .github/workflows/ci.yml")

SOURCES = (ROOT / "Package.swift", ROOT / "runtime/swift", ROOT / "examples/apple")
STUBS = ("CoreGraphics", "ImageIO", "CoreVideo", "CryptoKit", "CoreML")
COUNT = 50


def run(*words: str | Path) -> str:
    """What a command writes, both streams; the test fails where the command does."""
    done = subprocess.run(command(*words), text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout[-4000:]
    return done.stdout


@linux
@pytest.mark.timeout(1200)
def test_its_own_tests_pass() -> None:
    told = run("swift", "test", "-c", "release")
    count = max(int(number) for number in re.findall(r"Executed (\d+) tests, with 0 failures", told))
    assert count >= 25


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A folder that both sides see: a chroot has the checkout and nothing else of this machine."""
    folder = ROOT / ".build/answers"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    yield folder
    shutil.rmtree(folder)


def pictures() -> list[Image.Image]:
    """Examples, and COUNT in all: sizes drawn around a crop's side and the largest short side, and far from both."""
    draw = random.Random(29)
    found = [Image.open(path).convert("RGB") for path in sorted(EXAMPLES.glob("*.[jp][pn]g"))]
    assert len(found) == 6
    while len(found) < COUNT:
        largest = draw.choice((230, 660, 1600))
        found.append(make_photo(draw.randint(1, largest), draw.randint(1, largest), seed=len(found)))
    return found


def expected(image: Image.Image, logits: list[float], name: str, model: Model) -> dict[str, Any]:
    """Python's record for pixels whose crops have these logits."""
    card = model.card
    point, logit = card.operating_point(None), float(pool(np.array([logits]), card.preprocessing)[0])
    p_ai = probability(logit, card.temperature, card.bias)
    verdict, lean, reason = decide(p_ai, min(image.size), card.minimum_short_side, point)
    return Prediction(
        path=name,
        verdict=verdict,
        lean=lean,
        p_ai=p_ai,
        prior=0.5,
        logit=logit,
        operating_point=point.name,
        threshold=point.threshold,
        reason=reason,
        width=image.width,
        height=image.height,
        model=card.release,
    ).to_dict()


@linux
@pytest.mark.timeout(1200)
def test_fifty_pictures_get_pythons_crops_inputs_and_records(folder: Path, released: Model) -> None:
    draw, rule = random.Random(7), released.card.preprocessing
    images = pictures()
    logits = [[draw.gauss(0, 4) for _ in rule.positions] for _ in images]
    names = [f"é {i}" for i in range(len(images))]
    for name, image in zip(names, images, strict=True):
        (folder / f"{name}.rgb").write_bytes(image.tobytes())
    listed = [
        {"name": name, "width": image.width, "height": image.height, "logits": own}
        for name, image, own in zip(names, images, logits, strict=True)
    ]
    (folder / "pictures.json").write_text(json.dumps(listed), "utf-8")
    run("swift", "build", "-c", "release", "--product", STEPS.name)
    records = json.loads(run(STEPS, "answers", released.folder / "card.json", folder))
    verdicts = set()
    for name, image, own, found in zip(names, images, logits, records, strict=True):
        crops = cut_crops(image, rule)
        inputs = normalise(crops, rule.mean, rule.std)
        assert sha256((folder / f"{name}.crops").read_bytes()) == sha256(crops.tobytes()), (name, image.size)
        assert sha256((folder / f"{name}.input").read_bytes()) == sha256(inputs.tobytes()), (name, image.size)
        python = expected(image, own, name, released)
        for key in ("p_ai", "logit", "threshold"):
            assert found.pop(key) == pytest.approx(python.pop(key), abs=1e-12), (name, key)
        assert found == python
        verdicts.add(found["verdict"])
    assert verdicts == {"ai", "unsure", "no_sign"}


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@linux
@pytest.mark.timeout(600)
@pytest.mark.parametrize("language", ["5", "6"])
def test_what_needs_apple_is_type_checked_with_stubs(language: str) -> None:
    """Syntax, names, types and concurrency, as far as the stubs are what Apple has: no proof that it runs."""
    work = ROOT / ".build" / f"stubs-{language}"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    for name in STUBS:
        source, module = ROOT / f"tests/swift/stubs/{name}.swift", work / f"{name}.swiftmodule"
        run("swiftc", "-emit-module", "-parse-as-library", "-module-name", name, "-o", module, "-I", work, source)
    package = [copied(path, work) for path in sorted((ROOT / "runtime/swift/Sources/Fauxto").glob("*.swift"))]
    tests = [copied(path, work) for path in sorted((ROOT / "runtime/swift/Tests/FauxtoTests").glob("*.swift"))]
    check = ["swiftc", "-swift-version", language, "-strict-concurrency=complete", "-warnings-as-errors", "-I", work]
    module = ["-emit-module", "-module-name", "Fauxto", "-o", work / "Fauxto.swiftmodule"]
    run(*check, *module, *package)
    run(*check, "-typecheck", "-module-name", "FauxtoTests", *tests)
    with package[0].open("a", encoding="utf-8") as file:
        file.write("\n#if canImport(CoreML)\nlet x: Int = true\n#endif\n")
    with pytest.raises(AssertionError, match="cannot convert"):
        run(*check, *module, *package)


def copied(path: Path, folder: Path) -> Path:
    """A copy of a source without what only Apple's Swift has: bridges to Core Foundation, metrics of XCTest."""
    text = path.read_text("utf-8").replace(" as CFDictionary", "").replace(" as CFData", "")
    (folder / path.name).write_text(re.sub(r"measure\(metrics: .*\]\) {", "measure {", text), "utf-8")
    return folder / path.name


@pytest.mark.timeout(600)
def test_every_file_is_in_swift_formats_style_and_no_value_is_unwrapped_by_force() -> None:
    files = [path for place in SOURCES for path in (place.rglob("*.swift") if place.is_dir() else [place])]
    assert len(files) > 20
    run("swift", "format", "lint", "--strict", *files)
    for path in sorted((ROOT / "examples/apple").rglob("*.swift")):
        run("swiftc", "-frontend", "-parse", path)  # of SwiftUI there are no stubs
    for path in files:
        forced = re.findall(r".*(?:try!|as!|[\w)\]]!(?![=\w])).*", path.read_text("utf-8"))
        assert not [line for line in forced if "//" not in line], path
