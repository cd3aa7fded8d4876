"""Attention as a model of transformers computes it, shown while it runs.

There are two ways. transformers looks attention up by name (``AttentionInterface``): under our name it finds
:func:`attend`, which runs the architecture's own eager function - so that grouped queries, sliding windows, soft caps
and learned sinks are what they are there. Architectures that do not ask the interface (BLOOM, Falcon, GPT-J, GPT-Neo,
MPT and others) are read off the operations that they run: a softmax whose result is then multiplied by values.

Either way the scores are what the softmax was given, whatever biases they hold.
"""

import inspect
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import NamedTuple

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from attention_atlas.shapes import Bool, Float, Tensor

NAME = "attention_atlas"
EAGER = "eager_attention_forward"  # what every architecture on the interface calls its own
SOFTMAX, PRODUCT = torch.ops.aten._softmax.default, torch.ops.aten.bmm.default
FORBIDDEN = (
    1e-6 * torch.finfo(torch.float32).min
)  # masks add the least number, some divide it by a scale; no score does


class Call(NamedTuple):
    """What one attention layer computed."""

    value: Float[Tensor, "batch group key d_head"]
    weights: Float[Tensor, "batch head query key"]
    scores: Float[Tensor, "batch head query key"]
    allowed: Bool[Tensor, "query key"]


Watch = Callable[[Call], None]


class NotAvailable(ValueError):
    """A model whose attention cannot be measured; says why in one line."""


_watcher: ContextVar[Watch | None] = ContextVar("watcher", default=None)


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
    if (watch := _watcher.get()) is None:
        return eager(module, query, key, value, attention_mask, **options)[0], None
    with Softmax() as softmax:
        written, weights = eager(module, query, key, value, attention_mask, **options)
    watch(Call(value, weights, softmax.scores(weights), _allowed(weights, attention_mask)))
    return written, None


@contextmanager
def at_interface(watch: Watch) -> Iterator[None]:
    """Show every call of :func:`attend` to ``watch`` while the context lasts."""
    token = _watcher.set(watch)
    try:
        yield
    finally:
        _watcher.reset(token)


def at_products(watch: Watch) -> AbstractContextManager:
    """Show every softmax whose result is multiplied by values to ``watch`` while the context lasts.

    Notes
    -----
    It sees one sequence at a time. That the product is attention, and that nothing comes between it and the output
    matrix, is for the caller to check.
    """
    return _Products(watch)


class Softmax(TorchDispatchMode):
    """Remembers the last softmax over maps: what it was given and what it made.

    Examples
    --------
    >>> with Softmax() as softmax:
    ...     weights = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]]).softmax(-1)
    >>> softmax.scores(weights)
    tensor([[[[1., 2.],
              [3., 4.]]]])
    """

    def __init__(self):
        super().__init__()
        self.given = self.made = None

    def __torch_dispatch__(self, function, types, arguments=(), options=None):
        """Run an operation, and look whether it is a softmax."""
        out = function(*arguments, **(options or {}))
        if function is SOFTMAX and out.ndim > 2:
            self.given, self.made = arguments[0], out
        return out

    def scores(self, weights: Float[Tensor, "batch head query key"]) -> Float[Tensor, "batch head query key"]:
        """Scores before the softmax, of which the weights are known.

        Parameters
        ----------
        weights : (batch, head, query, key)
            Attention weights.

        Returns
        -------
        (batch, head, query, key)
            What the softmax was given if the weights are what it made, or its first columns (the last is a learned
            sink's); of those, any constant may have been taken off a row. Else the logarithm of the weights, which has
            the same order of keys as long as they are not 0.
        """
        made, keys = self.made, weights.shape[-1]
        if made is None or made.shape[:-1] != weights.shape[:-1] or not _is_beginning(weights, made):
            return weights.log()
        return self.given[..., :keys]


class _Products(Softmax):
    def __init__(self, watch: Watch):
        super().__init__()
        self.watch = watch

    def __torch_dispatch__(self, function, types, arguments=(), options=None):
        out = super().__torch_dispatch__(function, types, arguments, options)
        if function is PRODUCT and self.made is not None and self._is_attention(arguments[0]):
            weights, value = (part[None] for part in arguments[:2])
            scores = self.given.reshape(weights.shape)
            allowed = _allowed(weights, scores)
            self.given = self.made = None  # nothing is alive when the next layer runs
            self.watch(Call(value, weights, scores, allowed))
        return out

    def _is_attention(self, factor: Tensor) -> bool:
        square = factor.shape[-2] == factor.shape[-1] and factor.numel() == self.made.numel()
        return square and factor.is_contiguous() and _is_beginning(factor, self.made)


def _is_beginning(part: Tensor, whole: Tensor) -> bool:
    """Whether a tensor is another's memory, untouched, from its first number on."""
    same = part.untyped_storage().data_ptr() == whole.untyped_storage().data_ptr() and not part.storage_offset()
    return same and part.stride()[-2] == whole.stride()[-2] and not whole._version


def _allowed(weights: Tensor, mask: Tensor | None) -> Bool[Tensor, "query key"]:
    """Where attention is allowed: a mask, or scores with it, hold a bias of each head and forbid by huge numbers."""
    causal = torch.ones(weights.shape[-2:], dtype=torch.bool, device=weights.device).tril()
    if mask is None:
        return causal
    mask = mask[0, ..., : causal.shape[-1]]
    return causal & (mask if mask.dtype == torch.bool else mask > FORBIDDEN).any(0)
