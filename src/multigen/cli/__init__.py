"""The front hall: every verb in the order data flows, and all the wiring there is.

Reads:  the command line.   Makes: files under --out.   Used by: people; nobody imports it.
A verb is a frozen dataclass: its fields are the flags, its docstring is the help.
"""

from .main import main as main
