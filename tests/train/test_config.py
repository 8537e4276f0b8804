"""Settings: on the command line, in files, and in those of an older version."""

from __future__ import annotations

import tomllib
from dataclasses import fields, replace
from pathlib import Path

import pytest

from train.config import FILES, Config, parse, write_config

OLD = {
    "data": "pictures", "weights": "imagenet", "device": "cpu", "precision": "auto", "seed": 12, "epochs": 13,
    "samples": 12000, "aligned": "pairs", "aligned_share": 0.2, "doubts": "doubts.csv", "leave_out": "", "unseen": "",
    "augment_on": "workers", "crop": 160, "batch": 32, "lr": 4e-4, "warm_up": 0.1, "weight_decay": 0.05, "ema": 0.99,
    "workers": 3, "val_share": 0.15, "val_pictures": 150, "report_pictures": 600, "head": "trained", "view_size": 192,
    "max_short_side": 512, "views": 1, "pooled_views": 2,
}  # fmt: skip
"""The settings in a checkpoint of 0.1.0."""


def test_the_settings_of_an_older_version_are_read() -> None:
    config = Config.from_checkpoint({"format": 1, "config": OLD})
    assert config == Config(
        data=Path("pictures"), device="cpu", seed=12, epochs=13, samples=12000, aligned=Path("pairs"),
        aligned_share=0.2, hard_negatives=Path("doubts.csv"), train_crop=160, batch=32, lr=4e-4, pct_start=0.1,
        ema=0.99, workers=3, val_pictures=150, crop_size=192, max_short_side=512, crops=1, pooled_crops=2,
    )  # fmt: skip
    assert config.preprocessing().crop_size == 192
    assert config.preprocessing().pooled_crops == 1  # of one crop


def test_settings_that_are_missing_get_their_default_and_unknown_ones_are_dropped() -> None:
    kept = {name: OLD[name] for name in ("data", "seed")} | {"of_next_year": 1}
    assert Config.from_settings(kept) == Config(data=Path("pictures"), seed=12)
    assert Config.from_settings({"seed": 3}, data=Path("other"), aligned="x") == Config(
        data=Path("other"), seed=3, aligned=Path("x")
    )


def test_settings_come_back_from_a_file_as_they_were(tmp_path: Path) -> None:
    for config in (
        Config(data=Path("pictures")),
        replace(Config(data=Path("a b")), **dict.fromkeys(FILES, tmp_path / "file"), lr=0.1, precision="bf16"),
    ):
        write_config(config, tmp_path)
        plain = tomllib.loads((tmp_path / "config.toml").read_text("utf-8"))
        assert plain == config.to_dict()
        assert Config.from_settings(plain) == config


def test_each_setting_is_an_option() -> None:
    assert parse(["pictures", "--out", "run"]) == (Config(data=Path("pictures")), Path("run"), False)
    words = ["pictures", "--out", "run", "--resume", "--held-out", "part.txt", "--pct-start", "0.1", "--crops", "1"]
    config, _, resume = parse(words)
    assert resume
    assert config == Config(data=Path("pictures"), held_out=Path("part.txt"), pct_start=0.1, crops=1)


def test_help_names_every_setting_and_its_default(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["--help"])
    text = " ".join(capsys.readouterr().out.split())
    for item in fields(Config)[1:]:
        assert f"--{item.name.replace('_', '-')} " in text
        assert item.default in (None, False) or f"(default: {item.default})" in text
    assert "(default: None)" not in text


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--batch", "0"], "argument --batch: '0' is not a whole number of at least 1"),
        (["--workers", "-1"], "argument --workers: '-1' is not a whole number of at least 0"),
        (["--pct-start", "1.5"], "argument --pct-start: '1.5' is not a number between 0 and 1"),
        (["--crops", "2"], "argument --crops: invalid choice"),
        (["--quantise"], "--quantise needs --weights RUN/model.pt: the network to quantise"),
        (["--crop-size", "700"], "--crop-size 700 is larger than --max-short-side 640"),
    ],
)
def test_settings_that_no_run_could_use_are_refused(
    words: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        parse(["pictures", "--out", "run", *words])
    assert reason in capsys.readouterr().err
