"""What other programs read: one small module for each format, each a pure function from spans to text."""
