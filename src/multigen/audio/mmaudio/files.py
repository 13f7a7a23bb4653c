"""The files a user has: found by their published names, read without pickles, checked.

Reads:  a folder or files (.pth, .pt, .bin by torch's weights-only reader; .safetensors).
Makes:  Files; networks, codec, vocoder and eyes with their weights.   Used by: mmaudio.generator,
mmaudio.features, finetuning. Where to get each file: docs/mmaudio.md.
"""

import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError

import torch
from huggingface_hub import try_to_load_from_cache
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from ...errors import WeightsError
from ...learning import check_state, load_tensors, shapes
from ..network import FlowNetwork
from .clip import Clip, ClipConfig, clip, from_transformers
from .codec import Codec, codec
from .detect import detect, rate_of
from .snake import half_band
from .synchformer import PREFIX, Synchformer, SynchformerConfig, synchformer
from .vocoder import Vocoder, VocoderConfig, fuse_weights, vocoder

SUFFIXES = (".pth", ".pt", ".bin", ".safetensors")
_TENSORS = r"\.(pth|pt|safetensors)"
_NETWORK = (
    rf"mmaudio_.*{_TENSORS}",
    rf".*(_last|_ema_final){_TENSORS}",
    r"model\.safetensors",
)
"""Official files; files of MMAudio's trainer; a folder written by multigen. The first kind found counts."""
_VAE = {"16k": rf"v1-16{_TENSORS}", "44k": rf"v1-44{_TENSORS}"}
_VOCODER = {"16k": rf"best_netG{_TENSORS}", "44k": rf"bigvgan_generator{_TENSORS}"}
_SYNCHFORMER = rf"synchformer_state_dict{_TENSORS}"
_CLIP = (
    r"open_clip_pytorch_model\.bin|open_clip_model\.safetensors",
    r".*(DFN5B|dfn5b)[^/]*/(model\.safetensors|pytorch_model\.bin)",
)
_CLIP_HUB = ("apple/DFN5B-CLIP-ViT-H-14-384", "apple/DFN5B-CLIP-ViT-H-14-378")
_VOCODER_HUB = "nvidia/bigvgan_v2_44khz_128band_512x"
DERIVED = ("t_embed.freqs", "latent_rot", "clip_rot")


@dataclass(frozen=True)
class Files:
    """Where everything is."""

    network: Path
    vae: Path
    vocoder: Path
    synchformer: Path
    clip: Path


def _places(start: Path) -> Iterator[Path]:
    """Folders to look in: the given one, those inside it, and MMAudio's two names beside it."""
    folder = start if start.is_dir() else start.parent
    yield folder
    yield from sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))
    beside = (folder.parent / name for name in ("ext_weights", "weights"))
    yield from (p for p in beside if p.is_dir() and p != folder)


def _matching(places: list[Path], pattern: str) -> list[Path]:
    files = (p for place in places for p in sorted(place.iterdir()) if p.suffix in SUFFIXES)
    test = re.compile(rf"(.*/)?({pattern})")
    return list(dict.fromkeys(p for p in files if test.fullmatch(p.as_posix())))


def _networks(start: Path) -> list[Path]:
    """Flow networks that a path may mean: itself, or those of a folder and its subfolders."""
    if start.is_file():
        return [start]
    inside = [p for p in _places(start) if start in (p, p.parent)]
    for pattern in _NETWORK:
        found = [p for p in _matching(inside, pattern) if "DFN5B" not in p.parent.name.upper()]
        if found:
            return found
    return []


def is_mmaudio(path: Path) -> bool:
    """Does a path name a network file, or a folder of MMAudio's files, rather than a compact model?"""
    if path.is_file():
        return path.suffix in SUFFIXES
    return path.is_dir() and not (path / "codec.safetensors").is_file() and bool(_networks(path))


def find_files(source: str | Path | Mapping[str, str | Path]) -> Files:
    """All five files: from a folder, beside a network file, or as a mapping with ``network`` and any
    of ``vae``, ``vocoder``, ``synchformer``, ``clip`` (the rest is looked for beside the network).

    Searched: the folder, its subfolders, ``weights/`` and ``ext_weights/`` beside it, and the local hub
    cache for CLIP and the 44.1 kHz vocoder. Raises WeightsError that names what is missing, or the
    networks to choose from.
    """
    given = dict(source) if isinstance(source, Mapping) else {"network": source}
    if "network" not in given:
        raise WeightsError("no flow network given; add network=..., e.g. mmaudio_small_16k.pth")
    start = Path(given["network"])
    networks = _networks(start) if start.exists() else []
    if len(networks) != 1:
        names = ", ".join(p.name for p in networks)
        raise WeightsError(
            f"{start} holds {len(networks)} flow networks ({names}); name one of the files"
            if networks
            else f"no flow network in {start}; put e.g. mmaudio_small_16k.pth there, see docs/mmaudio.md"
        )
    network, places = networks[0], list(_places(start))
    rate = rate_of_file(network)
    found: dict[str, Path | None] = {
        "vae": _first(places, _VAE[rate]),
        "vocoder": _first(places, _VOCODER[rate]) or _hub_vocoder(rate),
        "synchformer": _first(places, _SYNCHFORMER),
        "clip": _first(places, *_CLIP) or _hub_clip(),
    }
    found |= {k: Path(v) for k, v in given.items() if k != "network"}
    if unknown := [k for k in found if k not in Files.__dataclass_fields__]:
        raise WeightsError(f"MMAudio has no file '{unknown[0]}'; give {', '.join(found)}")
    wanted = {"vae": f"v1-{rate[:2]}.pth", "synchformer": "synchformer_state_dict.pth",
              "vocoder": "best_netG.pt" if rate == "16k" else "bigvgan_generator.pt",
              "clip": "open_clip_pytorch_model.bin"}  # fmt: skip
    lacking = [wanted[k] for k, path in found.items() if path is None or not path.is_file()]
    if lacking:
        raise WeightsError(
            f"beside {network} there is no {', no '.join(lacking)}; put them into its folder or into "
            "ext_weights/ (docs/mmaudio.md says where to get them)"
        )
    return Files(network=network, **{k: v for k, v in found.items() if v is not None})


