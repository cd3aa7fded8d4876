# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # The decoders of this chapter
#
# The theorems of this book speak of random tokens and random weights. Real networks read text. **What do small ones learn that we can train in minutes, and is it enough to ask them about sinks, recency and localization?**
#
# Of code, enough to predict better than a unigram and a smoothed bigram model ({numref}`fig-language-decoders-first`). Not enough to speak for large models. All on this page is ours.

# %% tags=["parameters"]
profile: str = "quick"  # size at which missing results are computed

# %% tags=["hide-input"]
import math

import matplotlib.pyplot as plt
from IPython.display import Markdown, display

from attention_atlas import cards, figures, results
from attention_atlas.decoders.settings import SETTINGS, STRENGTHS
from attention_atlas.drawing.language import over_training, perplexity_axis
from attention_atlas.exercises import language_trained_decoders as exercises
from attention_atlas.experiments import language_ngrams
from attention_atlas.outcomes.decoders import Decoders, learned, passes, stored_settings
from attention_atlas.wording import say
from attention_atlas.words.decoders import LABELS, ended, listing, spread

figures.style()
known = stored_settings(list(LABELS)) or ["one-layer-none", "rope"]
found = Decoders(known, profile)
corpora = ["standard-library"] + ["wikitext-2"] * any(found.configs[name].corpus == "wikitext-2" for name in known)
counted = results.obtain(
    language_ngrams, profile, sorted({*corpora, *results.stored(language_ngrams.NAME).get("point", [])})
)
TITLES = {"standard-library": "Python's standard library", "wikitext-2": "WikiText-2"}
sizes = {name: rows.set_index(["part", "quantity"])["value"] for name, rows in counted.table.groupby("point")}
floors = {name: {kind: math.exp(sizes[name]["windows", kind]) for kind in ("unigram", "bigram")} for name in sizes}
usual = found.configs["rope" if "rope" in known else known[0]]

# %% tags=["hide-input"]
FIRST = {
    "standard-library": {
        "no-context": "four layers, one token",
        "one-layer-none": "one layer",
        "rope": "four layers, RoPE",
    },
    "wikitext-2": {"words-no-context": "one layer, one token", "words-none": "one layer"},
}
figure, panels = plt.subplots(1, len(corpora), figsize=(7.2, 3.4), sharey=True, squeeze=False)
for axes, name in zip(panels[0], corpora, strict=True):
    over_training(axes, found, FIRST[name], "perplexity")
    perplexity_axis(axes, floors[name])
    axes.set(title=TITLES[name], xlabel="training steps")
    axes.legend(loc="lower left")
panels[0, 0].set_ylabel("validation perplexity")
figures.show(
    figure,
    name="language-decoders-first",
    caption="Perplexity of text that was not trained on, over the training: mean over seeds, and a band from the best to the worst of them. *One token*: a decoder of the same shape whose attention is all on the token itself, so that it has no context. Dotted: a unigram model, and a bigram model with Kneser–Ney smoothing {cite}`kneser1995`, on the same predictions.",
    alt="Perplexity falling over training steps, a panel for each corpus, logarithmic axes, with dotted lines for the unigram and the bigram model.",
    provenance=found.provenance,
)
ends = found.means("perplexity")
BLIND = {"standard-library": "no-context", "wikitext-2": "words-no-context"}
UNITS = {"characters": 1e6, "tokens": 1e6}
for name in TITLES:
    mine = [setting for setting in known if found.configs[setting].corpus == name]
    say(
        f"decoders-ended-{name}",
        ended(ends["mean"][[setting for setting in mine if setting not in BLIND.values()]], floors.get(name, {})),
    )
    say(f"decoders-blind-{name}", spread(ends.loc[BLIND[name]], ".1f") if BLIND[name] in known else "not known yet")
    for part, key, form in (
        ("train", "characters", ".1f"),
        ("train", "tokens", ".2f"),
        ("windows", "vocabulary", ",.0f"),
        ("windows", "bytes_per_token", ".2f"),
        ("windows", "predictions", ",.0f"),
        ("windows", "unknown", ".0%"),
    ):
        value = f"{sizes[name][part, key] / UNITS.get(key, 1):{form}}" if name in sizes else "not counted yet"
        say(f"decoders-{part}-{key}-{name}", value)
