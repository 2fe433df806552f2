"""The page on a finished job: one HTML file that needs no network, made from a table and its timeline."""