def _first(places: list[Path], *patterns: str) -> Path | None:
    return next((p for pattern in patterns for p in _matching(places, pattern)), None)


def _hub(repository: str, name: str) -> Path | None:
    path = try_to_load_from_cache(repository, name)
    return Path(path) if isinstance(path, str) else None


def _hub_clip() -> Path | None:
    names = ("open_clip_pytorch_model.bin", "open_clip_model.safetensors", "model.safetensors")
    tries = (_hub(repository, name) for repository in _CLIP_HUB for name in names)
    return next((p for p in tries if p is not None), None)


def _hub_vocoder(rate: str) -> Path | None:
    return _hub(_VOCODER_HUB, "bigvgan_generator.pt") if rate == "44k" else None


def read_flat(path: Path) -> dict[str, Tensor]:
    """Tensors by name; an outer layer (``weights``, ``generator``, ``state_dict``) is opened.

    Raises WeightsError for a file that is none, or that holds anything but tensors.
    """
    if path.suffix == ".safetensors":
        return load_tensors(path)
    try:
        data = torch.load(
            path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path)
        )
    except (OSError, RuntimeError, EOFError, UnpicklingError) as error:
        raise WeightsError(
            f"{path} is not a file of tensors ({str(error).splitlines()[0]}); download it again"
        ) from error
    for layer in ("weights", "generator", "state_dict"):
        if isinstance(data, Mapping) and isinstance(data.get(layer), Mapping):
            data = data[layer]
            break
    if not isinstance(data, Mapping) or not all(isinstance(v, Tensor) for v in data.values()):
        raise WeightsError(f"{path} does not hold tensors by name; give a state dict")
    return dict(data)


def _fill(model: nn.Module, state: Mapping[str, Tensor], where: Path) -> None:
    """Check names and shapes, then let the model (built without memory) take the tensors themselves."""
    check_state(state, shapes(model), str(where))
    ready = {k: v.float() if v.is_floating_point() else v for k, v in state.items()}
    model.load_state_dict(ready, strict=True, assign=True)
    model.requires_grad_(False)


def read_network_state(path: Path) -> dict[str, Tensor]:
    """A flow network's tensors, without the tables older files saved."""
    return {k: v for k, v in read_flat(path).items() if k not in DERIVED}


def rate_of_file(path: Path) -> str:
    """'16k' or '44k': what a network file was trained for, without reading the rest of it."""
    if path.suffix != ".safetensors":
        return rate_of(read_network_state(path), str(path))
    try:
        with safe_open(path, "pt") as file:
            keys = [k for k in ("latent_mean",) if k in file.keys()]  # noqa: SIM118
            return rate_of({k: file.get_tensor(k) for k in keys}, str(path))
    except SafetensorError as error:
        raise WeightsError(f"{path} is not a safetensors file ({error}); copy it again") from error


def read_network(path: Path) -> FlowNetwork:
    """The network of a file, its sizes read off its tensors. WeightsError where they fit no network."""
    state = read_network_state(path)
    config = detect(state, str(path))
    with torch.device("meta"):
        network = FlowNetwork(config).eval()
    _fill(network, state, path)
    if not bool(torch.isfinite(network.latent_mean).all() & (network.latent_std > 0).all()):
        raise WeightsError(
            f"{path} holds no latent statistics (not finite); use a file saved after training"
        )
    return network


def read_codec(path: Path, rate: str) -> Codec:
    """The codec of an official VAE file."""
    state = read_flat(path)
    width = state["encoder.conv_in.weight"].shape[0] if "encoder.conv_in.weight" in state else None
    with torch.device("meta"):
        model = codec(rate, width=width)
    _fill(model, state, path)
    return model


def read_vocoder(path: Path, rate: str) -> Vocoder:
    """The vocoder of an official generator file; a config.json beside it gives the sizes."""
    beside = path.with_name("config.json")
    config = VocoderConfig.read(beside) if beside.is_file() else None
    with torch.device("meta"):
        model = vocoder(rate, config=config)
    state = fuse_weights(read_flat(path), str(path))
    filters = {k: half_band() for k in model.state_dict() if k.endswith("filter")}
    _fill(model, filters | state, path)
    return model


def read_synchformer(path: Path) -> Synchformer:
    """The visual half of an official Synchformer file."""
    state = {k: v for k, v in read_flat(path).items() if k.startswith(PREFIX)}
    with torch.device("meta"):
        model = synchformer(SynchformerConfig.of(state))
    _fill(model, state, path)
    return model


def read_clip(path: Path) -> Clip:
    """CLIP of either layout."""
    state = from_transformers(read_flat(path))
    with torch.device("meta"):
        model = clip(ClipConfig.of(state))
    _fill(model, state, path)
    return model
