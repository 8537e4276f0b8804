"""Latency and throughput of every provider and variant on this machine, beside how right the answers are."""