# %% [markdown]
# On the standard library {glue:text}`decoders-ended-standard-library`. On WikiText-2 {glue:text}`decoders-ended-wikitext-2`. A smoothed table is one way to use one token of context, and a network may find a better one. So we also train the decoder **without context**, every token attending to itself alone: {glue:text}`decoders-blind-standard-library` and {glue:text}`decoders-blind-wikitext-2`. What is below that, attention has earned. (Means over seeds, on {glue:text}`decoders-windows-predictions-standard-library` predictions each.)
#
# ## Two texts
#
# **The source text of Python's standard library** is the default. It lies on every machine that runs this book, and needs no network. We take its `.py` files without test suites and tables, {glue:text}`decoders-train-characters-standard-library` million characters for training; one file in ten is for validation. Byte-pair encoding with
# {glue:text}`decoders-windows-vocabulary-standard-library` tokens makes {glue:text}`decoders-train-tokens-standard-library` million tokens of it, {glue:text}`decoders-windows-bytes_per_token-standard-library` bytes each. It is code with English in its comments: a text with brackets, indents and names that come again.
#
# **WikiText-2** {cite}`merity2017` is what Paper 4 took. Its training split is not here. So these decoders are **trained on `test.txt`** and validated on `valid.txt`: {glue:text}`decoders-train-characters-wikitext-2` million characters, less than an eighth of the proper split. A token is a word; the
# {glue:text}`decoders-windows-vocabulary-wikitext-2` most frequent ones are known, and every other becomes `<unk>`, which is {glue:text}`decoders-windows-unknown-wikitext-2` of the validation text. A perplexity with so many unknown words **cannot be laid beside published ones**, here or anywhere.
#
# Each encoded text has a digest, which is part of every stored result's key. Another version of Python is another text; the decoders on this page are of the recorded one.
#
# ## One shape, many variants


# %% tags=["hide-input"]
of_layer = found.configs["one-layer-none"] if "one-layer-none" in known else usual
for key, config in (("usual", usual), ("layer", of_layer)):
    say(f"decoders-{key}-parameters", f"{learned(config) / 1e6:.2f} million")
    for field in ("layers", "heads", "d_model", "tokens", "steps", "batch"):
        say(f"decoders-{key}-{field}", f"{getattr(config, field):,}")
    say(f"decoders-{key}-passes", f"{passes(config, sizes[config.corpus]['train', 'tokens']):.1f}")
counts = sorted(learned(found.configs[name]) / 1e6 for name in known)
say("decoders-all-parameters", f"{counts[0]:.2f} to {counts[-1]:.2f} million")
say("decoders-rate", f"{usual.learning_rate:g}")
read = passes(found.configs["words-none"], sizes["wikitext-2"]["train", "tokens"]) if "words-none" in known else None
say("decoders-words-passes", "several times" if read is None else f"{read:.1f} times")
say("decoders-most-seeds", f"{max(found.seeds(name) for name in known)}")
missing = [name for name in SETTINGS if name not in known]
say("decoders-missing", f"Not trained yet, and left out here: {listing(missing)}." if missing else "")

# %% [markdown]
# The usual decoder has {glue:text}`decoders-usual-layers` blocks of {glue:text}`decoders-usual-heads` heads and an MLP, a stream of {glue:text}`decoders-usual-d_model` dimensions, Pre-LN, RoPE: {glue:text}`decoders-usual-parameters` parameters. Maps have no bias, norms have a gain and no shift, the last map is not tied to the embedding.
# It reads windows of {glue:text}`decoders-usual-tokens` tokens that begin with `<s>`, {glue:text}`decoders-usual-batch` of them in each of {glue:text}`decoders-usual-steps` steps of Adam, with a learning rate that rises to {glue:text}`decoders-rate` and falls to 0 along half a cosine. So it reads its text {glue:text}`decoders-usual-passes` times on average.
#
# The decoders of Paper 4's kind have {glue:text}`decoders-layer-layers` layer and {glue:text}`decoders-layer-heads` head of {glue:text}`decoders-layer-d_model` dimensions, Post-LN, sinusoidal positions, and {glue:text}`decoders-layer-parameters` parameters. On WikiText-2 they read their shorter text {glue:text}`decoders-words-passes`.
#
# Two decoders with the same seed and shape start from the same weights and read the same windows. So settings are compared **seed by seed**: much of the chance that makes seeds differ falls out.
#
# ## All of them

