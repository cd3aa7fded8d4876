"""Attention layer by layer out of a model of transformers, without keeping a map.

transformers looks attention up by name (``AttentionInterface``). Under our name it finds :func:`attend`, which runs the
architecture's own eager function - so that grouped queries, sliding windows, soft caps and learned sinks are what they
are there - and shows what it computed to whoever watches, before the layer's maps are forgotten.
"""

import inspect
import math
from collections.abc import Callable
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from typing import NamedTuple

import torch

from attention_atlas.decoders.attention_record import AttentionRecord
from attention_atlas.shapes import Bool, Float, Int, Tensor

NAME = "attention_atlas"
EAGER = "eager_attention_forward"  # what every architecture of transformers calls its own
AGREE = 1e-3  # relative to the largest number; float32 sums in another order differ by far less


class Call(NamedTuple):
    """What one attention layer was given, and the weights that it made of it."""

    module: torch.nn.Module
    query: Float[Tensor, "batch head query d_key"]
    key: Float[Tensor, "batch group key d_key"]
    value: Float[Tensor, "batch group key d_head"]
    mask: Tensor | None
    weights: Float[Tensor, "batch head query key"]
    options: dict


class Site(NamedTuple):
    """Where an attention layer sits: its module, the block that it is in, the matrix by which its heads write."""

    module: torch.nn.Module
    block: torch.nn.Module
    projection: torch.nn.Module


class NotAvailable(ValueError):
    """A model whose attention cannot be measured; says why in one line."""


def no_interface(name: str) -> str:
    """What to say of an architecture that transformers does not run through its attention interface."""
    return (
        f"attention weights not available: {name} has no attention layer on transformers' attention interface; "
        "allowed: architectures that have, such as GPT-2, OPT, GPT-NeoX, Llama, Mistral, Qwen, Gemma, Phi"
    )


_watcher: ContextVar[Callable[[Call], None] | None] = ContextVar("watcher", default=None)


def register() -> str:
    """Make :func:`attend` known to transformers; returns the name to load a model with (``attn_implementation``)."""
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import eager_mask

    AttentionInterface.register(NAME, attend)
    AttentionMaskInterface.register(NAME, eager_mask)
    return NAME


def attend(module, query, key, value, attention_mask, **options):
    """The architecture's own eager attention, watched; the weights are not handed on."""
    eager = inspect.unwrap(type(module).forward).__globals__.get(EAGER)
    if eager is None:
        raise NotAvailable(
            f"attention weights not available: {type(module).__name__} has no eager attention of its own"
        )
    written, weights = eager(module, query, key, value, attention_mask, **options)
    if (watch := _watcher.get()) is not None:
        watch(Call(module, query, key, value, attention_mask, weights, options))
    return written, None


@contextmanager
def watching(watch: Callable[[Call], None]):
    """Show every call of attention to ``watch`` while the context lasts."""
    token = _watcher.set(watch)
    try:
        yield
    finally:
        _watcher.reset(token)


def sites(model: torch.nn.Module, tokens: Int[Tensor, "token"]) -> list[Site]:
    """Find the attention layers of a model by running it on a few tokens.

    Parameters
    ----------
    model : torch.nn.Module
        Loaded with the name of :func:`register`.
    tokens : (token,)
        At least two.

    Returns
    -------
    list of Site
        In the order in which they run.

    Raises
    ------
    NotAvailable
        If there is no attention, if it looks at later tokens, or if what its heads write is not attention on value
        vectors times an output matrix (gates, norms in between), so that tags would mean nothing.

    Notes
    -----
    Nothing is asked of the names of modules: the output matrix is the first linear map that runs after attention, and
    it is believed only if it explains to rounding what the layer hands on.
    """
    found, pending, streams = [], [], {}
    blocks = _blocks(model)

    def watch(call: Call) -> None:
        if pending:
            raise NotAvailable(f"{type(model).__name__} has no output matrix after its attention, tags need one")
        if call.weights.triu(1).any():
            raise NotAvailable(f"{type(model).__name__} is not causal here: a token attends to a later one")
        pending.append(call)

    def entered(block, given, named) -> None:
        stream = given[0] if given else named.get("hidden_states")
        streams[block] = stream

    def projected(projection, given, written) -> None:
        if not pending:
            return
        call, matrix = pending.pop(), output_matrix(projection)
        stream = streams.get(blocks.get(call.module))
        _believe(model, call, stream, matrix, projection.bias, written)
        found.append(Site(call.module, blocks[call.module], projection))

    with ExitStack() as stack, torch.no_grad():
        for block in set(blocks.values()):
            stack.callback(block.register_forward_pre_hook(entered, with_kwargs=True).remove)
        for module in model.modules():
            if output_matrix(module) is not None:
                stack.callback(module.register_forward_hook(projected).remove)
        stack.enter_context(watching(watch))
        model(tokens[None], use_cache=False)
    if not found:
        raise NotAvailable(no_interface(type(model).__name__))
    return found


