"""Trained decoders that are part of the project: weights, shape and tokenizer in one safetensors file each."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import torch

from attention_atlas import files
from attention_atlas.models.decoder import Decoder
from attention_atlas.shapes import Float, Int, Tensor

FOLDER = files.ROOT / "data" / "models"
DEFAULT = "no-positions-seed0"  # it has grown a sink


class Shipped(NamedTuple):
    """A trained decoder, ready to read text.

    Parameters
    ----------
    name : str
        Of its point in the experiment ``language``.
    decoder : Decoder
        Its shape.
    parameters : dict of str to (1, ...)
        Kept in float16, given in float32.
    vocabulary : tuple of str
        What its numbers stand for; 0 begins a window.
    tokenizer : str
        Of the package ``tokenizers``, as JSON; its numbers are smaller by 1.
    facts : dict of str to str
        Corpus, digest, steps and whatever else the training was.
    """

    name: str
    decoder: Decoder
    parameters: dict[str, Float[Tensor, "..."]]
    vocabulary: tuple[str, ...]
    tokenizer: str
    facts: dict[str, str]

    def encode(self, text: str) -> Int[Tensor, "token"]:
        """A text in numbers, after the one that begins a window."""
        from tokenizers import Tokenizer

        return torch.tensor([0, *(number + 1 for number in Tokenizer.from_str(self.tokenizer).encode(text).ids)])


def ship(point: str, folder: Path = FOLDER) -> Path:
    """Write a decoder of the experiment ``language``, at its full size, to a file; train it if it was not trained here.

    Parameters
    ----------
    point : str
        Of the experiment, such as ``rope-seed0``, on the standard library.
    folder : Path
        Where the file is written.

    Returns
    -------
    Path
        Of the file.

    Raises
    ------
    ValueError
        If there is no such point, or the corpus here is not the one that it is trained on.
    """
    from safetensors.torch import save

    from attention_atlas.experiments import language
    from attention_atlas.tasks import corpora
    from attention_atlas.tasks.tokens import byte_pair_tokenizer

    offered = language.configurations("paper")
    if point not in offered or offered[point].corpus != "standard-library":
        allowed = ", ".join(name for name, config in offered.items() if config.corpus == "standard-library")
        raise ValueError(f"no point {point!r} to ship; allowed: {allowed}")
    config = offered[point]
    text = language.corpus_of(config)
    tokenizer = byte_pair_tokenizer(corpora.text(config.corpus).train[: config.characters], config.vocabulary)
    facts = {name: str(value) for name, value in asdict(config).items()}
    metadata = {
        "decoder": json.dumps(asdict(config.decoder)),
        "vocabulary": json.dumps(text.vocabulary),
        "tokenizer": tokenizer.to_str(),
        "facts": json.dumps(facts | {"origin": text.origin}),
    }
    half = {name: value.half().contiguous() for name, value in language.weights(config).items()}
    path = folder / f"{point}.safetensors"
    files.write(path, save(half, metadata))
    return path


def load(name: str = DEFAULT, folder: Path = FOLDER) -> Shipped:
    """A decoder that the project ships.

    Parameters
    ----------
    name : str
        Of the file, without its ending.
    folder : Path
        Where it lies.

    Returns
    -------
    Shipped
        Needs no network and no training.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged.

    Examples
    --------
    >>> shipped = load()
    >>> shipped.vocabulary[0], len(shipped.encode("import torch")) > 2
    ('<s>', True)
    """
    path = folder / f"{name}.safetensors"
    if not path.exists():
        there = ", ".join(sorted(file.stem for file in folder.glob("*.safetensors"))) or "none"
        raise FileNotFoundError(f"no trained model {name!r} in {files.relative(folder)}; there are: {there}")
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as opened:
            metadata = opened.metadata()
            parameters = {key: opened.get_tensor(key).float() for key in opened.keys()}  # noqa: SIM118
        decoder = Decoder(**json.loads(metadata["decoder"]))
        if {key: tuple(value.shape[1:]) for key, value in parameters.items()} != decoder.shapes:
            raise ValueError("its weights do not fit its shape")
        vocabulary, facts = tuple(json.loads(metadata["vocabulary"])), json.loads(metadata["facts"])
        return Shipped(name, decoder, parameters, vocabulary, metadata["tokenizer"], facts)
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{files.relative(path)} is damaged ({error}): write it anew with the command ship") from error
