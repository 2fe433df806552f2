"""How good a model is, and how its scores are calibrated."""
