"""The recipe of the model that ships, from manifests to calibrated checkpoints."""
