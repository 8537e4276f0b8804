"""Pictures -> checkpoint. Run it with `python -m train`.

Importing fauxto first sets ORT_DISABLE_TELEMETRY, before anything here can import onnxruntime.
"""

import fauxto  # noqa: F401 - see above
