"""instag names the instrument that dominates each recording of an archive.

Offline, in batch, without PyTorch. The command line is `instag`; from Python, `instag.analyse.analyse_file`
takes one file through the whole way.
"""

__version__ = "0.1.0"
