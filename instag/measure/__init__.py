"""Numbers from tables: what a sample that people heard says of the labels that nobody heard."""
