"""Labelled recordings: manifests, the decoded cache, splits, IRMAS, and where more sound comes from."""
