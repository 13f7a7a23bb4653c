"""The nouns: what flows from room to room. Frozen records; arrays with shapes; units in names.

Reads:  nothing.   Makes: records.   Used by: every room.
Axes:   T control frames (10 Hz) · F front frames (25 Hz) · N audio samples (16 kHz) ·
        S liquid steps (100 Hz) · H W pixels · K action chunk.
Frames: world = robot base; z up; metres, seconds, radians, millilitres, hertz.
"""

from .clip import Clip as Clip
from .clip import Demonstration as Demonstration
from .clip import Episode as Episode
from .clip import Outcome as Outcome
from .clip import Waveform as Waveform
from .clock import Clock as Clock
from .command import COMMANDS as COMMANDS
from .command import parse_command as parse_command
from .latency import Latency as Latency
from .liquid import Liquid as Liquid
from .protocols import Controller as Controller
from .protocols import Ears as Ears
from .protocols import Observation as Observation
from .protocols import Teacher as Teacher
from .role import ROLE_COLOURS as ROLE_COLOURS
from .role import Role as Role
from .scene import CameraPose as CameraPose
from .scene import Distractor as Distractor
from .scene import Light as Light
from .scene import SceneConfig as SceneConfig
from .trace import PourTrace as PourTrace
from .vessel import Vessel as Vessel
