# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # Probe your own model
#
# **Where does your own model look, and which of this book's effects does it show?** One pass over one text answers for every head: the entropy of its attention, what the first token receives, its sinks by three conventions, how much of what it writes the sinks' tags explain (beside a control), and how often its scores prefer the later of two tokens; and for every layer the largest coordinate of the residual stream and how much the tokens differ in what the heads write.
#
# What this chapter measures beyond that needs more than a pass over one text, or the weights of a known architecture, and is not part of it: the QK-eigenspectrum, the directions and the linear probe of the tags, recency after words are shuffled or positions taken away, and what is left after an intervention or a compression.
#
# Below is what the command says of a decoder that this project trained and ships, on the first tokens of a file of this project ({numref}`fig-language-probe-tokens`).

# %% tags=["parameters"]
text_file: str = "lib/attention_atlas/masks.py"  # what the model reads, from the project's root
tokens: int = 128  # how much of it, at most 128 for the shipped model

# %% tags=["hide-input"]
import html

from IPython.display import Markdown, display

from attention_atlas import cards, figures, files
from attention_atlas.exercises import language_probe as exercises
from attention_atlas.probe import glossary, measuring, pictures, summary, trained
from attention_atlas.wording import say

figures.style()
source = trained.load()
text = measuring.read(files.ROOT / text_file)
measured = measuring.measure(source, measuring.beginning(source, text, tokens))
drawn = {picture.name: picture for picture in pictures.pictures(measured)}
provenance = (
    f"{source.name}, shipped with the project · first {len(measured.names)} tokens of {text_file} · computed live"
)
say("language-probe-model", source.name)
say("language-probe-parameters", source.facts["parameters"])
say("language-probe-tokens", str(len(measured.names)))
say("language-probe-perplexity", f"{summary.perplexity(measured):.1f}")

# %% tags=["hide-input"]
picture = drawn["probe-tokens"]
figures.show(
    picture.figure, name="language-probe-tokens", caption=picture.caption, alt=picture.alt, provenance=provenance
)

# %% [markdown]
# ## One command
#
# ```console
# $ python -m attention_atlas probe gpt2 --text my_file.txt --out report
# ```
#
# `gpt2` may be the name of a model on the Hugging Face hub or a folder that `save_pretrained` wrote. It needs the optional package `transformers` (`pip install 'attention-atlas[probe]'`). Without a name the command probes the model of this page, and needs neither that package nor a network:
#
# ```console
# $ python -m attention_atlas probe --text lib/attention_atlas/masks.py
# ```
#
# It prints a table like the next one. With `--out` it also writes every head to `measures.csv`, and a report with figures in one HTML file that needs nothing else. The model runs once, layer by layer: a layer's attention maps are measured and dropped before the next layer runs, so the memory for maps does not grow with depth (`bench/probe.py` compares that with keeping them all).

# %% tags=["hide-input"]
table = summary.table(measured)
display(
    Markdown(
        cards.table(
            ["layer", *table.columns],
            [[name, *row] for name, row in zip(table.index, table.to_numpy().tolist(), strict=True)],
        )
    )
)

# %% [markdown]
# The model is {glue:text}`language-probe-model` ({glue:text}`language-probe-parameters` parameters), the text {glue:text}`language-probe-tokens` tokens; its perplexity on them is {glue:text}`language-probe-perplexity`. Rows are means over heads. The last row is *even* attention: every query looks equally at all that it may see. A number says something only beside that one.

# %% tags=["hide-input"]
display(Markdown("\n".join(f"- {html.escape(line)}" for line in summary.remarks(measured))))  # tokens such as <s>

# %% [markdown]
# ## Head by head

# %% tags=["hide-input"]
picture = drawn["probe-heads"]
figures.show(
    picture.figure, name="language-probe-heads", caption=picture.caption, alt=picture.alt, provenance=provenance
)

