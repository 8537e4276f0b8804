"""Reports as single HTML pages. Needs Jinja."""
