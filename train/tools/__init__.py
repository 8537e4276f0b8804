"""Programs beside training: each is run with `python -m train.tools.NAME`."""
