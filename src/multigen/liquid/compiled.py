"""How the loops of the hydraulic model are compiled.

Reads:  nothing.   Makes: keyword arguments of ``numba.njit``.   Used by: liquid.table, liquid.core.
They hand arrays to one another several times a step and never make one. Counting the references to
those arrays took half of a step's time, so it is left out where numba knows that option; whoever calls
a loop holds its arrays anyway. (Loops over particles spend no time there.)
"""

from numba.core.cpu import CPUTargetOptions

_UNCOUNTED = {"_nrt": False} if hasattr(CPUTargetOptions, "_nrt") else {}
EXACT = {"cache": True, "error_model": "numpy", **_UNCOUNTED}
"""No fastmath: the ledger's sums must stay exact. Nothing here divides by zero or makes an array."""
