"""A model: its files and the card that describes them."""
