"""The networks side by side against the plain one: every fold, mask and encoding, in value and in gradient."""

import itertools
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attention_atlas.models.attention_only import POSITIONS, AttentionOnly, Network, cross_entropy
from plain_retrieval import PlainNetwork

MODELS, BATCH, TOKENS, LABELS = 2, 5, 7, 3
MASKS = {"none": None, "causal": None, "sliding_window": 3, "prefix": 2}
SETTINGS = [
    {"depth": depth, "mask": mask, "mask_parameter": MASKS[mask], "position_encoding": encoding, "residual": residual}
    for depth, mask, encoding, residual in itertools.product((1, 2, 3), MASKS, POSITIONS, (False, True))
]


def title(setting):
    return "-".join(str(value) for name, value in setting.items() if name != "mask_parameter")


def width(encoding):
    return 10 if encoding in ("sin", "rope") else 11  # coordinates come in pairs, or they are a prime


def whole(setting):
    """A setting with a width, a slope and a base that are not the default."""
    return setting | {"d_model": width(setting["position_encoding"]), "labels": LABELS, "slope": 0.3, "base": 50.0}


def generators(*seeds):
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def drawn(models, seeds, tokens=TOKENS, dtype=torch.float64, scale=3.0):
    """A network, its parameters (large enough for attention that is far from uniform), sequences and labels."""
    network = Network(models, tokens, dtype=dtype)
    parameters = {name: scale * value for name, value in network.initial(generators(*seeds)).items()}
    generator = torch.Generator().manual_seed(17)
    x = torch.randn(len(models), BATCH, tokens, network.d_model, generator=generator, dtype=torch.float64).to(dtype)
    return network, parameters, x, torch.randint(network.labels, (len(models), BATCH), generator=generator)


def with_gradients(network, parameters, x, targets):
    """Logits, losses, and the gradient of the sum of the losses."""
    leaves = {name: value.clone().requires_grad_() for name, value in parameters.items()}
    logits = network.logits(leaves, x)
    losses = cross_entropy(logits, targets)
    losses.sum().backward()
    return logits.detach(), losses.detach(), {name: leaf.grad for name, leaf in leaves.items()}


def plain(setting, parameters, model):
    return PlainNetwork(**setting).double().load(parameters, model)


@pytest.mark.parametrize(
    ("change", "got"),
    [
        ({"d_model": 0}, "d_model must be at least 1, got 0"),
        ({"labels": 0}, "labels must be at least 1, got 0"),
        ({"depth": 0}, "depth must be at least 1, got 0"),
        ({"position_encoding": "alibi"}, "unknown position encoding 'alibi'; allowed: none, sin, rope, decay"),
        ({"mask": "future"}, "unknown mask 'future'; allowed: "),
        ({"mask": "sliding_window"}, "mask 'sliding_window' takes .*, got None"),
        ({"mask_parameter": 3}, "mask 'causal' takes .*, got 3"),
        ({"mask": "sliding_window", "mask_parameter": 1}, "width of at least 2, got 1"),
        ({"mask": "prefix", "mask_parameter": 0}, "length of at least 1, got 0"),
        ({"position_encoding": "decay", "slope": -0.1}, "at least 0, got -0.1"),
        ({"position_encoding": "rope", "d_model": 7}, "must be even and at least 2, got 7"),
        ({"position_encoding": "sin", "d_model": 7}, "must be even and at least 2, got 7"),
        ({"position_encoding": "rope", "base": 0.0}, "above 0, got 0.0"),
    ],
    ids=str,
)
def test_impossible_shapes_are_refused_in_one_line(change, got):
    with pytest.raises(ValueError, match=got) as refusal:
        AttentionOnly(**change)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("call", "got"),
    [
        (lambda: Network([], TOKENS), "need one shape, got 0"),
        (lambda: Network([AttentionOnly(), AttentionOnly(depth=3)], TOKENS), "one shape, got 2"),
        (lambda: Network([AttentionOnly(), AttentionOnly(residual=True)], TOKENS), "one shape, got 2"),
        (lambda: Network([AttentionOnly(), AttentionOnly(position_encoding="rope")], TOKENS), "one shape, got 2"),
        (lambda: Network([AttentionOnly(), AttentionOnly(labels=3)], TOKENS), "one shape, got 2"),
        (lambda: Network([AttentionOnly()] * 2, TOKENS).initial(generators(0)), "2 models need .*, got 1"),
        (lambda: Network([AttentionOnly(mask="prefix", mask_parameter=8)], TOKENS), "at least 8 tokens, got 7"),
    ],
)
def test_networks_that_cannot_be_are_refused_in_one_line(call, got):
    with pytest.raises(ValueError, match=got) as refusal:
        call()
    assert "\n" not in str(refusal.value)


