"""The runtime beside its peers, on the same weights and pictures: python -m benchmarks."""

import fauxto as fauxto  # it sets ORT_DISABLE_TELEMETRY, here and in every worker, before a peer imports onnxruntime
