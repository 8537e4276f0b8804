"""What an export refuses, in one line that names the fix."""

from __future__ import annotations

from fauxto.errors import FauxtoError


class ExportError(FauxtoError):
    """A run, model or folder that cannot be exported from or to, or a file that fails its parity check."""
