"""PyTorch: corpora, mixtures, models, fitting, evaluation. Imports instag's definitions; is never imported by it."""
