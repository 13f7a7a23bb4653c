"""Room: pipeline. The stages in order, each resumable, on all cores.

Reads:  a world, a corpus.   Makes: datasets, corpora, the demo.   Used by: cli.
"""
