"""LocAteR (Bao et al. 2024), a penalty on the scale of the query-key eigenspectrum that keeps its mean.

A head's weights are ``W = W_Q^T W_K``, d_model x d_model and of rank d_head at most. The penalty needs three traces of
W, and all of them come from d_head x d_head products of the factors; W itself is never formed.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import torch

from attention_atlas.shapes import Float, Tensor
from attention_atlas.theory.localization.spectrum import Spectrum
from attention_atlas.training.query_key_weights import query_key_weights


def trace(
    query: Float[Tensor, "*head d_head d_model"], key: Float[Tensor, "*head d_head d_model"]
) -> Float[Tensor, "*head"]:
    """Trace of W: the sum of the eigenvalues.

    Parameters
    ----------
    query, key : (*head, d_head, d_model)
        W_Q and W_K; rows are dimensions of the head, as in the weights of torch's linear layers.

    Returns
    -------
    (*head,)
        ``tr W = sum(W_Q * W_K)``. The mean eigenvalue is ``tr W / d_model``; of the d_head eigenvalues that need not
        be 0 it is ``tr W / d_head``.

    Raises
    ------
    ValueError
        If the two have different shapes.

    Examples
    --------
    >>> trace(torch.eye(2, 3), 5 * torch.eye(2, 3))
    tensor(10.)
    """
    _check(query, key)
    return (query * key).sum((-2, -1))


def trace_square(
    query: Float[Tensor, "*head d_head d_model"], key: Float[Tensor, "*head d_head d_model"]
) -> Float[Tensor, "*head"]:
    """Trace of W W: the sum of the squares of the eigenvalues.

    Parameters
    ----------
    query, key : (*head, d_head, d_model)
        See :func:`trace`.

    Returns
    -------
    (*head,)
        ``tr(W^2) = tr(B B)`` with ``B = W_K W_Q^T``, (d_head, d_head). Negative if W rotates more than it stretches.

    Raises
    ------
    ValueError
        If the two have different shapes.

    Notes
    -----
    With the symmetric part S and the antisymmetric part A of W it is ``||S||_F^2 - ||A||_F^2``. A leaves the trace
    alone, so at a fixed trace ``tr(W^2)`` has no lower bound (derived here).

    Examples
    --------
    A quarter turn has the eigenvalues i and -i:

    >>> trace_square(torch.eye(2), torch.tensor([[0.0, 1.0], [-1.0, 0.0]]))
    tensor(-2.)
    """
    _check(query, key)
    product = key @ query.mT
    return (product * product.mT).sum((-2, -1))


def frobenius_square(
    query: Float[Tensor, "*head d_head d_model"], key: Float[Tensor, "*head d_head d_model"]
) -> Float[Tensor, "*head"]:
    """Squared Frobenius norm of W: the sum of the squares of its entries.

    Parameters
    ----------
    query, key : (*head, d_head, d_model)
        See :func:`trace`.

    Returns
    -------
    (*head,)
        ``||W||_F^2 = tr(W_Q W_Q^T W_K W_K^T)``, at least ``abs(tr(W^2))`` and, by Cauchy-Schwarz, at least
        ``(tr W)^2 / d_head``.

    Raises
    ------
    ValueError
        If the two have different shapes.

    Notes
    -----
    Derived here. ``||W||_F^2 = ||S||_F^2 + ||A||_F^2``, so it exceeds ``tr(W^2)`` by ``2 ||A||_F^2`` and equals it
    exactly for symmetric W.

    Examples
    --------
    >>> frobenius_square(torch.eye(2), torch.tensor([[0.0, 1.0], [-1.0, 0.0]]))
    tensor(2.)
    """
    _check(query, key)
    return ((query @ query.mT) * (key @ key.mT)).sum((-2, -1))


SCALES = {"frobenius": frobenius_square, "trace_square": trace_square}


def head_spectrum(query: Float[Tensor, "d_head d_model"], key: Float[Tensor, "d_head d_model"]) -> Spectrum:
    """What a head's weights do to a score, with the head's own temperature.

    Parameters
    ----------
    query, key : (d_head, d_model)
        Of one head.

    Returns
    -------
    Spectrum
        ``eta = tr W / sqrt(d_head)``, ``xi = tr(W^2) / d_head``, ``frobenius = ||W||_F^2 / d_head``.

    Raises
    ------
    ValueError
        If the two have different shapes.

    Notes
    -----
    A Spectrum belongs to scores ``x^T W x / sqrt(d_model)``. A head divides by ``sqrt(d_head)`` instead, which is as
    if its W were larger by ``sqrt(d_model / d_head)``. In these units ``frobenius >= eta^2 / d_head``.

    Examples
    --------
    >>> head_spectrum(torch.eye(4, 7), 3 * torch.eye(4, 7))
    Spectrum(eta=6.0, xi=9.0, frobenius=9.0)
    """
    traces = [function(query, key).item() for function in (trace, trace_square, frobenius_square)]
    d_head = len(query)
    return Spectrum(traces[0] / math.sqrt(d_head), traces[1] / d_head, traces[2] / d_head)


def multiplications(d_head: int, d_model: int) -> dict[str, int]:
    """How many products of two numbers each trace of one head takes, and how many by way of W.

    Parameters
    ----------
    d_head, d_model : int
        Width of the head and of the model.

    Returns
    -------
    dict of str to int
        For ``trace``, ``trace_square`` and ``frobenius`` as computed here, and for ``dense``: forming W and squaring
        its entries. ``frobenius`` is below ``dense`` while d_head is below about half of d_model.

    Examples
    --------
    >>> multiplications(64, 768)
    {'trace': 49152, 'trace_square': 3149824, 'frobenius': 6295552, 'dense': 38338560}
    """
    gram = d_head**2 * d_model
    return {
        "trace": d_head * d_model,
        "trace_square": gram + d_head**2,
        "frobenius": 2 * gram + d_head**2,
        "dense": d_head * d_model**2 + d_model**2,
    }


@dataclass(frozen=True)
class Locater:
    """Penalty ``scale_weight * s(W) + mean_weight * (tr W - target)^2``, summed over all heads of all layers.

    Parameters
    ----------
    scale_weight, mean_weight : float
        Of the scale s(W) and of the squared distance of the trace from its target, at least 0.
    target_trace : float or tuple of tuples of float, optional
        The trace to keep: one for all heads, or one for each head of each layer, which :meth:`bound_to` fills in.
    scale : {"frobenius", "trace_square"}
        ``||W||_F^2``, or ``tr(W^2)``. They agree for symmetric W. Of any other W ``tr(W^2)`` has no lower bound, and
        gradient descent on it runs away; ``||W||_F^2`` is at least ``(tr W)^2 / d_head``. Hence the default.
    weights : callable
        Function of a module to ``{layer: (query, key)}``, each (*head, d_head, d_model). Give your own for layers that
        :func:`~attention_atlas.training.query_key_weights.query_key_weights` does not know.

    Raises
    ------
    ValueError
        If a weight is negative, the target is not finite or the scale is unknown.

    Notes
    -----
    Bao et al. 2024 minimize the scale of the eigenspectrum and keep its mean. Which scale term they use and their
    constants are unknown to us: this is our reconstruction. A sum and not a mean over heads, so that what a head feels
    does not depend on how many others there are. Biases and rotary positions are not part of W.

    Examples
    --------
    >>> layer = torch.nn.MultiheadAttention(embed_dim=12, num_heads=3)
    >>> locater = Locater(scale_weight=0.01, mean_weight=0.1).bound_to(layer)  # keeps the traces of this moment
    >>> loss = locater(layer)  # add it to the loss of the task
    >>> loss.backward()
    """

    scale_weight: float
    mean_weight: float
    target_trace: float | tuple[tuple[float, ...], ...] | None = None
    scale: str = "frobenius"
    weights: Callable[[torch.nn.Module], Mapping[str, tuple[Tensor, Tensor]]] = query_key_weights

    def __post_init__(self):
        for name in ("scale_weight", "mean_weight"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be a finite number of at least 0, got {getattr(self, name)}")
        if isinstance(self.target_trace, int | float) and not math.isfinite(self.target_trace):
            raise ValueError(f"target_trace must be finite, got {self.target_trace}")
        if self.scale not in SCALES:
            raise ValueError(f"unknown scale {self.scale!r}; allowed: {', '.join(SCALES)}")

    def bound_to(self, module: torch.nn.Module) -> "Locater":
        """A copy whose targets are the traces that the heads of this module have now.

        Parameters
        ----------
        module : torch.nn.Module
            The model that will be trained.

        Returns
        -------
        Locater
            Numbers only: it does not hold on to the module, and can be kept beside a checkpoint.
        """
        found = self.weights(module).values()
        return replace(self, target_trace=tuple(tuple(trace(*pair).detach().reshape(-1).tolist()) for pair in found))

    def __call__(self, module: torch.nn.Module) -> Float[Tensor, ""]:
        """The penalty of a module.

        Parameters
        ----------
        module : torch.nn.Module
            The model, with the layers and heads that the targets are for.

        Returns
        -------
        ()
            Sum over all heads, differentiable in the weights.

        Raises
        ------
        ValueError
            If there is no target trace yet, or the targets are those of other layers or heads.
        """
        if self.target_trace is None:
            raise ValueError("there is no target trace yet: use bound_to(module), or say target_trace=...")
        found = list(self.weights(module).values())
        if isinstance(self.target_trace, int | float):
            targets = [query.new_tensor(self.target_trace) for query, _ in found]
        else:
            had, got = [len(traces) for traces in self.target_trace], [query.shape[:-2].numel() for query, _ in found]
            if had != got:
                raise ValueError(f"the targets are for layers of {had} heads, got layers of {got}")
            kept = zip(found, self.target_trace, strict=True)
            targets = [query.new_tensor(traces).reshape(query.shape[:-2]) for (query, _), traces in kept]
        return sum(self.of_heads(*pair, target).sum() for pair, target in zip(found, targets, strict=True))

    def of_heads(
        self,
        query: Float[Tensor, "*head d_head d_model"],
        key: Float[Tensor, "*head d_head d_model"],
        target: Float[Tensor, "..."],
    ) -> Float[Tensor, "*head"]:
        """The penalty of every head of one layer.

        Parameters
        ----------
        query, key : (*head, d_head, d_model)
            W_Q and W_K.
        target : broadcastable to (*head,)
            Traces to keep.

        Returns
        -------
        (*head,)
            ``scale_weight * s(W) + mean_weight * (tr W - target)^2``.
        """
        away = trace(query, key) - target
        return self.scale_weight * SCALES[self.scale](query, key) + self.mean_weight * away.square()


def _check(query: Tensor, key: Tensor) -> None:
    if query.shape != key.shape:
        raise ValueError(f"query and key must have the same shape, got {tuple(query.shape)} and {tuple(key.shape)}")
