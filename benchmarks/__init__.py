"""The runtime beside its peers, on the same weights and pictures: python -m benchmarks."""
