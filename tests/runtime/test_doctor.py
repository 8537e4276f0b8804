"""fauxto doctor: what works here and what does not, and nothing is called usable that did not run."""

import json
from pathlib import Path

import pytest

from fauxto import cache, doctor
from fauxto.cli import main
from fauxto.inference.providers import NAMES
from fauxto.model.model import Model
from tests.helpers import GOLDEN_TOLERANCE


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> doctor.Report:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FAUXTO_CACHE", str(tmp_path_factory.mktemp("cache")))
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