# %% tags=["hide-input"]
strengths = {f"one-layer-{name}": "no penalty" if name == "none" else name for name in STRENGTHS}
PANELS = {
    "one layer, LocAteR": strengths | {"one-layer-eta": "medium, η = 8", "one-layer-trace-square": "medium, tr(W²)"},
    "WikiText-2, one layer, LocAteR": {name.replace("one-layer", "words"): label for name, label in strengths.items()},
    "four layers: positions": {"rope": "RoPE", "no-positions": "none", "learned": "learned", "decay": "decay"},
    "four layers: norms": {"rope": "Pre-LN", "rope-no-norm": "no norm"},
    "four layers without positions": {"no-positions": "Pre-LN", "no-positions-qk-norm": "QK-norm", "post-norm": "Post-LN", "rms-norm": "RMSNorm", "no-norm": "no norm"},
    "four layers: attention": {"rope": "softmax", "qk-norm": "QK-norm", "relu": "ReLU", "four-layers-medium": "LocAteR medium"},
    "depth": {"two-layers-none": "two", "rope": "four", "six-layers-none": "six", "long": "four, longer"},
}  # fmt: skip
shown = {title: members for title, members in PANELS.items() if len(set(members) & set(known)) > 1}
shown = shown or {"what there is": {name: LABELS[name] for name in known}}
height = math.ceil(len(shown) / 2)
figure, panels = plt.subplots(height, 2, figsize=(7.2, 0.5 + 2.7 * height), sharey=True, squeeze=False)
for axes, (title, members) in zip(panels.flat, shown.items(), strict=False):
    over_training(axes, found, members, "perplexity")
    perplexity_axis(axes, floors["wikitext-2" if title.startswith("WikiText") else "standard-library"])
    axes.set_title(title, fontsize=10)
    axes.legend(loc="lower left", fontsize=9, labelspacing=0.25, borderaxespad=0.2)
for axes in panels.flat[len(shown) :]:
    axes.set_axis_off()
for row in panels:
    row[0].set_ylabel("validation perplexity")
for axes in panels[-1]:
    axes.set_xlabel("training steps")
figures.show(
    figure,
    name="language-decoders-all",
    caption="Validation perplexity over training, every setting, as in {numref}`fig-language-decoders-first`. *LocAteR* is the penalty of {doc}`/_executed/language_models/locater_on_text`.",
    alt=f"{len(shown)} panels of falling curves, one for each group of settings, with the lines of the unigram and the bigram model.",
    provenance=found.provenance,
)

# %% tags=["hide-input"]
losses, entropies = found.means("loss"), found.means("entropy")
heads = ["decoder", "setting", "layers", "parameters", "perplexity", "bits per byte", "entropy", "seeds"]
for corpus in corpora:
    bits = 1 / math.log(2) / sizes[corpus]["windows", "bytes_per_token"]  # per byte, of a nat per token
    rows = []
    for name in known:
        config = found.configs[name]
        if config.corpus == corpus:
            rows.append([LABELS[name], f"`{name}`", str(config.layers), f"{learned(config):,}", spread(ends.loc[name], ".2f"), f"{losses.loc[name, 'mean'] * bits:.3f}", spread(entropies.loc[name], ".2f"), f"{ends.loc[name, 'seeds']:.0f}"])  # fmt: skip
    for kind in ("bigram", "unigram"):
        rows.append([f"*{kind} model*", "", "", "", f"{floors[corpus][kind]:.2f}", f"{sizes[corpus]['windows', kind] * bits:.3f}", "", ""])  # fmt: skip
    display(Markdown(f"**{TITLES[corpus]}**\n\n{cards.table(heads, rows)}"))
