"""``python -m multigen.cli``: the same as the ``multigen`` script."""

from .main import main

main()