def test_bias_and_waves_by_hand():
    windowed = AttentionOnly(mask="sliding_window", mask_parameter=2, position_encoding="decay", slope=0.5)
    low = -math.inf
    assert windowed.bias(3).tolist() == [[0, low, low], [-0.5, 0, low], [low, -0.5, 0]]
    assert AttentionOnly(mask="prefix", mask_parameter=2).bias(3).tolist() == [[0, 0, low], [0, 0, low], [0, 0, 0]]
    assert not AttentionOnly(mask="none", slope=0.5).bias(3).any()  # a slope without a decay has no effect
    waves = AttentionOnly(d_model=4, position_encoding="sin", base=100.0).waves(2)
    expected = [[0, 1, 0, 1], [math.sin(1), math.cos(1), math.sin(0.1), math.cos(0.1)]]
    torch.testing.assert_close(waves, torch.tensor(expected, dtype=torch.float64), rtol=0, atol=1e-15)
    assert not any(AttentionOnly(position_encoding=encoding).waves(3).any() for encoding in ("none", "rope", "decay"))


@pytest.mark.parametrize(
    ("depth", "residual", "last"),
    [(1, False, 2.0), (1, True, 5.0), (2, False, 1.5), (2, True, 8.5), (3, False, 1.25), (3, True, 14.75)],
)
def test_a_case_by_hand(depth, residual, last):
    """Tokens (1, 3), uniform attention: (1, 2), (1, 1.5), (1, 1.25); with residual (2, 5), (4, 8.5), (8, 14.75)."""
    network = Network([AttentionOnly(d_model=1, labels=2, depth=depth, residual=residual)], 2, dtype=torch.float64)
    one = torch.ones(1, max(depth, 3), 1, 1, dtype=torch.float64)
    parameters = {"query": 0 * one[:, :depth], "key": one[:, :depth], "value": one[:, :depth], "hidden": one[:, :3]}
    parameters |= {"hidden_bias": 0 * one[:, :3, 0], "readout": torch.tensor([[[1.0], [-2.0]]]).double()}
    parameters |= {"readout_bias": torch.tensor([[0.0, 0.5]]).double()}
    x = torch.tensor([1.0, 3.0]).double().view(1, 1, 2, 1)
    assert network.logits(parameters, x).flatten().tolist() == [last, 0.5 - 2 * last]
    assert network.attention_maps(parameters, x).tolist() == [[[[[1, 0], [0.5, 0.5]]] * depth]]
    parameters["hidden"] = -parameters["hidden"]  # the rectifier lets nothing through
    assert network.logits(parameters, x).flatten().tolist() == [0, 0.5]


def test_one_token_attends_to_itself():
    network, parameters, x, _ = drawn([AttentionOnly(d_model=11, labels=LABELS)], [3], tokens=1)
    assert network.attention_maps(parameters, x).eq(1).all()


