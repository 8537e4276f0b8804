"""Run by test_device.py in two processes, each of which would time another precision. Prints what each trains in."""

from __future__ import annotations

import sys

from accelerate.state import AcceleratorState

from train import device
from train.__main__ import main

TIMED = {0: "fp32", 1: "bf16"}
device.faster_precision = lambda *_: TIMED[device.processes("cpu").process_index]  # type: ignore[assignment]
status = main(sys.argv[1:])
own = AcceleratorState()
print(f"process {own.process_index} of {own.num_processes}: {own.mixed_precision}\n", end="", flush=True)
sys.exit(status)
