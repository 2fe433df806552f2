"""What windows are made of: mixtures, degradations, augmentations."""
