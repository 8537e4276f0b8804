"""The second opinion's head: embeddings of the whole picture -> a logit, its fusion with the first network, a card."""
