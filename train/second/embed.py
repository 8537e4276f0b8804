"""Pictures -> embeddings by the second opinion's encoder, and the first network's logit of the same pixels.

    python -m train.second.embed CORPUS --out DIR --split val --conditions clean,web,hard --per-class 1500

It takes hours, so it may be stopped at any time: the same command goes on. Each process computes with one thread,
which is the most that some cores give.
"""

from __future__ import annotations

import argparse
import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fauxto.argument_types import positive
from fauxto.evaluate.corruptions import CONDITIONS, refuse_unknown
from fauxto.evaluate.dataset import LabelledImage
from fauxto.image.decoded import decode
from fauxto.image.preprocess import normalise, pool
from fauxto.inference.onnx import OnnxSession
from fauxto.model.model import Model
from fauxto.progress import Progress, on_terminal, tell
from fauxto.second_opinion.encoder import LENGTH, Encoder
from fauxto.second_opinion.install import WEIGHTS_SHA256, weights
from fauxto.system import usable_cpus
from train.errors import exit_status
from train.sampling import even_subset
from train.second.corpus import Corpus
from train.second.embeddings import RULE, VARIANT, Embeddings, MadeBy, Rows

PROGRAM = "train.second.embed"
CHUNK, SHARD = 16, 256
"""Pictures that a process is given at a time, and in a file: what is lost at worst when the machine stops."""
SEED = 0


@dataclass(frozen=True)
class Plan:
    """What to embed.

    Attributes:
        corpus: folder of the pictures.
        out: folder of the embeddings.
        first: the first network's model; None: the released one.
        graphs: the folder with the encoder's graphs.
        split: "train" or "val".
        conditions: of CONDITIONS.
        per_class: pictures of each class, drawn as training draws them; None: all.
        jobs: processes.
    """

    corpus: Path
    out: Path
    first: Path | None
    graphs: Path
    split: str
    conditions: Sequence[str]
    per_class: int | None
    jobs: int

    @property
    def logits(self) -> bool:
        """Whether the first network is asked too: of what it was trained on, its answer is worth nothing."""
        return self.split != "train"


class Networks:
    """Both networks, with one thread, in a process of their own."""

    def __init__(self, plan: Plan) -> None:
        model = Model.open(plan.first)
        self._rule = model.card.preprocessing
        self._session = (
            OnnxSession(model.file(model.card.variants[VARIANT].file)[0], threads=1) if plan.logits else None
        )
        self._encoder = Encoder(plan.graphs, weights(), threads=1)

    def rows(self, folder: Path, names: Sequence[str], condition: str) -> Rows:
        """The pictures of those names that can be read; the others are named on stderr."""
        kept, embeddings, logits = [], [], []
        for name in names:
            read = decode(folder / name, self._rule, scene=RULE, corruption=CONDITIONS[condition])
            if read.crops is None or read.scene is None:
                tell(f"left out {folder / name}: {read.error}")
                continue
            kept.append(name)
            embeddings.append(self._encoder.run(normalise(read.scene, RULE.mean, RULE.std))[0])
            logits.append(self._logit(normalise(read.crops, self._rule.mean, self._rule.std)))
        halves = np.array(embeddings, np.float16).reshape(-1, LENGTH)
        return Rows(np.array(kept, np.str_), halves, np.array(logits, np.float32))

    def _logit(self, crops: np.ndarray) -> float:
        return float(pool(self._session.run(crops)[None], self._rule)[0]) if self._session else np.nan


def embed(plan: Plan) -> None:
    """Embed what is not embedded yet, condition after condition. Raises TrainError, FauxtoError or OSError."""
    refuse_unknown(plan.conditions)
    corpus = Corpus.read(plan.corpus)
    pictures: Sequence[LabelledImage] = corpus.train if plan.split == "train" else corpus.of_new_owners()
    if plan.per_class:
        pictures = even_subset(pictures, plan.per_class, SEED)
    made_by = MadeBy.of(WEIGHTS_SHA256, Model.open(plan.first))
    into = Embeddings(plan.out, made_by, new=True)
    with ProcessPoolExecutor(plan.jobs, multiprocessing.get_context("spawn"), _begin, (plan,)) as pool:
        for condition in plan.conditions:
            done = into.done(condition, plan.split)
            names = [name for image in pictures if (name := corpus.relative(image)) not in done]
            progress = Progress(on_terminal(), f"{plan.split}, {condition}: ", len(pictures), "pictures")
            count = len(pictures) - len(names)
            for rows in _shards(pool, plan, names, condition):
                into.append(condition, plan.split, rows)
                count += len(rows.path)
                progress.update(count)
            progress.clear()
            tell(f"{plan.split}, {condition}: {count} of {len(pictures)} pictures embedded")


def _shards(pool: ProcessPoolExecutor, plan: Plan, names: Sequence[str], condition: str) -> Iterator[Rows]:
    chunks = [names[start : start + CHUNK] for start in range(0, len(names), CHUNK)]
    for start in range(0, len(chunks), SHARD // CHUNK):
        waiting = [
            pool.submit(_rows, plan.corpus, chunk, condition) for chunk in chunks[start : start + SHARD // CHUNK]
        ]
        parts = [future.result() for future in waiting]
        yield Rows(
            *(np.concatenate([getattr(part, name) for part in parts]) for name in ("path", "embedding", "logit"))
        )


_networks: Networks  # of this process


def _begin(plan: Plan) -> None:
    global _networks
    _networks = Networks(plan)


def _rows(folder: Path, names: Sequence[str], condition: str) -> Rows:
    return _networks.rows(folder, names, condition)


def main(argv: list[str] | None = None) -> int:
    """Embed a corpus. Returns the exit status."""
    parser = argparse.ArgumentParser(prog=f"python -m {PROGRAM}", description=str(__doc__).splitlines()[0])
    parser.add_argument("corpus", type=Path, metavar="CORPUS", help="folder with train/{ai,real} and val/{ai,real}")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the embeddings")
    parser.add_argument("--first", type=Path, metavar="MODEL", help="the first network (default: the released model)")
    parser.add_argument(
        "--graphs", type=Path, metavar="DIR", default=Path("models/fauxto-second"), help="folder of export.encoder"
    )
    parser.add_argument("--split", choices=("train", "val"), required=True, help="which pictures")
    parser.add_argument(
        "--conditions", default="clean", metavar="LIST", help="of clean, web, hard, divided by commas (default: clean)"
    )
    parser.add_argument("--per-class", type=positive, metavar="N", help="pictures of each class (default: all)")
    parser.add_argument("--jobs", type=positive, default=usable_cpus(), metavar="N", help="processes")
    args = vars(parser.parse_args(argv))
    plan = Plan(**args | {"conditions": args["conditions"].split(",")})
    return exit_status(PROGRAM, lambda: embed(plan))


if __name__ == "__main__":
    raise SystemExit(main())
