"""Jobs over many files: planning, worker processes, signals. Prints nothing."""
