"""Other detectors on a labelled folder, accuracy beside cost: python -m benchmarks detectors DIR."""
