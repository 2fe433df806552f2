"""The comparison of the report's systems, side by side on the same recordings."""
