"""Any input -> upright RGB -> crops -> tensor. Training goes the very same way."""
