"""Pictures -> checkpoint. Run it with `python -m train`."""
