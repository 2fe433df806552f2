"""Review by ear: a page on this machine that plays what is doubtful and takes down what a person says."""
