"""The dataset: what is kept of a demonstration, as LeRobot v3.0 with sound.

Reads:  Demonstration.   Makes: dataset folders, EpisodeInfo, arrays.
Used by: policy, benchmark, report, pipeline, cli.
"""

from .cache import PolicyCache as PolicyCache
from .cache import area_resize as area_resize
from .cache import open_cache as open_cache
from .export import FORMATS as FORMATS
from .export import export as export
from .findings import Finding as Finding
from .layout import ACTION as ACTION
from .layout import CAMERAS as CAMERAS
from .layout import EEF as EEF
from .layout import EGO as EGO
from .layout import FRONT as FRONT
from .layout import LABELS as LABELS
from .layout import MIC as MIC
from .layout import STATE as STATE
from .reader import Dataset as Dataset
from .reader import EpisodeInfo as EpisodeInfo
from .repair import repair as repair
from .validate import CHECKS as CHECKS
from .validate import validate as validate
from .writer import DatasetWriter as DatasetWriter
