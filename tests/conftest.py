"""Set-up of every test: one thread, shapes checked at every call of the library, the same hypothesis examples in CI."""

import os

import jaxtyping
import torch
from hypothesis import settings

# Before anything imports the library: its signatures (shapes, dtypes, scalars) are checked at every call from here on.
# The numeric tower of PEP 484 lets an int stand for a float, as Python's typing has it: slope=0 is fine.
jaxtyping.install_import_hook("attention_atlas", "beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))")

torch.set_num_threads(1)
settings.register_profile("atlas", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("atlas")
