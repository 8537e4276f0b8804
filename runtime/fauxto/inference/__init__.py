"""Running the network: engines, execution providers, and whether they can be trusted."""
