"""A second opinion: what the scene says, beside what the pixels say. Optional, and imported only when asked for."""
