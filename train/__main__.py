"""python -m train DATA --out RUN"""

from __future__ import annotations

import sys
from pathlib import Path

from accelerate import PartialState

from train import config as settings
from train.calibrate import read_unseen
from train.checkpoint import load_checkpoint
from train.data import leave_out, read
from train.errors import TrainError
from train.finish import finish
from train.fit import fit


def main(argv: list[str] | None = None) -> int:
    """Train, calibrate and report. Returns the exit status."""
    config, run, resume = settings.parse(argv)
    try:
        train, val = read(Path(config.data), config.val_share, config.seed)
        train, _ = leave_out(train, config.leave_out)
        if config.unseen:
            read_unseen(config.unseen)  # a wrong file is refused now, not after the last epoch
        run.mkdir(parents=True, exist_ok=True)
        begun = load_checkpoint(run, config) if resume else None  # refuses other settings, before they are written
        if not resume and any((run / name).exists() for name in ("checkpoint.pt", "model.pt")):
            raise TrainError(f"{run}: holds a run already; add --resume to go on, or name another --out")
        settings.write(config, run)
        model = fit(config, train, val, run, begun)
        if PartialState().is_main_process:
            finish(model, config, train, val, run)
    except (TrainError, OSError) as error:
        print(f"train: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"stopped; --resume goes on from the last finished epoch in {run}", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
