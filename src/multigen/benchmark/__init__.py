"""Room: benchmark. How well a policy pours, beside the bars it must be read against.

Reads:  a policy, a world.   Makes: report.json, a video of each trial.   Used by: cli, pipeline.
"""

from .disturb import DISTURBANCES as DISTURBANCES
from .listen import listen as listen
from .protocol import SOUND as SOUND
from .protocol import Trial as Trial
from .protocol import plan_trials as plan_trials
from .protocol import protocol as protocol
from .protocol import thin_out as thin_out
from .run import BARS as BARS
from .run import bars_with as bars_with
from .run import bench as bench
from .score import PAPER_NMAE as PAPER_NMAE
from .score import TrialResult as TrialResult
from .score import compare as compare
from .score import mean_ci as mean_ci
from .score import summarise as summarise
