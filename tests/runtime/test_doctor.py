"""fauxto doctor: what works here and what does not, and nothing is called usable that did not run."""

import hashlib
import json
from pathlib import Path

import pytest

from fauxto import cache, doctor
from fauxto.cli import main
from fauxto.inference.providers import NAMES
from fauxto.model.model import Model
from fauxto.second_opinion import install
from tests.helpers import GOLDEN_TOLERANCE
from tests.runtime.second_opinion.wheels import CONSTANTS, DATA


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> doctor.Report:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FAUXTO_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("FAUXTO_DATA", str(tmp_path_factory.mktemp("data")))
        return doctor.examine()


def row(provider: str, latency_ms: float | None = None, reason: str | None = None) -> doctor.Row:
    return {
        "provider": provider, "engine": NAMES[provider], "compiled_in": True, "loads": True, "variant": "fp32",
        "nodes": (50, 50), "load_s": 0.1, "difference": 0.0, "latency_ms": latency_ms, "verdict": "refuse",
        "reason": reason,
    }  # fmt: skip


def test_the_cpu_is_usable_and_every_other_has_a_verdict(found: doctor.Report) -> None:
    rows = {row["provider"]: row for row in found["providers"]}
    assert list(rows) == ["cpu", "coreml", "cuda", "tensorrt", "openvino"]
    cpu = rows["cpu"]
    assert (cpu["verdict"], cpu["loads"], cpu["reason"]) == ("use", True, None)
    assert cpu["nodes"] and cpu["nodes"][0] == cpu["nodes"][1] > 0  # noqa: PT018
    assert cpu["difference"] is not None
    assert cpu["difference"] < GOLDEN_TOLERANCE
    assert cpu["latency_ms"] is not None
    assert cpu["latency_ms"] > 0
    for each in rows.values():
        if not each["loads"]:
            assert each["verdict"] == "refuse"
            assert each["reason"]
            assert each["latency_ms"] is None
    assert found["auto"]["provider"] in rows
    assert found["model"] == Model.open().card.release


def test_the_text_holds_the_table_and_every_reason(found: doctor.Report) -> None:
    lines = doctor.as_text(found).splitlines()
    for word in ("compiled in", "max |Δlogit|", "auto takes", found["cache"]["folder"], found["machine"]["cpu"]):
        assert any(word in line for line in lines)
    assert any((found["files"][0]["sha256"] or "no sha256")[:16] in line for line in lines)
    for each in found["providers"]:
        assert any(line.startswith(each["provider"] + " ") and each["verdict"] in line for line in lines)
        assert each["reason"] is None or f"{each['provider']}: {each['reason']}" in lines


def test_json_and_a_damaged_file(released_copy: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    copy, file = released_copy
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    assert main(["doctor", "--json", "--model", str(copy)]) == 1
    told = json.loads(capsys.readouterr().out)
    assert {entry["file"]: entry["state"] for entry in told["files"]}[file.name] == "damaged or changed"
    assert all(row["verdict"] == "refuse" for row in told["providers"])
    assert "sha256 is not the card's" in told["providers"][0]["reason"]
    assert "auto takes nothing: " in doctor.as_text(told)


def test_files_that_the_wheel_leaves_out_are_no_fault(released_copy: tuple[Path, Path], found: doctor.Report) -> None:
    copy, file = released_copy
    files = doctor.files(Model.open(copy))
    states = {entry["file"]: entry["state"] for entry in files}
    assert states.pop(file.name) == "ok"
    assert set(states.values()) == {"not here"}
    report: doctor.Report = {**found, "files": files}
    assert doctor.intact(report)
    assert "no fault; the repository has more, and python -m export.variants" in doctor.as_text(report)


def test_a_second_opinion_that_is_installed_or_damaged_is_told(
    found: doctor.Report, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert found["second_opinion"]["state"] == "not here"
    assert doctor.intact(found)
    assert "second opinion: not installed; fauxto second-opinion install downloads it (78 MB)" in doctor.as_text(found)

    for name, value in CONSTANTS.items():
        monkeypatch.setattr(install, name, value)
    path = install.folder() / install.WEIGHTS
    path.parent.mkdir(parents=True)
    monkeypatch.setattr(doctor, "_answers", lambda _: {"reason": "not tried"})
    for content, status, state in ((DATA, 0, "ok"), (DATA[1:] + DATA[:1], 1, "damaged or changed")):
        path.write_bytes(content)
        assert main(["doctor"]) == status
        text = capsys.readouterr().out
        digest = hashlib.sha256(content).hexdigest()
        assert f"  {path}  5000 bytes  sha256 {digest[:16]}  {state}\n" in text
        assert ("fauxto second-opinion install mends it" in text) == bool(status)
        assert main(["doctor", "--json"]) == status
        told = json.loads(capsys.readouterr().out)
        assert (told["schema"], told["second_opinion"]["state"], told["second_opinion"]["sha256"]) == (2, state, digest)


def test_it_makes_auto_look_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    cache.write("providers", {"old": 1}, {"provider": "cpu"})
    monkeypatch.setattr(doctor, "_answers", lambda _: {"reason": "not tried"})
    doctor.examine()
    assert cache.read("providers", {"old": 1}) is None


@pytest.mark.parametrize(
    ("latency_ms", "verdict", "reason"),
    [
        (30.0, "refuse", "slower than the CPU (30.0 ms a picture, CPU 20.0 ms)"),
        (19.0, "use", "hardly faster than the CPU"),
        (5.0, "use", None),
    ],
)
def test_a_provider_has_to_be_faster_than_the_cpu(latency_ms: float, verdict: str, reason: str | None) -> None:
    cuda = row("cuda", latency_ms)
    doctor.judge(cuda, 20.0)
    assert (cuda["verdict"], cuda["reason"]) == (verdict, reason)
    failed = row("cuda", None, "it fails when it runs")
    doctor.judge(failed, 20.0)
    assert (failed["verdict"], failed["reason"]) == ("refuse", "it fails when it runs")