# %% [markdown]
# ## Sinks, three ways, and tags with their control
#
# The three published conventions for a sink disagree ({doc}`/_executed/position_bias/sinks`). A report shows all of them, each beside even attention.

# %% tags=["hide-input"]
picture = drawn["probe-sinks"]
figures.show(
    picture.figure, name="language-probe-sinks", caption=picture.caption, alt=picture.alt, provenance=provenance
)

# %% tags=["hide-input"]
picture = drawn["probe-tags"]
figures.show(
    picture.figure, name="language-probe-tags", caption=picture.caption, alt=picture.alt, provenance=provenance
)

# %% [markdown]
# ## What the columns mean

# %% tags=["hide-input"]
rows = [[term.column, term.meaning, term.origin] for term in glossary.TERMS]
display(Markdown(cards.table(["column", "what it is", "whose it is"], rows)))

# %% [markdown]
# ## Which models, and what is refused
#
# Causal language models of `transformers` in which attention is a softmax times values, followed by an output matrix. Most architectures run it through the library's common interface; those that do not are read off the operations that they run. Scores are what the softmax was given, biases of positions included. Layers have the numbers of their blocks, so that those of a hybrid leave gaps.
#
# The tests compare small random models, saved by `save_pretrained` and loaded again, with the maps that the models themselves hand out: GPT-2, OPT, GPT-NeoX, Llama (also with grouped queries), Qwen3, Gemma 2 (windows, capped scores) and GPT-OSS (learned sinks) on the interface; BLOOM, Falcon, GPT-J, GPT-Neo, MPT, XGLM, CodeGen and the Japanese GPT-NeoX outside it. In Jamba, Bamba and LFM2 they check which blocks are measured.
#
# Everything else is refused in one line that says what was got: no such model, not a causal model, no attention (Mamba), a gate or a norm between heads and output matrix (BitNet: tags would mean nothing), weights that do not fit the configuration or are not finite, no tokenizer, a text of less than two tokens of its own, more tokens than the model takes, a network needed and absent.
#
# ## What a practitioner does with it
#
# - Probe with a text much longer than twenty tokens: in short ones the mask alone makes a sink (exercise below).
# - Look at the control before at the share: tags that explain no more than as many other tokens explain nothing.
# - Compare your model before and after a change (quantization, pruning, a longer context) with the same text; `measures.csv` has every head.
#
# ## Exercises

# %% [markdown]
# ```{exercise-start} What the mask alone gives
# :label: ex-language-probe-even
# ```

# %% [markdown]
# **Difficulty** ●○○○○ · **Time** 5 minutes
#
# Every query looks equally at all tokens that it may see. How much attention does the first of 128 tokens receive, on average over the queries?

# %% [markdown]
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} ex-language-probe-even
# :class: dropdown
# :label: sol-language-probe-even
# ```

# %% [markdown]
# Query $i$, counted from 1, gives $1/i$: the mean is the harmonic number $H_{128}$ over 128.

# %%
print(exercises.check_even_first(sum(1 / seen for seen in range(1, 129)) / 128, 128))

# %% [markdown]
# ```{solution-end}
# ```

# %% [markdown]
# ```{exercise-start} A sink without learning
# :label: ex-language-probe-longest
# ```

# %% [markdown]
# **Difficulty** ●●○○○ · **Time** 10 minutes
#
# A token is a sink if it receives more than 0.2 on average. Up to which length of the text is the first token a sink of even attention?

# %% [markdown]
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} ex-language-probe-longest
# :class: dropdown
# :label: sol-language-probe-longest
# ```

# %% [markdown]
# $H_T / T$ falls with $T$; count as long as it exceeds .2. Wu 2025 counts sinks in sequences of that very length, see {doc}`/_executed/position_bias/sinks`.

# %%
length = 1
for length in range(1, 100):
    if sum(1 / seen for seen in range(1, length + 2)) / (length + 1) <= 0.2:
        break
print(exercises.check_longest_with_a_sink(length))

# %% [markdown]
# ```{solution-end}
# ```
