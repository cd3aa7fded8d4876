"""What tells the models of the retrieval experiment apart, and what is measured of them; light to import."""

PRINTED_STEPS = 100_000  # the length of training that Appendix J of Wu et al. 2025 gives
GAPS = ("first_vs_middle", "first_vs_last", "middle_vs_last")
SETTING = ("setting", "train_bias", "mask", "mask_parameter", "position_encoding", "depth", "residual")
USUAL = {  # as in the official code, unless an experiment is ours
    "scale": "code",
    "varied": "everything",
    "initial_scale": 1.0,
    "learning_rate": 1e-3,
}