def records(
    model: torch.nn.Module,
    where: list[Site],
    tokens: Int[Tensor, "token"],
    visit: Callable[[AttentionRecord], None],
) -> Float[Tensor, "token vocabulary"]:
    """Run a model and hand every attention layer to a visitor; the maps of one layer are alive at a time.

    Parameters
    ----------
    model : torch.nn.Module
        Loaded with the name of :func:`register`.
    where : list of Site
        Of :func:`sites`.
    tokens : (token,)
        One sequence.
    visit : callable
        Gets a batch of one; a reference that it keeps keeps the maps.

    Returns
    -------
    (token, vocabulary)
        Logits.
    """
    streams, left = {}, list(enumerate(where))

    def entered(block, given, named) -> None:
        streams[block] = given[0] if given else named["hidden_states"]

    def watch(call: Call) -> None:
        layer, site = left.pop(0)
        if site.module is not call.module:
            raise NotAvailable(f"{type(model).__name__} runs its attention layers in another order on another text")
        visit(_record(layer, call, streams[site.block], site.projection))

    with ExitStack() as stack, torch.no_grad():
        for block in {site.block for site in where}:
            stack.callback(block.register_forward_pre_hook(entered, with_kwargs=True).remove)
        stack.enter_context(watching(watch))
        return model(tokens[None], use_cache=False).logits[0]


def output_matrix(module: torch.nn.Module) -> Float[Tensor, "d_in d_out"] | None:
    """The matrix that multiplies a linear module's input from the right; None of another module.

    Examples
    --------
    >>> output_matrix(torch.nn.Linear(3, 5)).shape, output_matrix(torch.nn.LayerNorm(3))
    (torch.Size([3, 5]), None)
    """
    weight = getattr(module, "weight", None)
    if isinstance(module, torch.nn.Linear) and weight.is_floating_point():
        return weight.mT
    return weight if type(module).__name__ == "Conv1D" and hasattr(module, "nf") else None


def scores(call: Call, allowed: Bool[Tensor, "query key"]) -> Float[Tensor, "batch head query key"]:
    """Scores before the softmax, of which the weights are known.

    Parameters
    ----------
    call : Call
        Of one layer.
    allowed : (query, key)
        Where attention is allowed.

    Returns
    -------
    (batch, head, query, key)
        Scaled products of queries and keys, capped where the architecture does so, if their softmax gives the weights;
        else (a bias that we do not know) the logarithm of the weights, which differs from the scores by a constant for
        each query: the order of keys, which recency asks for, is the same.
    """
    groups = call.query.shape[1] // call.key.shape[1]
    scale = call.options.get("scaling")
    scale = call.query.shape[-1] ** -0.5 if scale is None else scale
    found = call.query @ call.key.repeat_interleave(groups, 1).mT * scale
    if cap := call.options.get("softcap"):
        found = cap * torch.tanh(found / cap)
    for one, weights in zip(found.flatten(0, 1), call.weights.flatten(0, 1), strict=True):  # memory of one map
        shares = weights / weights.sum(-1, keepdim=True)  # a learned sink takes its part of a row
        if not torch.allclose(one.masked_fill(~allowed, -math.inf).softmax(-1), shares, rtol=0, atol=AGREE):
            return call.weights.log()
    return found


def _record(layer: int, call: Call, stream: Tensor, projection: torch.nn.Module) -> AttentionRecord:
    heads, size = call.weights.shape[1], call.value.shape[-1]
    values = call.value.repeat_interleave(heads // call.value.shape[1], 1)
    allowed = _allowed(call)
    matrix = output_matrix(projection).unflatten(0, (heads, size))
    return AttentionRecord(layer, stream, scores(call, allowed), call.weights, values, matrix, allowed)


def _allowed(call: Call) -> Bool[Tensor, "query key"]:
    """Where attention is allowed; a mask may carry a bias of each head, and numbers near the least one forbid."""
    causal = torch.ones(call.weights.shape[-2:], dtype=torch.bool, device=call.weights.device).tril()
    if call.mask is None:
        return causal
    mask = call.mask[0, ..., : causal.shape[-1]]
    return causal & (mask if mask.dtype == torch.bool else mask > torch.finfo(mask.dtype).min / 2).any(0)


def _believe(model, call: Call, stream, matrix: Tensor, bias: Tensor | None, written: Tensor) -> None:
    """Refuse a layer of which the record would not be true."""
    name = type(model).__name__
    heads, size = call.weights.shape[1], call.value.shape[-1]
    if stream is None or stream.ndim != 3:
        raise NotAvailable(f"{name} has no residual stream (batch, token, d_model) at the entrance of its blocks")
    values = call.value.repeat_interleave(heads // call.value.shape[1], 1)
    if matrix.shape == (heads * size, stream.shape[-1]):
        expected = (call.weights @ values).transpose(1, 2).flatten(2) @ matrix
        expected = expected if bias is None else expected + bias
        if (expected - written).abs().max() <= AGREE * written.abs().max():
            return
    raise NotAvailable(
        f"{name} writes something else than attention on value vectors times an output matrix (a gate or a norm in "
        "between?), tags would mean nothing"
    )


def _blocks(model: torch.nn.Module) -> dict[torch.nn.Module, torch.nn.Module]:
    """From every module in a list of blocks to its block: the nearest ancestor that stands in a ModuleList."""
    found = {}
    for parent in model.modules():  # outer lists first, so that inner ones overwrite them
        if isinstance(parent, torch.nn.ModuleList):
            for block in parent:
                found |= {module: block for module in block.modules() if module is not block or module not in found}
    return found
