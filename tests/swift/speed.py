"""Resize beside Pillow: CPU time for a picture of 12 megapixels to a short side of 640 px, turn by turn.

    python -m tests.swift.speed [ROUNDS]

It needs what `swift build -c release` made. Pillow is timed as this project uses it, horizontal pass first.
"""

from __future__ import annotations

import subprocess
import sys
import time

import numpy as np
from PIL import Image

from tests.swift.expected import noise, resized
from tests.swift.swift import STEPS, command

SIZE, TO = (4000, 3000), (853, 640)


def main(rounds: int) -> None:
    """Print the medians and their ratio."""
    image = Image.fromarray(noise(*SIZE))
    words = command(STEPS, "time", *map(str, (*SIZE, *TO)))
    pillow: list[float] = []
    swift: list[float] = []
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as steps:
        assert steps.stdin is not None
        assert steps.stdout is not None
        for _ in range(rounds):
            started = time.process_time()
            resized(image, *TO)
            pillow.append((time.process_time() - started) * 1000)
            steps.stdin.write("\n")
            steps.stdin.flush()
            swift.append(float(steps.stdout.readline().split()[0]))
    own, other = float(np.median(swift)), float(np.median(pillow))
    print(f"Resize {own:.1f} ms, Pillow {other:.1f} ms of CPU (medians of {rounds}): {own / other:.2f}x")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 15)
