"""What training refuses, in one line that names the fix."""


class TrainError(Exception):
    """A data set, device or run folder that training cannot work with."""
