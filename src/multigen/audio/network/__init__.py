"""The flow network: MMAudio's family as one class, from the official sizes to our compact one.

Reads:  latents, features, masks.   Makes: velocities, samples.   Used by: audio.mmaudio (official
presets), audio.generator and audio.train (compact preset).
"""

from .conditions import Conditions as Conditions
from .config import PRESETS as PRESETS
from .config import MaskConfig as MaskConfig
from .config import NetworkConfig as NetworkConfig
from .config import preset as preset
from .model import FlowNetwork as FlowNetwork
