"""What averaging models do, and what becomes of their output when tags are given to other tokens.

A token is *tagged* here if the first layer has written into it what it writes into tokens after the separator. In a
trained network that is no single direction which an untagged token lacks: a token before the separator has attended to
numbers, and got what they write. So a token gets or loses the tag by taking the mean of what the other kind gets.
"""

import torch

from attention_atlas.models.averager import Averager, Edit, Pass, forward
from attention_atlas.shapes import Bool, Float, Tensor
from attention_atlas.sink_tags import value_vectors
from attention_atlas.tags import explained_variance, tag_part, tag_subspace
from attention_atlas.tasks.averaging import Averaging, Batch, simple_rules


def separator_tags(averager: Averager, parameters: dict[str, Tensor]) -> Float[Tensor, "seed head d_model"]:
    """What the separator adds to a token that gives it all the attention of a head of the first layer.

    Parameters
    ----------
    averager : Averager
        The models' shape.
    parameters : dict of str to (seed, ...)
        Of the models.

    Returns
    -------
    (seed, head, d_model)
        ``x W_V W_O`` of the separator, whose features are 0, 1, 1; without positions it is the same everywhere.

    Notes
    -----
    The tag of Zhang et al. 2025.
    """
    separator = parameters["embedding"][:, 1:].sum(1, keepdim=True)  # the only token of its sequence
    return value_vectors(averager, parameters, separator, layer=0).squeeze(2)


def retagged(
    added: Float[Tensor, "seed batch token d_model"], batch: Batch, tagged: Bool[Tensor, "batch token"]
) -> Float[Tensor, "seed batch token d_model"]:
    """What the first layer would have added if other numbers were tagged.

    Parameters
    ----------
    added : (seed, batch, token, d_model)
        What it added, all heads together.
    batch : Batch
        The sequences; some have numbers before the separator.
    tagged : (batch, token)
        Which numbers shall be tagged.

    Returns
    -------
    (seed, batch, token, d_model)
        To the tagged numbers the mean of what was added after the separator, to the others the mean of what was added
        before it; the separator keeps its own.
    """
    before, after, tagged = (which[None, :, :, None] for which in (batch.before, batch.after, tagged))
    tag, none = ((added * which).sum((1, 2), keepdim=True) / which.sum() for which in (after, before))
    return torch.where(before | after, torch.where(tagged, tag, none), added)


def seen_as(change: Float[Tensor, "seed batch token d_model"], *roles: str) -> Edit:
    """An edit that changes the stream as the second layer reads it, and nothing else.

    Parameters
    ----------
    change : (seed, batch, token, d_model)
        What is added.
    *roles : {"query", "key", "value"}
        Who reads it so: keys decide where the last token looks, values what it gets there.

    Returns
    -------
    callable
        For :func:`attention_atlas.models.averager.forward`.
    """
    return lambda layer, role, stream: stream + change if layer == 1 and role in roles else stream


def without_directions(basis: Float[Tensor, "seed direction d_model"]) -> Edit:
    """An edit that projects directions out of the stream after the first layer, for all that reads it.

    Parameters
    ----------
    basis : (seed, direction, d_model)
        Orthonormal rows, see :func:`attention_atlas.tags.tag_subspace`.
    """
    return lambda layer, role, stream: (
        stream - tag_part(stream, basis[:, None]) if (layer, role) == (0, "stream") else stream
    )


def to_separator(
    weights: Float[Tensor, "seed batch head query key"], batch: Batch
) -> tuple[Float[Tensor, "seed batch head"], Float[Tensor, "seed batch head"]]:
    """Attention on the separator in every sequence: what tokens after it give, and what it receives.

    Parameters
    ----------
    weights : (seed, batch, head, query, key)
        Of one layer, for all queries; rows that do not sum to 1 count as shares of their sum.
    batch : Batch
        The sequences.

    Returns
    -------
    two of (seed, batch, head)
        Means over the tokens after the separator, and over all that see it, itself among them. Where the second is
        above :data:`attention_atlas.catch_criteria.SINK`, the separator is a sink for Zhang et al. 2025.

    Examples
    --------
    >>> from attention_atlas.tasks.averaging import placed
    >>> weights = torch.tensor([[1.0, 0.0, 0.0], [0.5, 0.5, 0.0], [0.0, 0.8, 0.2]]).expand(1, 1, 1, 3, 3)
    >>> batch = placed(torch.zeros(1, 2, dtype=torch.float64), torch.tensor([1]))
    >>> [round(part.item(), 3) for part in to_separator(weights, batch)]
    [0.8, 0.65]
    """
    shares = _shares(weights)
    place = batch.separator[None, :, None, None, None].expand(*shares.shape[:4], 1)
    given = shares.gather(4, place).squeeze(4)  # (seed, batch, head, query)
    after, sees = batch.after.to(shares.dtype), 1 - batch.before.to(shares.dtype)
    means = ((given * who[:, None]).sum(-1) / who.sum(-1)[:, None] for who in (after, sees))
    return tuple(means)


def of_last_token(
    weights: Float[Tensor, "seed batch head query key"], whom: Float[Tensor, "batch key"]
) -> Float[Tensor, "seed"]:
    """Share of the last token's attention that is on some tokens, the mean over sequences.

    Parameters
    ----------
    weights : (seed, batch, head, query, key)
        Of one layer; the last query is the last token.
    whom : (batch, key)
        1 at these tokens, 0 at others.

    Returns
    -------
    (seed,)
        Of several heads the largest.

    Examples
    --------
    >>> of_last_token(torch.tensor([[0.2, 0.5, 0.3]]).expand(1, 1, 1, 1, 3), torch.tensor([[0.0, 1.0, 1.0]]))
    tensor([0.8000])
    """
    return (_shares(weights[..., -1, :]) * whom[:, None]).sum(-1).mean(1).amax(1)


