"""Files: the one place that opens and closes JSON, arrays, video and sound.

Reads:  paths.   Makes: records, arrays, files that are whole or absent.   Used by: every room.
Everything is written beside its name as ``.part`` and renamed, so that a killed run leaves nothing
that looks finished; nothing here ever loads a pickle.
"""

from .arrays import read_arrays as read_arrays
from .arrays import write_arrays as write_arrays
from .json import from_json as from_json
from .json import read_json as read_json
from .json import to_json as to_json
from .json import write_json as write_json
from .output import MadeBy as MadeBy
from .output import begin_with as begin_with
from .output import open_output as open_output
from .output import replacing as replacing
from .sound import read_sound as read_sound
from .sound import write_sound as write_sound
from .video import probe as probe
from .video import read_roles as read_roles
from .video import read_video as read_video
from .video import write_roles as write_roles
from .video import write_video as write_video
