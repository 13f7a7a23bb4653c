"""Text to CLIP's token ids, from whichever vocabulary file lies beside the weights.

Reads:  tokenizer.json; vocab.json and merges.txt; or bpe_simple_vocab_16e6.txt.gz.   Makes: ids.
Used by: mmaudio.features. The empty text needs no vocabulary. Texts are lower-cased and their white
space is joined; broken Unicode is not repaired (open_clip does that with ftfy).
"""

import gzip
from pathlib import Path

import torch
from jaxtyping import Int64
from torch import Tensor

from ...errors import ConfigError, WeightsError
from .clip import CONTEXT, END, START

_MERGES = 49152 - 256 - 2
VOCABULARIES = ("tokenizer.json", "vocab.json", "bpe_simple_vocab_16e6.txt.gz")


def _tokenizer(folder: Path):
    """The byte-pair tokenizer of a folder. Raises ConfigError where there is no vocabulary."""
    from transformers import CLIPTokenizer
    from transformers.convert_slow_tokenizer import bytes_to_unicode

    if (folder / "tokenizer.json").is_file() or (folder / "vocab.json").is_file():
        try:
            return CLIPTokenizer.from_pretrained(folder, local_files_only=True)
        except (OSError, ValueError) as error:
            raise WeightsError(
                f"the vocabulary in {folder} cannot be read ({error}); copy it again"
            ) from error
    packed = folder / VOCABULARIES[-1]
    if not packed.is_file():
        raise ConfigError(
            f"a prompt needs CLIP's vocabulary and {folder} holds none of {', '.join(VOCABULARIES)}; "
            "put one there or leave the prompt empty"
        )
    lines = gzip.decompress(packed.read_bytes()).decode().split("\n")[1 : _MERGES + 1]
    merges = [(a, b) for a, b in (line.split() for line in lines)]
    letters = list(bytes_to_unicode().values())
    words = [*letters, *(c + "</w>" for c in letters), *(a + b for a, b in merges)]
    vocabulary = {w: i for i, w in enumerate([*words, "<|startoftext|>", "<|endoftext|>"])}
    return CLIPTokenizer(vocab=vocabulary, merges=merges)  # pyright: ignore[reportArgumentType]


def tokenise(text: str, folder: Path) -> Int64[Tensor, "1 77"]:
    """Start, pieces, end, then zeros; a long text is cut and still ends with the end token."""
    text = " ".join(text.split())
    pieces = _tokenizer(folder).encode(text, add_special_tokens=False) if text else []
    ids = [START, *pieces[: CONTEXT - 2], END]
    return torch.tensor([ids + [0] * (CONTEXT - len(ids))])