@pytest.mark.parametrize("setting", SETTINGS, ids=title)
def test_values_gradients_and_maps_are_those_of_the_plain_network(setting):
    setting = whole(setting)
    network, parameters, x, targets = drawn([AttentionOnly(**setting)] * MODELS, (3, 4))
    before = {name: value.clone() for name, value in parameters.items()}
    logits, losses, gradients = with_gradients(network, parameters, x, targets)
    maps = network.attention_maps(parameters, x)
    allowed = AttentionOnly(**setting).bias(TOKENS).isfinite()
    assert logits.shape == (MODELS, BATCH, LABELS) and losses.shape == (MODELS,)
    assert maps.shape == (MODELS, BATCH, setting["depth"], TOKENS, TOKENS)
    torch.testing.assert_close(maps.sum(-1), torch.ones_like(maps[..., 0]), rtol=0, atol=1e-14)
    assert (maps[..., ~allowed] == 0).all() and (maps[..., allowed] > 0).all()
    for model in range(MODELS):
        reference = plain(setting, parameters, model)
        scores, expected_maps = reference(x[model], maps=True)
        loss = torch.nn.functional.cross_entropy(scores, targets[model])
        loss.backward()
        torch.testing.assert_close(logits[model], scores.detach(), rtol=1e-9, atol=1e-12)
        torch.testing.assert_close(losses[model], loss.detach(), rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(maps[model], expected_maps.detach(), rtol=1e-9, atol=1e-13)
        for name, expected in reference.gradients().items():
            torch.testing.assert_close(gradients[name][model], expected, rtol=1e-9, atol=1e-13, msg=name)
    assert all(torch.equal(parameters[name], value) for name, value in before.items())


def test_attention_in_these_tests_is_far_from_uniform():
    """Where it is uniform, wrong queries and keys would pass."""
    network, parameters, x, _ = drawn([AttentionOnly(d_model=11, labels=LABELS, depth=3)] * MODELS, (3, 4))
    assert network.attention_maps(parameters, x)[:, :, :, -1].max(-1).values.mean() > 2 / TOKENS


@pytest.mark.parametrize(
    "change",
    [
        {"residual": False},
        {"mask": "none"},
        {"mask": "sliding_window", "mask_parameter": 3},
        {"mask": "prefix", "mask_parameter": 2},
        {"position_encoding": "sin"},
        {"position_encoding": "decay"},
        {"position_encoding": "rope"},
        {"position_encoding": "rope", "base": 50.0},
        {"position_encoding": "decay", "slope": 0.3},
    ],
    ids=str,
)
def test_another_network_is_told_apart(change):
    """Negative control: with the same parameters, every setting and its number has an effect far above rounding."""
    base = {"d_model": 10, "labels": LABELS, "residual": True}
    _, parameters, x, _ = drawn([AttentionOnly(**base)], [3])
    logits = {}
    for name, setting in (("base", base), ("change", base | change)):
        logits[name] = Network([AttentionOnly(**setting)], TOKENS, dtype=torch.float64).logits(parameters, x)
    assert (logits["base"] - logits["change"]).abs().max() > 1e-2
    if len(change) == 2 and "mask" not in change:  # beside the same encoding with its default
        default = AttentionOnly(**base, position_encoding=change["position_encoding"])
        other = Network([default], TOKENS, dtype=torch.float64).logits(parameters, x)
        assert (other - logits["change"]).abs().max() > 1e-2


@pytest.mark.parametrize("encoding", POSITIONS)
def test_models_side_by_side_are_each_alone(encoding):
    shape = AttentionOnly(d_model=10, labels=LABELS, depth=3, position_encoding=encoding, residual=True)
    network, parameters, x, targets = drawn([shape] * 3, (3, 4, 5))
    logits, losses, gradients = with_gradients(network, parameters, x, targets)
    for model in range(3):
        own = {name: value[model : model + 1] for name, value in parameters.items()}
        alone = Network([shape], TOKENS, dtype=torch.float64)
        one = slice(model, model + 1)
        logits_alone, losses_alone, gradients_alone = with_gradients(alone, own, x[one], targets[one])
        torch.testing.assert_close(logits[one], logits_alone, rtol=1e-12, atol=1e-13)
        torch.testing.assert_close(losses[one], losses_alone, rtol=1e-12, atol=1e-13)
        for name, gradient in gradients_alone.items():
            torch.testing.assert_close(gradients[name][one], gradient, rtol=1e-10, atol=1e-14, msg=name)


def test_no_model_feels_another():
    shape = AttentionOnly(d_model=10, labels=LABELS, residual=True)
    network, parameters, x, targets = drawn([shape] * 3, (3, 4, 5))
    logits, _, gradients = with_gradients(network, parameters, x, targets)
    other = {name: value.clone() for name, value in parameters.items()}
    for value in other.values():
        value[1] = torch.nan
    logits_after, _, gradients_after = with_gradients(network, other, x, targets)
    for model, same in ((0, True), (1, False), (2, True)):
        assert torch.equal(logits[model], logits_after[model]) == same
        assert all(torch.equal(gradients[name][model], gradients_after[name][model]) == same for name in gradients)


def test_models_of_other_masks_and_waves_stand_in_one_network():
    settings = [
        {"mask": "causal"},
        {"mask": "none", "position_encoding": "sin"},
        {"mask": "sliding_window", "mask_parameter": 3, "position_encoding": "decay", "slope": 0.3},
        {"mask": "prefix", "mask_parameter": 2, "position_encoding": "sin"},
        {"mask": "causal", "position_encoding": "decay"},
    ]
    settings = [{"d_model": 10, "labels": LABELS, "depth": 3, "residual": True} | setting for setting in settings]
    models = [AttentionOnly(**setting) for setting in settings]
    network, parameters, x, _ = drawn(models, range(len(models)))
    logits, maps = network.logits(parameters, x), network.attention_maps(parameters, x)
    for model, setting in enumerate(settings):
        scores, expected = plain(setting, parameters, model)(x[model], maps=True)
        torch.testing.assert_close(logits[model], scores.detach(), rtol=1e-9, atol=1e-12)
        torch.testing.assert_close(maps[model], expected.detach(), rtol=1e-9, atol=1e-13)


@pytest.mark.parametrize("name", ["query", "key", "value", "hidden", "hidden_bias", "readout", "readout_bias"])
def test_swapped_parameters_are_noticed(name):
    """Negative control of the comparison: two models that exchange one stack are no longer the plain ones."""
    setting = {"d_model": 10, "labels": LABELS}
    network, parameters, x, targets = drawn([AttentionOnly(**setting)] * MODELS, (3, 4))
    _, losses, _ = with_gradients(network, parameters | {name: parameters[name].flip(0)}, x, targets)
    for model in range(MODELS):
        expected = torch.nn.functional.cross_entropy(plain(setting, parameters, model)(x[model]), targets[model])
        assert abs(losses[model] - expected.detach()) > 1e-4


@pytest.mark.parametrize("encoding", POSITIONS)
def test_single_precision_is_double_precision_to_rounding(encoding):
    """At the size of the experiments; a sum of 64 products has a relative error of some 1e-6."""
    shape = AttentionOnly(position_encoding=encoding, residual=True)
    exact, parameters, x, targets = drawn([shape] * MODELS, (3, 4), tokens=17, scale=1.0)
    fast = Network([shape] * MODELS, 17)
    assert fast.initial(generators(3, 4))["query"].dtype == torch.float32
    single = {name: value.float() for name, value in parameters.items()}
    parameters = {name: value.double() for name, value in single.items()}  # the same numbers
    logits, _, gradients = with_gradients(exact, parameters, x.float().double(), targets)
    logits_single, _, gradients_single = with_gradients(fast, single, x.float(), targets)
    assert logits_single.dtype == torch.float32
    assert 0 < (logits_single - logits).abs().max() < 1e-5 * logits.abs().max()
    for name, gradient in gradients.items():
        assert (gradients_single[name] - gradient).abs().max() < 1e-5 * gradient.abs().max()


def distance_from_uniform(values, bound):
    """Kolmogorov-Smirnov: sqrt(n) times the largest distance of the distribution from the uniform on +-bound."""
    values = values.flatten().sort().values
    ranks = torch.arange(1, len(values) + 1, dtype=torch.float64) / len(values)
    return (ranks - (values / bound + 1) / 2).abs().max().item() * math.sqrt(len(values))


def test_first_parameters_are_uniform_as_those_of_a_linear_layer():
    """1.95 is exceeded by chance once in a thousand; the negative control has the same standard deviation."""
    model = AttentionOnly(depth=3)
    parameters = Network([model] * 5, 17, dtype=torch.float64).initial(generators(*range(5)))
    shapes = {name: tuple(value.shape) for name, value in parameters.items()}
    square = {name: (5, 3, 64, 64) for name in ("query", "key", "value", "hidden")}
    assert shapes == square | {"hidden_bias": (5, 3, 64), "readout": (5, 32, 64), "readout_bias": (5, 32)}
    bound = 1 / 8
    for value in parameters.values():
        assert value.abs().max() <= bound
        assert distance_from_uniform(value, bound) < 1.95
    normal = torch.randn(100_000, generator=generators(0)[0], dtype=torch.float64) * bound / math.sqrt(3)
    assert distance_from_uniform(normal, bound) > 1.95
    torch.manual_seed(0)
    linear = torch.nn.Linear(64, 1000)
    assert distance_from_uniform(linear.weight.detach().double(), bound) < 1.95
    assert distance_from_uniform(linear.bias.detach().double(), bound) < 1.95
    stacks = torch.cat([parameters[name][0] for name in square]).flatten(1)  # no layer repeats another
    assert (torch.corrcoef(stacks) - torch.eye(12)).abs().max() < 4.5 / 64


@given(seeds=st.lists(st.integers(0, 2**31), min_size=2, max_size=4, unique=True), position=st.integers(0, 3))
def test_first_parameters_come_from_the_own_generator(seeds, position):
    shape = AttentionOnly(d_model=3, labels=2)
    position %= len(seeds)
    together = Network([shape] * len(seeds), TOKENS).initial(generators(*seeds))
    alone = Network([shape], TOKENS).initial(generators(seeds[position]))
    for name, value in alone.items():
        assert torch.equal(together[name][position], value[0])
        assert not torch.equal(together[name][position - 1], value[0])


def test_cross_entropy_is_the_mean_of_minus_log_probability():
    generator = torch.Generator().manual_seed(3)
    logits = torch.randn(MODELS, BATCH, LABELS, generator=generator, dtype=torch.float64)
    targets = torch.randint(LABELS, (MODELS, BATCH), generator=generator)
    for model, found in enumerate(cross_entropy(logits, targets)):
        probabilities = [
            math.exp(row[t]) / row.exp().sum() for row, t in zip(logits[model], targets[model], strict=True)
        ]
        assert found == pytest.approx(-sum(map(math.log, probabilities)) / BATCH, rel=1e-14)
    certain = cross_entropy(torch.tensor([[[1000.0, 0.0]]]), torch.tensor([[1]]))
    assert certain.tolist() == [1000.0]
