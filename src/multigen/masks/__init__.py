"""What an eye keeps: the role image, the same seven roles in simulation and in real video.

Reads:  geom ids, role images.   Makes: role images, their colours, mask channels.
Used by: episode, audio, report, cli. Pure numpy; sees neither simulator nor network.
"""

from .areas import one_hot_area as one_hot_area
from .areas import one_hot_bytes as one_hot_bytes
from .compose import compose as compose
from .paint import PALETTE as PALETTE
from .paint import colour_roles as colour_roles
from .paint import overlay as overlay
