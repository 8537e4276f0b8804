"""The errors that fauxto raises on purpose. Each message is one line and names what to do."""

from __future__ import annotations


class FauxtoError(Exception):
    """Base class: a bad model, an unusable provider, an unreadable image, an output that cannot be written."""


class ImageError(FauxtoError):
    """An image that cannot be read.

    Attributes:
        reason: what is wrong with it, one line, without its name.
        path: its path, where it had one; the message then begins with it.
    """

    def __init__(self, reason: str, path: str | None = None) -> None:
        super().__init__(f"{path}: {reason}" if path else reason)
        self.reason, self.path = reason, path


class ModelError(FauxtoError):
    """A model file or card that is missing, damaged or incomplete."""


class ProviderError(FauxtoError):
    """An execution provider that is not there, cannot load, or does not run the model rightly."""


class OutputError(FauxtoError):
    """A result that cannot be written."""
