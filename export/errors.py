"""What stops an export."""


class ExportError(Exception):
    """A run that cannot be exported, or a file that fails its proof. One line, with the fix."""
