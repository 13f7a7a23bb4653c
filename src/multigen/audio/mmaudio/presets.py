"""MMAudio's networks by name: build one, load the official weights into it, sample.

Reads:  a preset name.   Makes: FlowNetwork.   Used by: mmaudio.load, users, tests.
"""

from typing import Any

from ..network import FlowNetwork, preset


def build(name: str, **overrides: Any) -> FlowNetwork:
    """A network of a preset (``small_16k`` ... ``large_44k_v2``, or a compact one), freshly initialised.

    ``overrides`` replaces fields of NetworkConfig. The network has ``.load_state_dict(flat, strict=True)``
    for official files, ``.predict_flow`` and ``.sample``. Raises ConfigError for an unknown name or field.
    """
    return FlowNetwork(preset(name, **overrides)).eval()
