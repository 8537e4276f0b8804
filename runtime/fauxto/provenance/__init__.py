"""What a file declares about itself. It stands beside the verdict and never moves it.

Anybody can write such a declaration, and nearly every platform strips it: its absence is no evidence, and
its presence is worth what its author is worth, unless a signature was checked (extra [provenance]).
"""
