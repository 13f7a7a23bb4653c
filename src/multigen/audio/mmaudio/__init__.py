"""The MMAudio family: networks, codec, vocoder and eyes that a user's official files load into.

Reads:  files a user supplies, frames, masks.   Makes: mel, latents, features, sound.   Used by:
audio.generator (``--sound PATH``), users, benchmarks/mmaudio.py.
The statements are MMAudio's (Cheng et al., arXiv 2412.15322) and those of the works it builds on,
each named where it is used; no code or weight of any of them is in here. docs/mmaudio.md says where
the files are to be had and under which licences.
"""

from .codec import Codec as Codec
from .codec import codec as codec
from .files import Files as Files
from .files import find_files as find_files
from .files import is_mmaudio as is_mmaudio
from .generator import MMAudioGenerator as MMAudioGenerator
from .generator import load as load
from .presets import build as build
from .vocoder import Vocoder as Vocoder
from .vocoder import VocoderConfig as VocoderConfig
from .vocoder import vocoder as vocoder
