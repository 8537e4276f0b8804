"""Tests of fauxto, train, export and benchmarks: a mirror of their folders."""
