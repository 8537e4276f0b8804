"""Rewrite a model's card: from schema 1 to schema 2, with a release number and the figures of the test split.

    python -m export.card models/fauxto-r18 --version 6 --test models/fauxto-r18/report/test.json

TEST is what `fauxto eval --format json` writes. Nothing is measured, and no model file changes.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from fauxto.errors import FauxtoError
from fauxto.files import replacing
from fauxto.model.card import CARD_FILE, SCHEMA, parse

RENAMED = {"view_size": "crop_size", "pooled_views": "pooled_crops"}  # in the card's "input"
OF_A_CONDITION = ("n_ai", "n_real", "auc", "auc_interval", "ece")
OF_A_POINT = ("fpr", "fpr_interval", "recall", "recall_interval", "ai_called_no_sign", "ai_called_no_sign_interval")


def upgraded(raw: dict[str, Any]) -> dict[str, Any]:
    """A card of schema 1 as schema 2; one of schema 2 as it is."""
    if raw.get("card") == SCHEMA:
        return raw
    card = json.loads(json.dumps(raw))
    card["card"] = SCHEMA
    card["input"] = {RENAMED.get(name, name): value for name, value in raw["input"].items()}
    for point in card["operating_points"].values():
        point["no_sign_below"] = point.pop("photo_below")
    return dict(card)


def test_block(report: dict[str, Any]) -> dict[str, Any]:
    """What the card keeps of a report of `fauxto eval`: figures by condition and operating point, with intervals."""
    conditions = {}
    for name, part in report["conditions"].items():
        points = {point: {key: row.get(key) for key in OF_A_POINT} for point, row in part["operating_points"].items()}
        conditions[name] = {key: part.get(key) for key in OF_A_CONDITION} | {"operating_points": points}
    return {
        "set": report.get("set", report.get("folder")),
        "model_sha256": report["model_sha256"],
        "variant": report.get("variant"),
        "conditions": conditions,
        "baseline": {key: report["baseline"].get(key) for key in ("auc", "auc_interval")},
    }


def rewrite(folder: Path, version: int | None, test: Path | None) -> None:
    """Write FOLDER/card.json anew. Raises FauxtoError where the result is no valid card."""
    path = folder / CARD_FILE
    card = upgraded(json.loads(path.read_text("utf-8")))
    if version is not None:
        card = {"card": card["card"], "name": card["name"], "version": version} | card | {"version": version}
    if test is not None:
        card["test"] = test_block(json.loads(test.read_text("utf-8")))
    parse(card, str(path))
    with replacing(path) as file:
        json.dump(card, file, indent=2)
        file.write("\n")
    print(f"written: {path}", file=sys.stderr)


def main(argv: list[str] | None = None) -> int:
    """Rewrite a card. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m export.card", description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, metavar="MODEL", help="folder of a model")
    parser.add_argument("--version", type=int, metavar="N", help="release number (default: the card's)")
    parser.add_argument("--test", type=Path, metavar="JSON", help="report of fauxto eval on the test split")
    args = parser.parse_args(argv)
    try:
        rewrite(args.folder, args.version, args.test)
    except (FauxtoError, OSError, ValueError, KeyError) as error:
        print(f"export.card: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