def measure(
    averager: Averager, parameters: dict[str, Tensor], task: Averaging, batch: Batch
) -> dict[str, Float[Tensor, "seed"]]:
    """Numbers that say whether models catch, tag and release.

    Parameters
    ----------
    averager : Averager
        The models' shape; with one layer there is nothing that could read a tag, and no test of it.
    parameters : dict of str to (seed, ...)
        Of the models.
    task : Averaging
        Where the sequences come from.
    batch : Batch
        The sequences to look at.

    Returns
    -------
    dict
        Name to one number for each model; of several heads the largest.

        - ``loss``: mean squared error of the output.
        - ``attention``: of tokens after the separator on it, in the first layer; ``received``: mean attention that it
          receives there from all who see it, which makes it a sink for Zhang et al. 2025 above 0.2.
        - ``mass``, ``on_separator``: share of the last token's attention in the last layer that is on tokens after the
          separator, and on the separator itself.
        - ``explained``: share of what a head of the first layer writes that the separator's tag explains.
        - ``to_all_numbers``, ``to_all_tokens``, ``to_last_and_rest``: mean squared distance of the output to the
          :func:`~attention_atlas.tasks.averaging.simple_rules`.
        - ``everyone``, ``nobody``: loss when the second layer's keys and values see all numbers tagged, or none;
          ``everyone_to_all_numbers``: distance to their mean then; ``nobody_separator``: the last token's attention on
          the separator then.
        - ``moved``: mean squared distance to the mean of the numbers *before* the separator when they are tagged in
          place of those after it; ``moved_loss``: to the old target; ``moved_mass``: attention on them. Of sequences
          that have such numbers.
        - ``halved``, ``doubled``: loss with keys that see every number with half, or twice, its distance from an
          untagged one.
        - ``projected``: loss with the separator's tag projected out of the stream.
    """
    kind = parameters["embedding"].dtype
    features, target = batch.features[None].to(kind), batch.target.to(kind)
    rules = {name: rule.to(kind) for name, rule in simple_rules(task, batch).items()}
    found = forward(averager, parameters, features)
    output = found.output[..., -1]
    numbers = {"loss": (output - target).square().mean(1)} | _attention(found, batch)
    numbers |= {f"to_{name}": (output - rule).square().mean(1) for name, rule in rules.items()}
    basis = tag_subspace(separator_tags(averager, parameters))
    written = found.written[0].transpose(1, 2).flatten(2, 3)  # (seed, head, batch and token, d_model)
    numbers["explained"] = explained_variance(written, basis[:, None]).amax(1)
    if averager.layers == 1:
        return numbers

    def run(edit: Edit) -> Pass:
        return forward(averager, parameters, features, edit, last_only=True)

    def error(found: Pass, wanted: Tensor) -> Tensor:
        return (found.output[..., -1] - wanted).square().mean(1)

    added = found.written[0].sum(2)
    both = batch.before | batch.after
    everyone, nobody, moved = (retagged(added, batch, which) for which in (both, both & False, batch.before))
    passed = run(seen_as(everyone - added, "key", "value"))
    numbers |= {"everyone": error(passed, target), "everyone_to_all_numbers": error(passed, rules["all_numbers"])}
    passed = run(seen_as(nobody - added, "key", "value"))
    separator = (torch.arange(both.shape[1]) == batch.separator[:, None]).to(kind)
    numbers |= {"nobody": error(passed, target), "nobody_separator": of_last_token(passed.weights[-1], separator)}
    numbers |= _moved(run(seen_as(moved - added, "key", "value")), batch)
    for name, factor in (("halved", 0.5), ("doubled", 2.0)):
        change = (factor - 1) * torch.where(both[None, :, :, None], added - nobody, torch.zeros_like(added))
        numbers[name] = error(run(seen_as(change, "key")), target)
    return numbers | {"projected": error(run(without_directions(basis)), target)}


def _moved(found: Pass, batch: Batch) -> dict[str, Tensor]:
    kept, before = batch.separator > 0, batch.before.to(found.output.dtype)
    numbers = batch.features[..., 0].to(before.dtype)
    wanted = (numbers * before).sum(1) / before.sum(1).clamp(min=1)
    output, target = found.output[:, kept, -1], batch.target[kept].to(before.dtype)
    return {
        "moved": (output - wanted[kept]).square().mean(1),
        "moved_loss": (output - target).square().mean(1),
        "moved_mass": of_last_token(found.weights[-1][:, kept], before[kept]),
    }


def _attention(found: Pass, batch: Batch) -> dict[str, Tensor]:
    given, received = (part.mean(1).amax(1) for part in to_separator(found.weights[0], batch))
    after, before = (which.to(found.output.dtype) for which in (batch.after, batch.before))
    return {
        "mass": of_last_token(found.weights[-1], after),
        "on_separator": of_last_token(found.weights[-1], 1 - before - after),
        "attention": given,
        "received": received,
    }


def _shares(weights: Tensor) -> Tensor:
    """Weights that need not sum to 1 as shares of their sum."""
    return weights / weights.sum(-1, keepdim=True).clamp(min=torch.finfo(weights.dtype).tiny)
