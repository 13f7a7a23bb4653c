"""What happens: the arm, the expert, the one loop that steps physics, episodes on disk.

Reads:  SceneConfig, a Controller, Ears.   Makes: Episode, episode folders.
Used by: pipeline, benchmark, envs. Heavy dependencies that live here: mujoco, mink.
"""

from .ears import Deaf as Deaf
from .expert import Expert as Expert
from .experts import EXPERTS as EXPERTS
from .experts import make_expert as make_expert
from .feedback import FeedbackExpert as FeedbackExpert
from .ik import Arm as Arm
from .ik import kinova as kinova
from .nudge import check_nudge as check_nudge
from .plan import Plan as Plan
from .plan import plan_pour as plan_pour
from .rollout import Blind as Blind
from .rollout import play as play
from .rollout import rollout as rollout
from .rollout import rollout_blind as rollout_blind
from .rollout import rollout_unfilmed as rollout_unfilmed
from .session import RolloutLimits as RolloutLimits
from .session import Session as Session
from .store import is_complete as is_complete
from .store import read_episode as read_episode
from .store import write_episode as write_episode
from .world import World as World
