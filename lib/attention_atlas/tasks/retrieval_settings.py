"""Which networks the figures of Wu et al. 2025 need, in the order in which the book needs them.

A setting says what is not as usual in a configuration of :mod:`attention_atlas.experiments.retrieval`.
"""

import itertools
from collections.abc import Iterable

BIASES = {"unbiased": (), "first": ("first",), "middle": ("middle",), "last": ("last",),
          "first_and_last": ("first", "last")}  # fmt: skip
SINK_MASKS = {  # of Figures 10, 11 and 12, by the names that pages use
    "causal": ("causal", None),
    "window 5": ("sliding_window", 5), "window 9": ("sliding_window", 9), "window 13": ("sliding_window", 13),
    "prefix 2": ("prefix", 2), "prefix 4": ("prefix", 4), "prefix 6": ("prefix", 6),
}  # fmt: skip


def in_order() -> list[dict]:
    """Every setting with its seed: what completes claims first, two seeds of everything before five of anything.

    Returns
    -------
    list of dict
        Some come twice, once for each of the reasons to want them; the first counts.

    Examples
    --------
    >>> in_order()[0]
    {'position_encoding': 'none', 'depth': 2, 'residual': True, 'maps': True, 'seed': 0}
    """
    fixed = {"vocabulary": "fixed"}
    two, five = range(2), range(5)
    return [
        *_seeds(_unbiased((2,)), two), *_seeds(_both_ends(), two), *_seeds(_first_only(), two),
        *_seeds(_sinks(), two), *_seeds(_biased(), two),
        *_seeds(_unbiased((4, 6)), two), *_seeds(_unbiased((10,)), two),
        *_seeds(_unbiased((2,), scale="text"), two), *_seeds(_variants(), two),
        *_seeds([{"residual": True, "varied": "world"}], range(1, 5)),  # its seed 0 is the usual one
        *_seeds(_unbiased((2,), **fixed), two), *_seeds(_biased(**fixed), two), *_seeds(_sinks(**fixed), two),
        *_seeds(_unbiased((4, 6), **fixed), two), *_seeds(_unbiased((10,), **fixed), two),
        *_seeds(_unbiased((2,)), five), *_seeds(_biased(), five), *_seeds(_sinks(), five),
        *_seeds(_unbiased((4, 6)), five), *_seeds(_unbiased((10,)), five),
        *_seeds(_placeless(), five), *_seeds(_placeless(**fixed), two),
    ]  # fmt: skip


def _unbiased(depths: Iterable[int], **other) -> list[dict]:
    """Figures 2, 4 and 5: depth and position encoding; depth 4 without residual only, depth 10 with one only."""
    kinds = itertools.product(depths, (True, False), ("none", "decay", "rope"))
    without = {4: (False,), 10: (True,)}
    return [
        {"position_encoding": encoding, "depth": depth, "residual": residual}
        | ({"maps": True} if (depth, encoding) == (2, "none") else {}) | other
        for depth, residual, encoding in kinds if residual in without.get(depth, (True, False))
    ]  # fmt: skip


def _biased(**other) -> list[dict]:
    """Figures 3, 6, 7 and 8: training that asks about some places, with and without a mask."""
    kinds = itertools.product(list(BIASES)[:0:-1], ("causal", "none"), ("none", "sin", "rope"))
    return [
        {"train_bias": bias, "mask": mask, "position_encoding": encoding, "residual": True} | other
        for bias, mask, encoding in kinds if (mask, encoding) != ("none", "none")
    ]  # fmt: skip


def _placeless(**other) -> list[dict]:
    """The controls of these figures, last of all: without mask and encoding every gap is 0, by proof."""
    return [{"train_bias": bias, "mask": "none", "residual": True} | other for bias in list(BIASES)[:0:-1]]


def _both_ends() -> list[dict]:
    """Of the biased trainings those that show whether the middle gets lost, a claim of the paper."""
    encodings = "sin", "rope"
    return [s for s in _biased() if s["train_bias"] == "first_and_last" and s["position_encoding"] in encodings]


def _first_only() -> list[dict]:
    """Of the biased trainings those that show what a causal mask expresses by itself, a claim of the paper."""
    asked = [("last", "none"), ("last", "sin"), ("last", "rope"), ("first", "none")]
    causal = [setting for setting in _biased() if setting["mask"] == "causal"]
    return [s for s in causal if (s["train_bias"], s["position_encoding"]) in asked]


def _sinks(**other) -> list[dict]:
    """Figures 11 and 12; those of Figure 10 are among :func:`_unbiased`."""
    kinds = [kind for label, kind in SINK_MASKS.items() if label != "causal"]
    return [{"mask": mask, "mask_parameter": parameter, "residual": True} | other for mask, parameter in kinds]


def _variants() -> list[dict]:
    """Ours: what else may decide a gap, on the network of two layers without position encoding, with residual."""
    changes = [{"learning_rate": 3e-4}, {"learning_rate": 3e-3}, {"initial_scale": 0.5}, {"initial_scale": 2.0}]
    return [{"residual": True} | change for change in changes]


def _seeds(settings: list[dict], seeds: Iterable[int]) -> list[dict]:
    """Every setting with every seed, one seed after the other."""
    return [{**setting, "seed": seed} for seed in seeds for setting in settings]
