"""Checkpoint -> ONNX file with its card. Run it with `python -m export`."""
