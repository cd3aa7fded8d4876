"""Attention layer by layer out of a model of transformers, without keeping a map."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from itertools import pairwise
from typing import NamedTuple

import torch

from attention_atlas.decoders.attention_record import AttentionRecord
from attention_atlas.probe.source import refuse_infinite
from attention_atlas.probe.watching import Call, NotAvailable, Watch, at_interface, at_products
from attention_atlas.shapes import Float, Int, Tensor

AGREE = 1e-3  # relative to the largest number; float32 sums in another order differ by far less


class Site(NamedTuple):
    """Where an attention layer sits: its number, its block, the matrix by which its heads write, how it is watched."""

    layer: int
    block: torch.nn.Module
    projection: torch.nn.Module
    way: Callable[[Watch], AbstractContextManager]


class Running(NamedTuple):
    """A module that is running, its number if it is a block, and what it was given first."""

    module: torch.nn.Module
    number: int | None
    stream: Tensor | None


def not_seen(name: str) -> str:
    """What to say of an architecture whose attention is neither on the interface nor a softmax times values."""
    return (
        f"attention weights not available: {name} runs no attention that can be seen; allowed: architectures on "
        "transformers' attention interface, such as GPT-2, Llama, Mistral, Qwen, Gemma, Phi, and those that multiply a "
        "softmax by values, such as BLOOM, Falcon, GPT-J, GPT-Neo, MPT"
    )


def sites(model: torch.nn.Module, tokens: Int[Tensor, "token"]) -> list[Site]:
    """Find the attention layers of a model by running it on a few tokens.

    Parameters
    ----------
    model : torch.nn.Module
        Loaded with the name of :func:`~attention_atlas.probe.watching.register`, or ``eager``.
    tokens : (token,)
        At least two.

    Returns
    -------
    list of Site
        In the order in which they run. A layer's number is its block's, so that a block without attention leaves a gap;
        where blocks run more than once, layers are numbered in their order.

    Raises
    ------
    NotAvailable
        If there is no attention, if it looks at later tokens, or if what its heads write is not attention on value
        vectors times an output matrix (gates, norms in between), so that tags would mean nothing.
    ValueError
        If a number is not finite.

    Notes
    -----
    Nothing is asked of the names of modules: the output matrix is the first linear map that runs after attention, and
    it is believed only if it explains to rounding what the layer hands on.
    """
    found = _sites(model, tokens, at_interface) or _sites(model, tokens, at_products)
    if not found:
        raise NotAvailable(not_seen(type(model).__name__))
    rising = all(one.layer < next.layer for one, next in pairwise(found))
    return found if rising else [site._replace(layer=layer) for layer, site in enumerate(found)]


def _sites(model, tokens: Tensor, way) -> list[Site]:
    name, found, pending = type(model).__name__, [], []

    def watch(call: Call) -> None:
        if pending:
            raise NotAvailable(f"{name} has no output matrix after its attention, tags need one")
        block = _block(name, running)
        refuse_infinite(name, f"the residual stream that enters layer {block.number}", block.stream)
        refuse_infinite(name, f"the attention of layer {block.number}", call.weights)
        if call.weights.triu(1).any():
            raise NotAvailable(f"{name} is not causal here: a token attends to a later one")
        pending.append((call, block))

    def projected(projection, given, written) -> None:
        if pending:
            call, block = pending.pop()
            refuse_infinite(name, f"what the heads of layer {block.number} write", written)
            _believe(name, call, block.stream, output_matrix(projection), projection.bias, written)
            found.append(Site(block.number, block.module, projection, way))

    with ExitStack() as stack, torch.no_grad():
        running = stack.enter_context(_running(model))
        for module in model.modules():
            if output_matrix(module) is not None:
                stack.callback(module.register_forward_hook(projected).remove)
        stack.enter_context(way(watch))
        model(tokens[None], use_cache=False)
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
        As :func:`sites` was given it.
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
    name, left = type(model).__name__, list(where)

    def watch(call: Call) -> None:
        block = _block(name, running)
        if not left or left[0].block is not block.module:
            raise NotAvailable(f"{name} runs its attention layers in another order on another text")
        visit(_record(left.pop(0), call, block.stream))

    with ExitStack() as stack, torch.no_grad():
        running = stack.enter_context(_running(model))
        stack.enter_context(where[0].way(watch))
        logits = model(tokens[None], use_cache=False).logits[0]
    if left:
        raise NotAvailable(f"{name} runs {len(left)} attention layers fewer on this text than on two tokens")
    return logits


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


@contextmanager
def _running(model: torch.nn.Module) -> Iterator[list[Running]]:
    """The modules that are running, outermost first, while the context lasts."""
    lists = (parent for parent in model.modules() if isinstance(parent, torch.nn.ModuleList))
    numbers = {block: number for parent in lists for number, block in enumerate(parent)}
    stack: list[Running] = []

    def enter(module, given, named) -> None:
        stack.append(Running(module, numbers.get(module), given[0] if given else named.get("hidden_states")))

    def leave(module, given, written) -> None:
        stack.pop()

    with ExitStack() as hooks:
        for module in model.modules():
            hooks.callback(module.register_forward_pre_hook(enter, with_kwargs=True).remove)
            hooks.callback(module.register_forward_hook(leave).remove)
        yield stack


def _block(name: str, running: list[Running]) -> Running:
    """The innermost block around the attention that is running (which itself may stand in a list)."""
    blocks = [entry for entry in running[:-1] if entry.number is not None] or running[-1:]
    block = blocks[-1]
    if block.number is None or not isinstance(block.stream, torch.Tensor) or block.stream.ndim != 3:
        raise NotAvailable(f"{name} has no residual stream (batch, token, d_model) at the entrance of its blocks")
    return block


def _record(site: Site, call: Call, stream: Tensor) -> AttentionRecord:
    heads, size = call.weights.shape[1], call.value.shape[-1]
    matrix = output_matrix(site.projection).unflatten(0, (heads, size))
    return AttentionRecord(site.layer, stream, call.scores, call.weights, _for_heads(call), matrix, call.allowed)


def _for_heads(call: Call) -> Float[Tensor, "batch head key d_head"]:
    return call.value.repeat_interleave(call.weights.shape[1] // call.value.shape[1], 1)


def _believe(name: str, call: Call, stream: Tensor, matrix: Tensor, bias: Tensor | None, written: Tensor) -> None:
    """Refuse a layer of which the record would not be true."""
    heads, size = call.weights.shape[1], call.value.shape[-1]
    if matrix.shape == (heads * size, stream.shape[-1]):
        expected = (call.weights @ _for_heads(call)).transpose(1, 2).flatten(2) @ matrix
        expected = expected if bias is None else expected + bias
        if (expected - written).abs().max() <= AGREE * written.abs().max():
            return
    raise NotAvailable(
        f"{name} writes something else than attention on value vectors times an output matrix (a gate or a norm in "
        "between?), tags would mean nothing"
    )
