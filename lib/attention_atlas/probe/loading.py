"""A causal language model of transformers, from a folder or the Hugging Face hub, or one line that says why not."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from attention_atlas.probe import capturing
from attention_atlas.probe.source import Visit
from attention_atlas.shapes import Float, Int, Tensor

NEEDED = "the probe needs the package transformers; allowed: pip install 'attention-atlas[probe]'"
TOKENIZERS = ("tokenizer.json", "tokenizer_config.json", "tokenizer.model", "spiece.model", "vocab.json", "vocab.txt")
WEIGHTS = ("model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json")
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
        return getattr(self.model.config.get_text_config(), "max_position_embeddings", None)

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
        In one line: no such model, no network, not a causal language model, weights or tokenizer missing, attention
        weights not available; or transformers is not installed.
    """
    try:
        import transformers
        from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES as CAUSAL

        implementation = capturing.register()
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
    model, about = _asked(
        name,
        "weights",
        transformers.AutoModelForCausalLM.from_pretrained,
        name,
        config=config,
        attn_implementation=implementation,
        dtype=torch.float32,
        output_loading_info=True,
        **options,
    )
    if missing := sorted(about["missing_keys"]):
        raise ValueError(f"{name} lacks {len(missing)} of its model's weights, such as {missing[0]}")
    return HuggingFace(Path(name).name if Path(name).is_dir() else name, model.eval(), tokenizer)


def _is_here(name: str) -> bool:
    """Whether nothing needs to be fetched; refuses what is neither here nor to be had."""
    path = Path(name)
    if path.is_dir():
        for kind, files in (("config.json", ["config.json"]), ("tokenizer", TOKENIZERS), ("weights", WEIGHTS)):
            if not any((path / file).is_file() for file in files):
                raise ValueError(
                    f"{name} holds no {kind}; allowed: a folder that save_pretrained wrote, with tokenizer"
                )
        return True
    if path.exists():
        raise ValueError(f"{name} is no folder; allowed: a folder that save_pretrained wrote, or a name on the hub")
    if not re.fullmatch(r"\w[\w.-]*(/[\w.-]+)?", name):
        raise ValueError(f"no such model: there is no folder {name!r}, and no name on the hub looks like this")
    from huggingface_hub import HfApi, try_to_load_from_cache
    from huggingface_hub.errors import OfflineModeIsEnabled, RepositoryNotFoundError

    cached = {file: isinstance(try_to_load_from_cache(name, file), str) for file in ("config.json", *WEIGHTS)}
    if cached.pop("config.json") and any(cached.values()):
        return True
    absent = f"{name} is neither a folder here nor in the Hugging Face cache"
    try:
        HfApi().model_info(name, timeout=PATIENCE)
    except OfflineModeIsEnabled as error:
        raise ValueError(f"network needed: {absent}, and HF_HUB_OFFLINE is set") from error
    except RepositoryNotFoundError as error:
        raise ValueError(f"no such model: {absent}, and the hub has none of this name (or keeps it closed)") from error
    except Exception as error:  # of the network, by whatever library
        raise ValueError(f"network needed: {absent}, and the hub does not answer ({type(error).__name__})") from error
    return False


def _asked(name: str, kind: str, ask, *arguments, **options):
    """What transformers gives, its many errors in one line."""
    try:
        return ask(*arguments, **options)
    except Exception as error:
        if error.args == (capturing.NAME,):  # attention classes of its own, looked up by the names that it knows
            raise capturing.NotAvailable(capturing.no_interface(name)) from error
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
