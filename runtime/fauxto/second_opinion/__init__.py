"""A second opinion: an optional larger network that looks at the whole picture, beside the first one.

Nothing of it is imported unless it is asked for.
"""
