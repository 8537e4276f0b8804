"""The errors that fauxto raises on purpose. Each message is one line and names what to do."""


class FauxtoError(Exception):
    """Anything that fauxto refuses: a bad model, an unusable provider, an unreadable picture."""


class ImageError(FauxtoError):
    """A picture that cannot be read. The message says why, without the picture's name."""


class ModelError(FauxtoError):
    """A model file or card that is missing, damaged or incomplete."""


class ProviderError(FauxtoError):
    """An execution provider that is not there, cannot load, or does not run the model rightly."""
