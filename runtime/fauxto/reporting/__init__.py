"""Figures for people: text for terminals, and reports as single HTML pages, which need Jinja."""
