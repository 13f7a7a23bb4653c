"""Arrays on disk: npz without pickle and without dates, so that equal arrays are equal bytes.

Reads:  .npz.   Makes: dicts of arrays.   Used by: episode store, corpus, caches.
"""

import io
import zipfile
from pathlib import Path

import numpy as np

from ..errors import FormatError
from .output import replacing


def write_arrays(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Compressed npz with a fixed date in every entry (np.savez stamps the present)."""
    with replacing(Path(path)) as part, zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as z:
        for name, array in arrays.items():
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, np.ascontiguousarray(array), allow_pickle=False)
            z.writestr(
                zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0)),
                buffer.getvalue(),
                zipfile.ZIP_DEFLATED,
                6,
            )


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Every array of an npz. Raises FormatError when missing, truncated or pickled."""
    path = Path(path)
    try:
        with np.load(path, allow_pickle=False) as z:
            return {name: z[name] for name in z.files}
    except FileNotFoundError as e:
        raise FormatError(f"{path} does not exist; check the path") from e
    except (zipfile.BadZipFile, ValueError, EOFError, OSError) as e:
        raise FormatError(f"{path} is not a readable array file ({e}); write it again") from e
