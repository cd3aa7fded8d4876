"""A causal language model of transformers, from a folder or the Hugging Face hub, or one line that says why not."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from attention_atlas.probe import capturing, watching
from attention_atlas.probe.source import Visit
from attention_atlas.shapes import Float, Int, Tensor

NEEDED = "the probe needs the package transformers; allowed: pip install 'attention-atlas[probe]'"
# Files that hold a vocabulary: tokenizer_config.json does not.
TOKENIZERS = (
    "tokenizer.json", "tokenizer.model", "spiece.model", "sentencepiece.bpe.model", "tekken.json", "vocab.json",
    "vocab.txt",
)  # fmt: skip
NO_TOKENIZER = f"tokenizer ({', '.join(TOKENIZERS[:3])} ...)"
WEIGHTS = ("model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json")
CONTEXTS = ("max_position_embeddings", "max_seq_len")  # what configurations call the longest sequence
# What transformers once saved beside the weights and computes today.
BUFFERS = r"(attn|attention)\.(bias|masked_bias|causal_mask)$|(inv_freq|position_ids|embed_positions\.weights)$"
PATIENCE = 10  # seconds for the hub's first answer
ROWS = 64  # of logits, turned into probabilities at a time


@dataclass(frozen=True)
class HuggingFace:
    """A loaded model as the probe wants it: a :class:`~attention_atlas.probe.source.Source`."""

    name: str
    model: Any
    tokenizer: Any

    @property
    def context(self) -> int | None:
        """The longest sequence; None if the configuration names none."""
        config = self.model.config.get_text_config()
        return next((limit for name in CONTEXTS if (limit := getattr(config, name, None))), None)

    @property
    def added(self) -> int:
        """What the tokenizer adds to a sequence."""
        return self.tokenizer.num_special_tokens_to_add()

    @property
    def facts(self) -> dict[str, str]:
        """Of the configuration."""
        config = self.model.config.get_text_config()
        heads, groups = (getattr(config, f"num_{name}_heads", None) for name in ("attention", "key_value"))
        shared = f", sharing {groups} pairs of keys and values" if groups not in (None, heads) else ""
        count = sum(parameter.numel() for parameter in self.model.parameters())
        stated = {
            "blocks": getattr(config, "num_hidden_layers", None),
            "heads": heads and f"{heads}{shared}",
            "d_model": getattr(config, "hidden_size", None),
        }
        return {
            "architecture": type(self.model).__name__,
            **{key: str(fact) for key, fact in stated.items() if fact is not None},
            "parameters": f"{count / 1e6:,.1f} million",
            "context": f"{self.context} tokens" if self.context else "not limited",
        }

    def tokens(self, text: str) -> Int[Tensor, "token"]:
        """The text in tokens, with what the tokenizer puts before it."""
        found = torch.tensor(self.tokenizer(text, verbose=False)["input_ids"], dtype=torch.long)
        known = self.model.get_input_embeddings().num_embeddings
        if len(found) and found.max() >= known:
            raise ValueError(
                f"the tokenizer of {self.name} gives token {found.max()}, its model knows {known}: not of one kin"
            )
        return found

    def names(self, tokens: Int[Tensor, "token"]) -> list[str]:
        """Every token as text."""
        return [self.tokenizer.decode([token]) for token in tokens.tolist()]

    def records(self, tokens: Int[Tensor, "token"], visit: Visit) -> Float[Tensor, "prediction"]:
        """Hand every attention layer to ``visit``; returns the surprise in nats at every token but the first."""
        where = capturing.sites(self.model, tokens[:2])
        logits = capturing.records(self.model, where, tokens, visit)
        parts = zip(logits[:-1].split(ROWS), tokens[1:].split(ROWS), strict=True)
        return torch.cat([torch.nn.functional.cross_entropy(*part, reduction="none") for part in parts])


def load(name: str) -> HuggingFace:
    """Load a model and its tokenizer, in float32 on the processor.

    Parameters
    ----------
    name : str
        A folder that ``save_pretrained`` wrote, with a tokenizer; or a name on the hub, such as ``gpt2``. What is in
        the hub's cache is used without a network.

    Raises
    ------
    ValueError
        In one line: no such model, no network, not a causal language model, weights or tokenizer missing, weights that
        do not fit the configuration, attention weights not available; or transformers is not installed.
    """
    try:
        import transformers
        from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES as CAUSAL

        implementations = (watching.register(), "eager")
    except ImportError as error:
        raise ValueError(NEEDED) from error
    local = _is_here(name)
    transformers.logging.set_verbosity_error()
    if local:
        transformers.logging.disable_progress_bar()
    options = {"local_files_only": local, "trust_remote_code": False}
    config = _asked(name, "configuration", transformers.AutoConfig.from_pretrained, name, **options)
    _refuse_others(name, config, CAUSAL)
    tokenizer = _asked(name, "tokenizer", transformers.AutoTokenizer.from_pretrained, name, **options)
    if set(tokenizer.get_vocab()) <= set(tokenizer.all_special_tokens):  # made of nothing but the configuration
        raise ValueError(f"{name} holds no {NO_TOKENIZER}; allowed: a model with its tokenizer")
    options |= {"config": config, "dtype": torch.float32, "output_loading_info": True, "ignore_mismatched_sizes": True}
    fetch = transformers.AutoModelForCausalLM.from_pretrained
    for implementation in implementations:
        try:
            model, about = _asked(name, "weights", fetch, name, attn_implementation=implementation, **options)
            break
        except watching.NotAvailable:  # ours is not among its attention classes, eager may be
            if implementation == "eager":
                raise
    _refuse_misfits(name, about)
    return HuggingFace(Path(name).name if Path(name).is_dir() else name, model.eval(), tokenizer)


def _is_here(name: str) -> bool:
    """Whether nothing needs to be fetched; refuses what is neither here nor to be had."""
    path = Path(name)
    if not name.strip():
        raise ValueError("the model's name is empty; allowed: a folder that save_pretrained wrote, a name on the hub")
    if path.is_dir():
        if lacking := _lacking(lambda file: path / file if (path / file).is_file() else None):
            raise ValueError(f"{name} holds no {lacking}; allowed: a folder that save_pretrained wrote, with tokenizer")
        return True
    if path.exists():
        raise ValueError(f"{name} is no folder; allowed: a folder that save_pretrained wrote, or a name on the hub")
    if not re.fullmatch(r"\w[\w.-]*(/[\w.-]+)?", name):
        raise ValueError(f"no such model: there is no folder {name!r}, and no name on the hub looks like this")
    from huggingface_hub import HfApi, try_to_load_from_cache
    from huggingface_hub.errors import OfflineModeIsEnabled, RepositoryNotFoundError

    def cached(file: str) -> Path | None:
        found = try_to_load_from_cache(name, file)
        return Path(found) if isinstance(found, str) else None

    if not (lacking := _lacking(cached)):
        return True
    absent = f"{name} is neither a folder here nor in the Hugging Face cache"
    if cached("config.json"):
        absent = f"{name} is in the Hugging Face cache without {lacking}"
    try:
        HfApi().model_info(name, timeout=PATIENCE)
    except OfflineModeIsEnabled as error:
        raise ValueError(f"network needed: {absent}, and HF_HUB_OFFLINE is set") from error
    except RepositoryNotFoundError as error:
        raise ValueError(f"no such model: {absent}, and the hub has none of this name (or keeps it closed)") from error
    except Exception as error:  # of the network, by whatever library
        raise ValueError(f"network needed: {absent}, and the hub does not answer ({type(error).__name__})") from error
    return False


def _lacking(find: Callable[[str], Path | None]) -> str:
    """What a checkpoint lacks of configuration, tokenizer and weights, all their parts; empty if nothing."""
    kinds = (("config.json", ["config.json"]), (NO_TOKENIZER, TOKENIZERS), ("weights", WEIGHTS))
    for kind, files in kinds:
        found = [place for file in files if (place := find(file))]
        if not found:
            return kind
    if found[0].suffix != ".json":
        return ""
    try:
        parts = sorted(set(json.loads(found[0].read_text())["weight_map"].values()))
    except (ValueError, KeyError, AttributeError):  # a damaged index: transformers will say so
        return ""
    return next((part for part in parts if not find(part)), "")


def _asked(name: str, kind: str, ask, *arguments, **options):
    """What transformers gives, its many errors in one line."""
    try:
        return ask(*arguments, **options)
    except Exception as error:
        if error.args == (watching.NAME,):  # attention classes of its own, looked up by the names that it knows
            raise watching.NotAvailable(capturing.not_seen(name)) from error
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise ValueError(f"the {kind} of {name} cannot be loaded: {reason}") from error


def _refuse_others(name: str, config, causal: dict) -> None:
    """Refuse what was not saved as a causal language model."""
    known = causal.get(config.model_type, ())
    known = {known} if isinstance(known, str) else set(known)
    saved = config.architectures or []
    if not known or config.is_encoder_decoder or (saved and not known & set(saved)):
        allowed = f"a checkpoint of {' or '.join(sorted(known))}" if known else "a decoder such as GPT-2 or Llama"
        got = saved[0] if saved else f"a model of type {config.model_type!r}"
        raise ValueError(f"{name} is not a causal language model: got {got}, allowed: {allowed}")


def _refuse_misfits(name: str, about: dict) -> None:
    """Refuse weights that are not those of the configuration: some would be random, or left out."""
    for key, stored, asked in sorted(about["mismatched_keys"]):
        raise ValueError(f"{name}: {key} has shape {tuple(stored)}, its configuration asks for {tuple(asked)}")
    if missing := sorted(about["missing_keys"]):
        raise ValueError(f"{name} lacks {len(missing)} of its model's weights, such as {missing[0]}")
    if more := sorted(key for key in about["unexpected_keys"] if not re.search(BUFFERS, key)):
        raise ValueError(f"{name} holds {len(more)} weights that its configuration does not ask for, such as {more[0]}")
