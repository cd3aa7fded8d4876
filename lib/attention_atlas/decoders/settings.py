"""Which decoders the experiment ``language`` trains: by name, what is not as usual in their configuration."""

SIZES = {
    "smoke": {"steps": 30, "batch": 4, "tokens": 32, "characters": 60_000, "test_windows": 20, "measured": 4},
    "quick": {"steps": 200, "characters": 600_000, "test_windows": 60, "measured": 16},
    "paper": {},
}

# of LocAteR's penalty
STRENGTHS = {
    "none": {},
    "weak": {"scale_weight": 1e-4, "mean_weight": 1e-4},
    "medium": {"scale_weight": 1e-3, "mean_weight": 1e-3},
    "strong": {"scale_weight": 1e-2, "mean_weight": 1e-2},
}
ONE_LAYER = {"layers": 1, "heads": 1, "d_model": 128, "place": "post", "positions": "sinusoidal", "steps": 1200}
WORDS = ONE_LAYER | {"corpus": "wikitext-2", "vocabulary": 4096, "steps": 600}
TWO_LAYERS = {"layers": 2, "steps": 1200}
SETTINGS = {
    **{f"one-layer-{name}": ONE_LAYER | values for name, values in STRENGTHS.items()},
    "rope": {},
    "no-positions": {"positions": "none"},
    "no-norm": {"positions": "none", "norm": "none"},
    "qk-norm": {"qk_norm": True},
    "relu": {"attention": "relu"},
    "no-positions-qk-norm": {"positions": "none", "qk_norm": True},
    **{f"words-{name}": WORDS | values for name, values in STRENGTHS.items()},
    "post-norm": {"positions": "none", "place": "post"},
    "rms-norm": {"positions": "none", "norm": "rms"},
    "learned": {"positions": "learned"},
    "decay": {"positions": "decay"},
    "rope-no-norm": {"norm": "none"},
    "one-layer-eta": ONE_LAYER | STRENGTHS["medium"] | {"eta": 8.0},
    "one-layer-scale-only": ONE_LAYER | {"scale_weight": 1e-3},
    "one-layer-trace-square": ONE_LAYER | STRENGTHS["medium"] | {"scale": "trace_square"},
    **{f"two-layers-{name}": TWO_LAYERS | STRENGTHS[name] for name in ("none", "medium")},
    "four-layers-medium": STRENGTHS["medium"],
    **{f"six-layers-{name}": {"layers": 6} | STRENGTHS[name] for name in ("none", "medium")},
    "no-context": {"attention": "self"},  # sees one token only: the floor that any use of context has to beat
    "words-no-context": WORDS | {"attention": "self"},
    "long": {"steps": 8000, "records": 12},
}
MAIN = list(SETTINGS)[: list(SETTINGS).index("post-norm")]  # what verdicts are about
SEEDS = 3, 5  # of the main settings before and after every setting has its share
