"""A corpus: a text as numbers, its digest, and the file in which it waits for machines without a tokenizer."""

import hashlib
import io
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from attention_atlas import files
from attention_atlas.shapes import Int, Tensor


@dataclass(frozen=True, eq=False)  # digests are compared, not tensors
class Corpus:
    """A text as numbers.

    Parameters
    ----------
    name : str
        One of :data:`~.corpora.NAMES`.
    tokenizer : {"byte-pair", "word", "character"}
        How the text was cut.
    train, validation : (token,)
        Its parts, each at least one token long; 0 is in neither.
    vocabulary : tuple of str
        What a number stands for; 0 for ``<s>``, with which a window begins.
    bytes_per_token : float
        UTF-8 bytes of a token of the validation text on average: bits per byte are ``nats / log(2) / bytes_per_token``.
    kinds : (token,), optional
        Of each token of the validation text. "standard-library": 1 in comments, docstrings and other strings, 0 in
        code; "wikitext-2": 1 in headings; none for "zen".
    origin : str
        Where the text comes from, in a line.

    Raises
    ------
    ValueError
        If a number does not stand for anything.
    """

    name: str
    tokenizer: str
    train: Int[Tensor, "train_token"]
    validation: Int[Tensor, "validation_token"]
    vocabulary: tuple[str, ...]
    bytes_per_token: float
    kinds: Int[Tensor, "validation_token"] | None = None
    origin: str = ""

    def __post_init__(self):
        for part in (self.train, self.validation):
            if not len(part) or part.min() < 1 or part.max() >= len(self.vocabulary):
                raise ValueError(f"{self.name} must be numbers from 1 to {len(self.vocabulary) - 1}, at least one")

    @property
    def digest(self) -> str:
        """The first 16 hexadecimal digits of the SHA-256 of name, tokenizer, vocabulary and both parts."""
        hashed = hashlib.sha256(json.dumps([self.name, self.tokenizer, self.vocabulary]).encode())
        for part in (self.train, self.validation):
            hashed.update(f"{len(part)}:".encode() + part.numpy().astype("<i4").tobytes())
        return hashed.hexdigest()[:16]


def keep(path: Path, made: Corpus, source: str) -> None:
    """Write a corpus to a file.

    Parameters
    ----------
    path : Path
        The file, an ``npz`` that numpy alone reads.
    made : Corpus
        What it shall hold.
    source : str
        Digest of the text that was encoded.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    about = {
        "name": made.name,
        "tokenizer": made.tokenizer,
        "vocabulary": made.vocabulary,
        "bytes_per_token": made.bytes_per_token,
        "origin": made.origin,
        "digest": made.digest,
        "source": source,
    }
    arrays = {"train": made.train, "validation": made.validation, "kinds": made.kinds}
    content = io.BytesIO()
    np.savez_compressed(
        content,
        about=np.frombuffer(json.dumps(about).encode(), np.uint8),
        **{key: array.numpy().astype(np.int32) for key, array in arrays.items() if array is not None},
    )
    files.write(path, content.getvalue())


def kept(path: Path) -> tuple[Corpus | None, str]:
    """Read a corpus from a file.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    Corpus or None
        None where there is no file or its digest is not that of its content: it has to be made anew either way.
    str
        Digest of the text that was encoded.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     one = Corpus("zen", "character", torch.tensor([1, 2]), torch.tensor([2]), ("<s>", "a", "b"), 1.0)
    ...     keep(Path(folder, "zen.npz"), one, "abc")
    ...     other, source = kept(Path(folder, "zen.npz"))
    >>> other.train, other.digest == one.digest, source
    (tensor([1, 2]), True, 'abc')
    """
    try:
        with np.load(path) as stored:
            about = json.loads(stored["about"].tobytes())
            arrays = {key: torch.from_numpy(stored[key].astype(np.int64)) for key in stored.files if key != "about"}
        digest, source = about.pop("digest"), about.pop("source")
        found = Corpus(**about | arrays | {"vocabulary": tuple(about["vocabulary"])})
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
        return None, ""
    return (found, source) if found.digest == digest else (None, "")
