"""Checkpoint -> ONNX files and Core ML packages with their card. Run it with `python -m export`."""

# Before any module here imports onnxruntime, which reports to its makers unless fauxto has set ORT_DISABLE_TELEMETRY.
import fauxto as fauxto
