"""Rewrite a model's card: from schema 1 to schema 2, with a release number and the figures of the test split.

    python -m export.card models/fauxto-r18 --version 6 --test models/fauxto-r18/report/test.json
    python -m export.card models/fauxto-r18 --golden

TEST is what `fauxto eval --format json` writes. `--golden` has the reference answer the golden pictures anew, as it
must after a change of preprocessing. No model file changes.
"""

from __future__ import annotations

import argparse
import copy
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from export import manifest
from export.errors import ExportError
from fauxto.argument_types import positive
from fauxto.files import replacing
from fauxto.image.decode import load
from fauxto.image.preprocess import pool, prepare
from fauxto.image.synthetic import SIZES, golden_image
from fauxto.inference.providers import resolve
from fauxto.inference.selection import load_on
from fauxto.model.card import CARD_FILE, REFERENCE, SCHEMA, Card, parse
from fauxto.model.model import Model
from train.errors import exit_status

RENAMED = {"view_size": "crop_size", "pooled_views": "pooled_crops"}  # in the card's "input"
OF_A_CONDITION = ("n_ai", "n_real", "auc", "auc_interval", "ece")
OF_A_POINT = (
    *("fpr", "fpr_interval", "recall", "recall_interval"),
    *("ai_called_no_sign", "ai_called_no_sign_interval", "real_called_no_sign"),
)
OF_THE_BASELINE = ("auc", "auc_interval")


def upgraded(raw: Mapping[str, Any]) -> dict[str, Any]:
    """A card of schema 1 as schema 2; another one as it is. Raises KeyError, TypeError, AttributeError for no card."""
    card = dict(copy.deepcopy(raw))
    if card["card"] != 1:
        return card
    card["card"] = SCHEMA
    card["input"] = {RENAMED.get(name, name): value for name, value in raw["input"].items()}
    for point in card["operating_points"].values():
        point["no_sign_below"] = point.pop("photo_below")
    for condition in card.get("val", {}).values():
        for point in condition["operating_points"].values():
            for row in point["confusion"].values():
                row["no_sign"] = row.pop("photo")
    return card


def with_version(card: Mapping[str, Any], version: int) -> dict[str, Any]:
    """The card as that of a release: with its number, after its name."""
    return {"card": card["card"], "name": card["name"], "version": version} | dict(card) | {"version": version}


def test_block(path: Path) -> dict[str, Any]:
    """What the card keeps of a report of `fauxto eval`: figures by condition and operating point, with intervals.

    A figure that the report does not give is null.

    Raises:
        ExportError: `path` is no such report.
        OSError: it cannot be read.
    """
    try:
        report = json.loads(path.read_text("utf-8"))
        conditions = {name: _condition(part) for name, part in report["conditions"].items()}
        clean = conditions["clean"]
        moved = {"movement": movement["all"]} if (movement := report.get("movement")) else {}
        return {
            "set": str(report.get("set") or f"{clean['n_ai']} AI pictures and {clean['n_real']} photographs"),
            "model_sha256": str(report["model_sha256"]),
            "variant": str(report["variant"]),
            "conditions": conditions,
            "baseline": {key: report["baseline"].get(key) for key in OF_THE_BASELINE},
            **moved,
        }
    except KeyError as error:
        raise ExportError(f"{path}: not a report of fauxto eval --format json (it has no {error})") from None
    except (ValueError, TypeError, AttributeError) as error:
        raise ExportError(f"{path}: not a report of fauxto eval --format json ({error})") from None


def _condition(part: Mapping[str, Any]) -> dict[str, Any]:
    points = {point: {key: row.get(key) for key in OF_A_POINT} for point, row in part["operating_points"].items()}
    return {key: part.get(key) for key in OF_A_CONDITION} | {"operating_points": points}


def write_card(card: Mapping[str, Any], path: Path) -> Card:
    """Write a card to `path`, once the runtime has found it right. Raises ModelError otherwise."""
    parsed = parse(card, str(path))
    with replacing(path) as file:
        json.dump(card, file, indent=2)
        file.write("\n")
    return parsed


def golden(model: Model) -> list[dict[str, float]]:
    """The golden pictures' logits, by the reference on the CPU. Raises ModelError where its file is not the card's."""
    rule, session = model.card.preprocessing, load_on(model, resolve("cpu"), REFERENCE).session
    answers = [session.run(prepare(load(golden_image(number)), rule)) for number in range(len(SIZES))]
    return [{"picture": i, "logit": float(pool(logits[None], rule)[0])} for i, logits in enumerate(answers)]


def rewrite(folder: Path, version: int | None, test: Path | None, anew: bool = False) -> None:
    """Write FOLDER/card.json anew, and the manifest beside FOLDER, where there is one; the golden logits too if `anew`.

    Raises:
        FauxtoError: the card cannot be read or would not be valid, TEST is no report on one of the model's files, or
            the reference's file is not the card's.
        OSError: a file cannot be read or written.
    """
    path = folder / CARD_FILE
    try:
        card = upgraded(json.loads(path.read_text("utf-8")))
        card = card if version is None else with_version(card, version)
        files = set(card.get("files", {}).values())
    except KeyError as error:
        raise ExportError(f"{path}: the field {error} is missing; export the model again") from None
    except (ValueError, TypeError, AttributeError) as error:
        raise ExportError(f"{path}: not a card ({error}); export the model again") from None
    if test is not None:
        card["test"] = test_block(test)
        if card["test"]["model_sha256"].split("+")[-1] not in files:  # of a second opinion after that of the first
            raise ExportError(f"{test}: measured with a file that is none of this model's; measure this model again")
    if anew:
        card["golden"] = golden(Model(folder, parse(card, str(path))))
    write_card(card, path)
    print(f"written: {path}", file=sys.stderr)
    models = folder.resolve().parent
    if (models / manifest.NAME).exists():
        manifest.write(models)
        print(f"written: {models / manifest.NAME}", file=sys.stderr)


def main(argv: list[str] | None = None) -> int:
    """Rewrite a card. Returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m export.card",
        description="Rewrite a model's card as schema 2, with a release number and the figures of the test split.",
    )
    parser.add_argument("folder", type=Path, metavar="MODEL", help="folder of a model")
    parser.add_argument("--version", type=positive, metavar="N", help="release number (default: the card's)")
    parser.add_argument("--test", type=Path, metavar="JSON", help="report of fauxto eval on the test split")
    parser.add_argument("--golden", action="store_true", help="compute the golden pictures' logits anew")
    args = parser.parse_args(argv)
    return exit_status("export.card", lambda: rewrite(args.folder, args.version, args.test, args.golden))


if __name__ == "__main__":
    sys.exit(main())
