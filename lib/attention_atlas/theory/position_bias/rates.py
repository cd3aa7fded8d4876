"""How fast cumulative attention really collapses: the exact rate for equal layers, and a measured one.

Next to the guaranteed rates of :mod:`attention_atlas.theory.position_bias.collapse`. Derived here.
"""

import torch

from attention_atlas.shapes import Float, Float64, Tensor


def equal_layers_rate(map: Float[Tensor, "query key"]) -> Float64[Tensor, "key"]:
    """Exact loss per layer of the log share of "this token or later", for equal causal layers.

    Parameters
    ----------
    map : (query, key)
        The causal map of every layer, with a positive weight from every token to itself and to the one before it.

    Returns
    -------
    (key,)
        ``-log max(A_jj, ..., A_NN)`` for every token j, in nats per layer: 0 for the first token.

    Raises
    ------
    ValueError
        If the map is not lower triangular with such weights.

    Notes
    -----
    Derived here: P^(t)(z_N >= j) is a row sum of a power of the triangular block j..N of A, whose eigenvalues are its
    diagonal. The self-attention A_jj, not epsilon, decides how fast the collapse is in the end; a window delays it,
    but with flat logits leaves this rate as it is (token 2: log 2 for every width).

    Examples
    --------
    >>> equal_layers_rate(torch.tensor([[1.0, 0.0, 0.0], [0.5, 0.5, 0.0], [0.5, 0.25, 0.25]])).exp()
    tensor([1., 2., 4.], dtype=torch.float64)
    """
    if map.triu(1).any() or not (map.diagonal() > 0).all() or not (map.diagonal(-1) > 0).all():
        raise ValueError("the map must be lower triangular with positive weights on the diagonal and just below it")
    return -map.diagonal().double().log().flip(0).cummax(0).values.flip(0)


def measured_rate(shares: Float[Tensor, "layer *place"]) -> Float64[Tensor, "*place"]:
    """Loss per layer of a log share, fitted over the second half of the layers.

    Parameters
    ----------
    shares : (layer, *place)
        Shares after each layer, positive, at least three layers; for instance ``trajectory[:, -1, 1:]``.

    Returns
    -------
    (*place,)
        Minus the least-squares slope of log(share) against the layer, in nats per layer; compare with
        ``-log_causal_bound(...).diff(dim=0)``.

    Raises
    ------
    ValueError
        If there are fewer than three layers or a share is not positive.

    Notes
    -----
    Derived here. The first half is left out because a rollout needs some layers to forget where it started.

    Examples
    --------
    >>> measured_rate(0.5 ** torch.arange(8.0)).exp()
    tensor(2., dtype=torch.float64)
    """
    if len(shares) < 3 or not (shares > 0).all():
        raise ValueError(f"a rate needs at least 3 layers of positive shares, got {len(shares)} layers")
    logs = shares[len(shares) // 2 :].double().log()
    layer = torch.arange(len(logs), dtype=torch.float64)
    layer -= layer.mean()
    return -torch.tensordot(layer, logs, dims=1) / layer.square().sum()
