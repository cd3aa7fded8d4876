"""Query and key weights of every attention layer of a torch model, head by head, found by the layers' usual names."""

import torch

from attention_atlas.shapes import Float, Tensor

LINEARS = ("q_proj", "k_proj"), ("query", "key"), ("q_lin", "k_lin")  # LLaMA, OPT, fairseq; BERT; DistilBERT
PACKED = "c_attn"  # GPT-2
HEADS = "num_heads", "num_attention_heads", "n_head", "n_heads"
LOOKED_FOR = f"torch.nn.MultiheadAttention, linear children {', '.join('/'.join(names) for names in LINEARS)}, {PACKED}"

Pair = tuple[Float[Tensor, "head d_head d_model"], Float[Tensor, "head d_head d_model"]]


def query_key_weights(module: torch.nn.Module, heads: int | None = None) -> dict[str, Pair]:
    """Query and key weights of all attention layers inside a model.

    Parameters
    ----------
    module : torch.nn.Module
        Any model, or one attention layer. Found are ``torch.nn.MultiheadAttention`` (packed or not), modules with
        linear children ``q_proj``/``k_proj`` (LLaMA, OPT, fairseq), ``query``/``key`` (BERT) or ``q_lin``/``k_lin``
        (DistilBERT), and a packed ``c_attn``: 3 d x d of a linear layer, or d x 3 d of GPT-2's transposed one.
    heads : int, optional
        Number of query heads of every layer. By default each layer's own ``num_heads``, ``num_attention_heads``,
        ``n_head`` or ``n_heads``, or its ``config``'s.

    Returns
    -------
    dict of str to ((head, d_head, d_model), (head, d_head, d_model))
        Name of the layer to its query and its key weights, rows are dimensions of a head. They are views of the
        parameters or differentiable functions of them. Where fewer key heads than query heads serve groups of them
        (grouped-query attention), each key head is repeated for its group. A layer used twice counts once.

    Raises
    ------
    ValueError
        If there is no such layer, if one has no number of heads or one that does not divide its rows, if its queries
        and keys read different widths (its W is not square), or if it is packed or wrapped in a way not known.

    Notes
    -----
    W_Q^T W_K is the whole score only without the rest: biases, rotary positions and norms of queries or keys are not
    in these weights. Of cross-attention the weights are found as well, though queries and keys read different spaces.

    Examples
    --------
    >>> layer = torch.nn.TransformerEncoderLayer(d_model=12, nhead=3)
    >>> {name: tuple(query.shape) for name, (query, key) in query_key_weights(layer).items()}
    {'self_attn': (3, 4, 12)}
    """
    found = {}
    for name, layer in module.named_modules():
        if (weights := _of_layer(layer, name)) is not None:
            found[name] = _by_head(*weights, heads or _heads(layer, name), name)
    if not found:
        raise ValueError(f"{type(module).__name__} has no query and key weights under a known name: {LOOKED_FOR}")
    return found


def _of_layer(layer: torch.nn.Module, name: str) -> tuple[Tensor, Tensor] | None:
    """Query and key weights of a layer, rows are output dimensions of all heads; None where there are none."""
    if isinstance(layer, torch.nn.MultiheadAttention):
        if layer.in_proj_weight is None:
            return layer.q_proj_weight, layer.k_proj_weight
        return layer.in_proj_weight.chunk(3)[:2]
    children = dict(layer.named_children())
    for names in LINEARS:
        if all(child in children for child in names):
            for child in names:
                if not isinstance(children[child], torch.nn.Linear):
                    kind = type(children[child]).__name__
                    raise ValueError(f"{child} of layer {name!r} must be a torch.nn.Linear, got {kind}")
            return tuple(children[child].weight for child in names)
    return _unpacked(children[PACKED].weight, name) if PACKED in children else None


def _unpacked(weight: Tensor, name: str) -> tuple[Tensor, Tensor]:
    rows, columns = weight.shape
    if columns == 3 * rows:
        weight = weight.mT
    elif rows != 3 * columns:
        raise ValueError(f"{PACKED} of layer {name!r} must be d x 3 d or 3 d x d, got {rows} x {columns}")
    return weight.chunk(3)[:2]


def _heads(layer: torch.nn.Module, name: str) -> int:
    for holder in (layer, getattr(layer, "config", None)):
        for attribute in HEADS:
            if isinstance(number := getattr(holder, attribute, None), int):
                return number
    raise ValueError(f"layer {name!r} has no {', '.join(HEADS)} or config with one: say heads=...")


def _by_head(query: Tensor, key: Tensor, heads: int, name: str) -> Pair:
    (rows, width), (key_rows, key_width) = query.shape, key.shape
    if width != key_width:
        raise ValueError(f"queries and keys of layer {name!r} must read the same width, got {width} and {key_width}")
    if heads < 1 or rows % heads:
        raise ValueError(f"the {rows} query rows of layer {name!r} do not make {heads} heads")
    size = rows // heads
    if key_rows % size or heads % (groups := key_rows // size):
        raise ValueError(f"the {key_rows} key rows of layer {name!r} do not serve {heads} heads of {size}")
    return query.unflatten(0, (heads, size)), key.unflatten(0, (groups, size)).repeat_interleave(heads // groups, 0)
