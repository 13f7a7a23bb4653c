"""Liquid: where every millilitre is.

Reads:  Vessel, Liquid, the lip's pose over time.   Makes: LiquidState, Stream, PourTrace.
Used by: episode (steps it beside the physics, plans with it), scene (surfaces), benchmark, tests.
Two models, one way to drive and read them (Pour). The hydraulic one, the default, is hydrostatics
of the tilted cavity, a weir at the lip and free fall. The particles are a position-based fluid: the
second opinion, and a world that nothing else here was fitted in. In both the ledger
source + in flight + receiver + spilled closes to 1e-9 mL.
"""

from .hydraulic import LIQUID_HZ as LIQUID_HZ
from .hydraulic import HydraulicParams as HydraulicParams
from .hydraulic import HydraulicPour as HydraulicPour
from .hydraulic import LiquidState as LiquidState
from .models import LIQUID_MODELS as LIQUID_MODELS
from .models import Pour as Pour
from .models import check_liquid as check_liquid
from .models import liquid_of as liquid_of
from .models import start_pour as start_pour
from .particles import ParticlePour as ParticlePour
from .particles import particle_count as particle_count
from .pose import LipPose as LipPose
from .pose import VesselPose as VesselPose
from .pose import lip_pose as lip_pose
from .simulate import simulate_pour as simulate_pour
from .stream import Stream as Stream
from .table import MAX_TILT_RAD as MAX_TILT_RAD
from .table import PourTable as PourTable
from .table import head_m as head_m
from .table import held_ml as held_ml
from .table import pour_table as pour_table
from .table import surface_level as surface_level
from .table import tilt_to_hold as tilt_to_hold
