"""multigen: the senses a physics simulator lacks. Simulate a pour, hear it, learn from both.

Light: importing it loads neither torch nor mujoco. Rooms are imported by name
(``multigen.scene``, ``multigen.audio``, ``multigen.policy`` …); see docs/tour.md.
"""

from .errors import MultigenError as MultigenError
from .types import Clip as Clip
from .types import Clock as Clock
from .types import Demonstration as Demonstration
from .types import Episode as Episode
from .types import Liquid as Liquid
from .types import Observation as Observation
from .types import PourTrace as PourTrace
from .types import Role as Role
from .types import SceneConfig as SceneConfig
from .types import Vessel as Vessel
from .types import Waveform as Waveform

__version__ = "0.1.0"