for name in TITLES:
    size = sizes.get(name)
    say(f"decoders-uniform-{name}", "–" if size is None else f"{size['windows', 'vocabulary'] - 1:,.0f}")
worse = ends["standard_error"].max()
say("decoders-largest-error", "not known yet" if math.isnan(worse) else f"{worse:.2f}")
if {"rope", "one-layer-none"} <= set(known):
    gain = 1 - ends.loc["rope", "mean"] / ends.loc["one-layer-none", "mean"]
    say("decoders-depth-gain", f"{gain:.0%} less" if gain > 0 else f"{-gain:.0%} more")
else:
    say("decoders-depth-gain", "not known yet")

# %% [markdown]
# After the last step, mean over seeds with its standard error (one seed has none; the largest is {glue:text}`decoders-largest-error`). Entropy is that of attention in nats, mean over queries, heads and layers. {glue:text}`decoders-missing`
#
# **How to read the numbers.** *Perplexity* is the exponential of the loss in nats per token. A model that guesses evenly has {glue:text}`decoders-uniform-standard-library` on the standard library. It depends on what a token is, so the two corpora cannot be compared by it. *Bits per byte* can be compared between tokenizers of the same text,
# as long as nothing is lost; on WikiText-2 `<unk>` hides the hard words, and the number flatters.
#
# **Four layers and one.** The usual decoder, with {glue:text}`decoders-usual-layers` layers and {glue:text}`decoders-usual-parameters` parameters, has a perplexity that is {glue:text}`decoders-depth-gain` than that of one layer with {glue:text}`decoders-layer-parameters`. It also trained longer and differs in positions and place of the norm, so this is not a measurement of depth alone.
#
# ## What small means
#
# ```{admonition} What these decoders cannot tell
# :class: warning
# They have {glue:text}`decoders-all-parameters` parameters, and a text of {glue:text}`decoders-train-tokens-standard-library` million tokens. The smallest GPT-2 has 124 million parameters and read billions of tokens. Ours know syntax, frequent names and repetitions; no facts.
#
# - **What they show does happen** in a trained network on real text. That is more than random weights tell.
# - **What they do not show may still come later**: sinks and massive activations are reported to grow with training and size.
# - **Differences between settings hold at this size**, at one learning rate that was not tuned for each of them.
# - There are {glue:text}`decoders-most-seeds` seeds at most. Two standard errors of so few are a hint and not a proof.
# ```
#
# **In practice.** Before you interpret the attention of a model, ask what it beats. A bigram table is an hour's work and needs no GPU. A model that does no better has not shown that it uses attention. To know what attention earned, train the same model with every token attending to itself alone.
#
# ## Exercises

# %% [markdown]
# ```{exercise-start} Bits per byte
# :label: ex-decoders-bits
# ```

# %% [markdown]
# **Difficulty** ●○○○○ · **Time** 5 minutes
#
# A model has a loss of 2.8 nats per token; a token has 2.5 bytes on average. How many bits per byte is that?

# %% [markdown]
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} ex-decoders-bits
# :class: dropdown
# :label: sol-decoders-bits
# ```

# %% [markdown]
# A nat is $1/\ln 2$ bits, and the bits of a token are shared by its bytes.

# %%
print(exercises.check_bits_per_byte(2.8 / math.log(2) / 2.5))

# %% [markdown]
# ```{solution-end}
# ```

# %% [markdown]
# ```{exercise-start} Half of it is easy
# :label: ex-decoders-half
# ```

# %% [markdown]
# **Difficulty** ●●○○○ · **Time** 5 minutes
#
# Of 1,024 tokens one begins windows and is never predicted. A model foretells every second token with certainty, and for the others it guesses evenly. What is its perplexity?

# %% [markdown]
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} ex-decoders-half
# :class: dropdown
# :label: sol-decoders-half
# ```

# %% [markdown]
# The losses are 0 and $\ln 1023$. Their mean is $\frac12\ln 1023$, and the exponential of that is $\sqrt{1023}$.

# %%
print(exercises.check_half_certain(math.sqrt(1023)))

# %% [markdown]
# ```{solution-end}
# ```
