"""What a scan of millions costs, from measurements on this machine: python -m benchmarks.scale writes scale.md."""
