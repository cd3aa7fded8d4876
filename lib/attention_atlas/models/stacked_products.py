"""Products of which the retrieval networks are made, their gradients in the forms that cost least on a CPU.

All are of many models at once: the first axis counts models, each of which has matrices of its own.
"""

import torch

from attention_atlas.shapes import Complex, Float, Tensor


def project(
    x: Float[Tensor, "seed batch token d"], weight: Float[Tensor, "seed d e"]
) -> Float[Tensor, "seed batch token e"]:
    """Every token times its model's matrix.

    Examples
    --------
    >>> project(torch.ones(2, 3, 5, 4), torch.ones(2, 4, 6)).shape
    torch.Size([2, 3, 5, 6])
    """
    return torch.bmm(x.flatten(1, 2), weight).view(*x.shape[:-1], weight.shape[-1])


def times(x: Float[Tensor, "seed batch d"], matrix: Float[Tensor, "seed d e"] | None) -> Float[Tensor, "seed batch e"]:
    """Every vector times its model's matrix, or as it is where there is none.

    Examples
    --------
    >>> times(torch.ones(1, 1, 2), None)
    tensor([[[1., 1.]]])
    """
    return x if matrix is None else torch.bmm(x, matrix)


def after(first: Float[Tensor, "seed d e"] | None, then: Float[Tensor, "seed e f"]) -> Float[Tensor, "seed d f"]:
    """One matrix for two that are applied one after the other, the first of which may be none.

    Examples
    --------
    >>> after(None, torch.eye(2)[None])
    tensor([[[1., 0.],
             [0., 1.]]])
    """
    return then if first is None else torch.bmm(first, then)


def turn(x: Float[Tensor, "*batch d"], turns: Complex[Tensor, "*broadcast half"]) -> Float[Tensor, "*batch d"]:
    """Rotate neighbouring coordinates, as :func:`attention_atlas.positions.rope`, by complex multiplication.

    Parameters
    ----------
    x : (..., d)
        Queries or keys, d even.
    turns : (..., d / 2)
        Complex numbers of length 1, one for each pair of coordinates, in a shape that broadcasts.

    Examples
    --------
    >>> turn(torch.tensor([[1.0, 0.0]]), torch.tensor([1j]))  # a quarter of a turn
    tensor([[0., 1.]])
    """
    return _Turn.apply(x, turns)


def inner(
    tokens: Float[Tensor, "seed batch token d"], query: Float[Tensor, "seed batch d"]
) -> Float[Tensor, "seed batch token"]:
    """Inner products of one query with every token.

    Examples
    --------
    >>> inner(torch.eye(3).view(1, 1, 3, 3), torch.tensor([[[1.0, 2.0, 3.0]]]))
    tensor([[[1., 2., 3.]]])
    """
    return _Contraction.apply(tokens, query, False)


def pool(
    tokens: Float[Tensor, "seed batch token d"], weights: Float[Tensor, "seed batch token"]
) -> Float[Tensor, "seed batch d"]:
    """Sum of all tokens, each times its weight: the transpose of :func:`inner`.

    Examples
    --------
    >>> pool(torch.eye(3).view(1, 1, 3, 3), torch.tensor([[[0.5, 0.25, 0.25]]]))
    tensor([[[0.5000, 0.2500, 0.2500]]])
    """
    return _Contraction.apply(tokens, weights, True)


class _Turn(torch.autograd.Function):
    """Forward by the turns, backward by their inverse."""

    @staticmethod
    def forward(context, x: Tensor, turns: Tensor) -> Tensor:
        context.save_for_backward(turns)
        return _turned(x, turns)

    @staticmethod
    def backward(context, gradient: Tensor) -> tuple[Tensor, None]:
        (turns,) = context.saved_tensors
        return _turned(gradient, turns.conj()), None


class _Contraction(torch.autograd.Function):
    """Of tokens with one vector a sequence: over coordinates with a query, or over tokens with weights."""

    @staticmethod
    def forward(context, tokens: Tensor, vector: Tensor, over_tokens: bool) -> Tensor:
        context.save_for_backward(tokens, vector)
        context.over_tokens = over_tokens
        return _sums(tokens, vector) if over_tokens else _products(tokens, vector)

    @staticmethod
    def backward(context, gradient: Tensor) -> tuple[Tensor | None, Tensor, None]:
        tokens, vector = context.saved_tensors
        per_token, per_coordinate = (vector, gradient) if context.over_tokens else (gradient, vector)
        of_tokens = _outer(per_token, per_coordinate) if context.needs_input_grad[0] else None
        return of_tokens, (_products if context.over_tokens else _sums)(tokens, gradient), None


def _turned(x: Tensor, turns: Tensor) -> Tensor:
    pairs = torch.view_as_complex(x.contiguous().unflatten(-1, (-1, 2)))
    return torch.view_as_real(pairs * turns).flatten(-2)


# A row times a matrix takes half the time of multiplying and summing, and a sixth of a matrix times a column; the outer
# product as a pass over memory takes a third of a product of matrices.
def _products(tokens: Tensor, vector: Tensor) -> Tensor:
    return torch.matmul(vector[:, :, None], tokens.mT).squeeze(2)


def _sums(tokens: Tensor, weights: Tensor) -> Tensor:
    return torch.matmul(weights[:, :, None], tokens).squeeze(2)


def _outer(weights: Tensor, vector: Tensor) -> Tensor:
    return weights[..., None] * vector[:, :, None]
