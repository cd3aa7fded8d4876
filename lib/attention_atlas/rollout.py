"""Cumulative attention: which input tokens a token of layer t draws its context from.

P^(t) = A^(t) ... A^(0) of Wu et al. 2025; t counts from 0, so P^(t) is a product of t + 1 maps. Everything is float64
whatever comes in, and carries no gradient: a product of many stochastic matrices is theory, and float32 would blur it.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence

import torch

from attention_atlas.shapes import Float, Float64, Tensor

BLOCK = 96  # tokens; the fastest of 64..512 for 1024 to 4096 tokens on one core, see bench/README.md


def with_residual(maps: Float[Tensor, "*batch query key"], strength: float) -> Float64[Tensor, "*batch query key"]:
    """Attention maps of layers with a residual connection, as averages of "look around" and "stay".

    Parameters
    ----------
    maps : (*batch, query, key)
        Attention maps, as many queries as keys.
    strength : float
        Weight r of the residual against the attention's 1, finite and at least 0; 0 is no residual.

    Returns
    -------
    (*batch, query, key)
        ``(A + r I) / (1 + r)``, whose rows still sum to 1.

    Raises
    ------
    ValueError
        If the maps are not square or empty, or the strength is negative or not finite.

    Notes
    -----
    Attention rollout of Abnar & Zuidema 2020 (r = 1), the cumulative attention of Wu et al. 2025 with residuals.

    Examples
    --------
    >>> with_residual(torch.tensor([[1.0, 0.0], [0.5, 0.5]]), strength=1.0)
    tensor([[1.0000, 0.0000],
            [0.2500, 0.7500]], dtype=torch.float64)
    """
    if not 0 <= strength < float("inf"):
        raise ValueError(f"the residual strength must be a finite number of at least 0, got {strength}")
    _refuse_rectangles(maps)
    stay = strength * torch.eye(maps.shape[-1], dtype=torch.float64, device=maps.device)
    return (maps.detach().double() + stay) / (1 + strength)


def causal_product(
    left: Float64[Tensor, "query key"], right: Float64[Tensor, "query key"], block: int = BLOCK
) -> Float64[Tensor, "query key"]:
    """Product of two lower-triangular matrices that never multiplies a block of zeros.

    Parameters
    ----------
    left, right : (query, key)
        Square, with zeros above the diagonal; what stands in blocks above the diagonal is not read.
    block : int
        Side of the blocks in tokens, at least 1.

    Returns
    -------
    (query, key)
        ``left @ right``, lower triangular.

    Raises
    ------
    ValueError
        If the factors are not square and of one size, or the block is below 1.

    Notes
    -----
    Columns K of the left factor meet rows K of the right one, in rows K.. and columns ..K of the product only. That
    is one call of the machine's own product per block of K, and N^3 / 3 floating-point operations in the limit of
    small blocks against the 2 N^3 of a full product.

    Examples
    --------
    >>> causal_product(torch.eye(3).double() * 2, torch.ones(3, 3).double().tril(), block=2)
    tensor([[2., 0., 0.],
            [2., 2., 0.],
            [2., 2., 2.]], dtype=torch.float64)
    """
    if block < 1:
        raise ValueError(f"the block of a causal product must be at least 1 token, got {block}")
    _refuse_rectangles(left)
    if left.shape != right.shape:
        raise ValueError(f"a causal product needs two maps of one size, got {len(left)} and {len(right)}")
    product = torch.zeros_like(left)
    for start in range(0, len(left), block):
        end = start + block  # slices may overshoot: any N works
        product[start:, :end].addmm_(left[start:, start:end], right[start:end, :end])
    return product


def products(
    maps: Float[Tensor, "layer query key"] | Iterable[Float[Tensor, "_query _key"]], residual: float = 0.0
) -> Iterator[Float64[Tensor, "_query _key"]]:
    """Yield P^(0), P^(1), ...: the cumulative attention after every layer, holding one map at a time.

    Parameters
    ----------
    maps : (layer, query, key) or iterable of (query, key)
        Attention maps, first layer first; a generator may build them one by one.
    residual : float
        Strength of the residual connection, see :func:`with_residual`.

    Yields
    ------
    (query, key)
        The product so far, from which the next is made: copy it before changing it. Lower-triangular maps are
        multiplied by :func:`causal_product`, others in full.

    Raises
    ------
    ValueError
        If there is no map, a map is not square, has another size than the first or holds a non-finite number, or
        the residual strength is negative.

    Examples
    --------
    >>> [round(P[1, 0].item(), 3) for P in products([torch.tensor([[1.0, 0.0], [0.5, 0.5]])] * 3)]
    [0.5, 0.75, 0.875]
    """
    product, triangular = None, True
    for layer, map in enumerate(maps):
        map = _checked(map, residual, layer)
        triangular = triangular and _is_causal(map)
        if product is None:
            product = map.clone()  # never hand out the caller's own memory
        elif product.shape != map.shape:
            raise ValueError(f"every map needs the size of the first, {len(product)}, got {len(map)} in layer {layer}")
        else:
            product = causal_product(map, product) if triangular else map @ product
        yield product
    if product is None:
        raise ValueError("a rollout needs at least one map, got none")


def rollout(
    maps: Float[Tensor, "layer query key"] | Iterable[Float[Tensor, "_query _key"]], residual: float = 0.0
) -> Float64[Tensor, "query key"]:
    """Cumulative attention of all layers: the share of every input token in every output token's context.

    Parameters
    ----------
    maps : (layer, query, key) or iterable of (query, key)
        Attention maps, first layer first; a generator may build them one by one.
    residual : float
        Strength of the residual connection, see :func:`with_residual`.

    Returns
    -------
    (query, key)
        ``A^(t) @ ... @ A^(0)``; rows sum to 1 if those of the maps do.

    Raises
    ------
    ValueError
        See :func:`products`.

    Notes
    -----
    P^(t)(z_i = j) of Wu et al. 2025, Section 3; t + 1 maps make P^(t).

    Examples
    --------
    >>> causal = torch.tensor([[1.0, 0.0], [0.5, 0.5]])
    >>> rollout(torch.stack([causal, causal, causal]))
    tensor([[1.0000, 0.0000],
            [0.8750, 0.1250]], dtype=torch.float64)
    """
    return deque(products(maps, residual), maxlen=1).pop()  # keeps the last


def rollout_trajectory(
    maps: Float[Tensor, "layer query key"] | Iterable[Float[Tensor, "_query _key"]], residual: float = 0.0
) -> Float64[Tensor, "layer query key"]:
    """Cumulative attention after every layer.

    Parameters
    ----------
    maps : (layer, query, key) or iterable of (query, key)
        Attention maps, first layer first.
    residual : float
        Strength of the residual connection, see :func:`with_residual`.

    Returns
    -------
    (layer, query, key)
        Entry t is P^(t), the product of the first t + 1 maps.

    Raises
    ------
    ValueError
        See :func:`products`.

    Notes
    -----
    Wu et al. 2025, Section 3. For long sequences use :func:`products` and keep what is needed of each.

    Examples
    --------
    >>> rollout_trajectory([torch.tensor([[1.0, 0.0], [0.5, 0.5]])] * 3)[:, 1, 0]
    tensor([0.5000, 0.7500, 0.8750], dtype=torch.float64)
    """
    return torch.stack(list(products(maps, residual)))


def rollout_power(map: Float[Tensor, "query key"], layers: int, residual: float = 0.0) -> Float64[Tensor, "query key"]:
    """Cumulative attention of equal layers, by repeated squaring.

    Parameters
    ----------
    map : (query, key)
        The attention map of every layer.
    layers : int
        Number of layers, at least 1: t + 1 for the paper's P^(t).
    residual : float
        Strength of the residual connection, see :func:`with_residual`.

    Returns
    -------
    (query, key)
        The ``layers``-th power of the map.

    Raises
    ------
    ValueError
        If there are no layers, the map is not square or not finite, or the residual strength is negative.

    Notes
    -----
    P^(t) = A^(t+1) of Wu et al. 2025 for equal layers; at most 2 log2(layers) products.

    Examples
    --------
    >>> rollout_power(torch.tensor([[1.0, 0.0], [0.5, 0.5]]), layers=10)[1, 1].item() == 0.5**10
    True
    """
    if layers < 1:
        raise ValueError(f"a rollout needs at least 1 layer, got {layers}")
    square = _checked(map, residual, layer=0)
    multiply = causal_product if _is_causal(square) else torch.matmul
    power = None
    while layers:
        if layers % 2:
            power = square.clone() if power is None else multiply(square, power)
        layers //= 2
        if layers:
            square = multiply(square, square)
    return power


def rollout_row(
    maps: Float[Tensor, "layer query key"] | Sequence[Float[Tensor, "query key"]], query: int, residual: float = 0.0
) -> Float64[Tensor, "key"]:
    """Cumulative attention of one token, without the other rows.

    Parameters
    ----------
    maps : (layer, query, key) or sequence of (query, key)
        Attention maps, first layer first; a sequence, because it is read from the last layer backwards.
    query : int
        The token whose context is asked for, from 0.
    residual : float
        Strength of the residual connection, see :func:`with_residual`.

    Returns
    -------
    (key,)
        Row ``query`` of :func:`rollout`, for N^2 operations per layer in place of N^3.

    Raises
    ------
    ValueError
        If the query is not a token, or as in :func:`products`.

    Notes
    -----
    P^(t)(z_i = . ) of Wu et al. 2025, Section 3, for a single i.

    Examples
    --------
    >>> rollout_row([torch.tensor([[1.0, 0.0], [0.5, 0.5]])] * 3, query=1)
    tensor([0.8750, 0.1250], dtype=torch.float64)
    """
    if len(maps) == 0:
        raise ValueError("a rollout needs at least one map, got none")
    tokens = maps[0].shape[-1]
    if not 0 <= query < tokens:
        raise ValueError(f"query must be one of 0..{tokens - 1}, got {query}")
    row = torch.zeros(tokens, dtype=torch.float64, device=maps[0].device)
    row[query] = 1
    for layer in reversed(range(len(maps))):
        map = _checked(maps[layer], residual, layer)
        if len(map) != tokens:
            raise ValueError(f"every map needs the size of the first, {tokens}, got {len(map)} in layer {layer}")
        row = row @ map
    return row


def _checked(map: Float[Tensor, "query key"], residual: float, layer: int) -> Float64[Tensor, "query key"]:
    """The layer's map in float64 with its residual, refused if it is not square or not finite."""
    _refuse_rectangles(map)
    map = with_residual(map, residual) if residual else map.detach().double()  # no pass over memory for nothing
    if not map.sum().isfinite() and not map.isfinite().all():  # a non-finite entry always shows in the cheap sum
        raise ValueError(f"attention maps must be finite, got a non-finite entry in layer {layer}")
    return map


def _refuse_rectangles(maps: Float[Tensor, "*batch query key"]) -> None:
    queries, keys = maps.shape[-2:]
    if queries != keys or keys == 0:
        raise ValueError(f"attention maps must be square and not empty to be multiplied, got {queries} x {keys}")


def _is_causal(map: Float[Tensor, "query key"]) -> bool:
    """Whether nothing stands above the diagonal; one look at the corner answers for most maps that are not causal."""
    tokens = len(map)
    if map[0, -1] != 0 and tokens > 1:
        return False
    # Strips of rows: the part right of a strip is read in place, only its small diagonal block is copied.
    return not any(
        map[top : top + BLOCK, top + BLOCK :].any() or map[top : top + BLOCK, top : top + BLOCK].triu(1).any()
        for top in range(0, tokens, BLOCK)
    )
