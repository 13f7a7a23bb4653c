"""What is on the table: vessels, liquids, robot, cameras, light; drawn from a seed, built, rendered.

Reads:  worlds (ranges), seeds, millilitres.   Makes: SceneConfig, Scene, pictures, role images.
Used by: episode, benchmark, cli. Heavy dependency that lives here: mujoco.
"""

from .gl import BACKEND as BACKEND  # isort: skip  (before mujoco is imported)
from ..types import Vessel as Vessel
from .build import FINE as FINE
from .build import SMALL as SMALL
from .build import Detail as Detail
from .build import Scene as Scene
from .build import build_scene as build_scene
from .build import reset as reset
from .conditions import CONDITIONS as CONDITIONS
from .conditions import Condition as Condition
from .conditions import condition_parts as condition_parts
from .draw import draw_scene as draw_scene
from .draw_view import orbit as orbit
from .hands import Hand as Hand
from .liquid_mesh import LiquidMesh as LiquidMesh
from .liquids import LIQUIDS as LIQUIDS
from .liquids import draw_liquid as draw_liquid
from .look import look_sheet as look_sheet
from .render import View as View
from .robot import HOME as HOME
from .robot import robot_spec as robot_spec
from .stream_mesh import Column as Column
from .stream_mesh import Stream as Stream
from .stream_mesh import StreamMesh as StreamMesh
from .streams import stream_of as stream_of
from .vessels import PAPER_VESSELS as PAPER_VESSELS
from .vessels import draw_receiver as draw_receiver
from .vessels import draw_source as draw_source
from .vessels import paper_vessel as paper_vessel
from .world import WorldConfig as WorldConfig
from .worlds import WORLDS as WORLDS
from .worlds import load_world as load_world
