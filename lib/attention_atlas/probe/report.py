"""A report as one page that needs nothing else: tables, figures, what every number means. And a folder of it."""

import contextlib
import os
import shutil
import tempfile
from html import escape
from pathlib import Path

import pandas as pd

from attention_atlas import __version__, figures, files
from attention_atlas.probe.glossary import CONVENTIONS, PAPERS, TERMS
from attention_atlas.probe.measuring import Probed
from attention_atlas.probe.page import page
from attention_atlas.probe.pictures import Picture, pictures
from attention_atlas.probe.summary import heads, perplexity, printable, quoted, remarks, sink_tokens, table

OURS = ("report.html", "measures.csv", "even.csv", "tokens.csv", "figures")  # what a folder of the probe may hold


def contents(measured: Probed, text: str) -> dict[str, str]:
    """All files of a report.

    Parameters
    ----------
    measured : Probed
        Of one text.
    text : str
        Its name.

    Returns
    -------
    dict of str to str
        Relative path to content: the page, the tables with all heads and tokens, the figures alone.
    """
    drawn = pictures(measured)
    provenance = f"attention-atlas probe {__version__} · {measured.name} · {len(measured.names)} tokens of {text}"
    inline = {picture.name: figures.svg(picture.figure, picture.name, picture.alt, provenance) for picture in drawn}
    tokens = pd.DataFrame(
        {
            "token": range(len(measured.names)),
            "text": [printable(name) for name in measured.names],
            "sink_of_heads": measured.sink_heads.sum(0).tolist(),
            "received": measured.received.double().mean(0).tolist(),
            "even": measured.even.mean(0).tolist(),
            "surprise": [float("nan"), *measured.surprise.tolist()],
        }
    )
    found = {
        "report.html": html(measured, text, drawn, inline),
        "measures.csv": measured.layers.to_csv(index=False),
        "even.csv": measured.uniform.to_csv(index=False),
        "tokens.csv": tokens.to_csv(index=False),
    }
    return found | {f"figures/{name}.svg": f"{content}\n" for name, content in inline.items()}


def refuse_folder(folder: Path) -> None:
    """Refuse to write where something else lies than an earlier report of the probe, or where it cannot."""
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"--out takes a folder, got a file: {folder}")
    others = sorted(path.name for path in folder.iterdir() if path.name not in OURS) if folder.exists() else []
    if others:
        raise ValueError(f"--out takes a new folder or one of an earlier report, {folder} holds {others[0]!r}")
    beside = next(parent for parent in folder.absolute().parents if parent.exists())  # where it will be put together
    try:
        with tempfile.TemporaryDirectory(dir=beside, prefix=files.PARTIAL):
            pass
    except OSError as error:
        raise ValueError(f"--out takes a folder that can be written, got {folder}: {error.strerror}") from error


def publish(folder: Path, found: dict[str, str]) -> None:
    """Put all files into a folder, or leave everything as it was.

    Parameters
    ----------
    folder : Path
        New, empty, or of an earlier report, which is replaced.
    found : dict of str to str
        Of :func:`contents`.

    Raises
    ------
    ValueError
        As :func:`refuse_folder`.
    OSError
        If it cannot be written; nothing half-written is left.
    """
    refuse_folder(folder)
    folder = Path(folder).absolute()
    made, old = (folder.with_name(f"{files.PARTIAL}{os.getpid()}-{kind}-{folder.name}") for kind in ("new", "old"))
    try:
        for name, content in found.items():
            files.write(made / name, content)
        if folder.exists():
            os.replace(folder, old)
        try:
            os.replace(made, folder)
        except OSError:
            if old.exists():
                os.replace(old, folder)
            raise
    finally:
        for left in (made, old):
            with contextlib.suppress(OSError):
                shutil.rmtree(left)


def html(measured: Probed, text: str, drawn: list[Picture], inline: dict[str, str]) -> str:
    """The page."""
    count, hesitation = len(measured.names), perplexity(measured)
    mean = measured.surprise.double().mean().item()
    facts = measured.facts | {
        "text": f"{text}, its first {count} tokens, from {quoted(measured.names[0])} on",
        "perplexity": f"{hesitation:,.1f} ({mean:.2f} nats per token)",
    }
    said = "".join(f"<li>{escape(line)}</li>" for line in remarks(measured))
    papers = "".join(f"<li>{escape(who)}. <cite>{escape(title)}</cite>.</li>" for who, title in PAPERS)
    parts = [
        f"<h1>Attention of {escape(measured.name)}</h1>",
        _list(facts),
        f"<h2>What stands out</h2><ul>{said}</ul>",
        "<h2>Layer by layer</h2>"
        "<p>Means over heads; below them attention that is even over all tokens that a query sees. Layers, heads and "
        "tokens are numbered from 0, layers as the model's blocks: one without attention leaves a gap. Where blocks "
        "run more than once, layers are numbered in their order.</p>",
        _table(table(measured).reset_index(), "Measures of every layer"),
        *(_figure(picture, inline[picture.name]) for picture in drawn[:1]),
        "<h2>Sinks, by three conventions</h2><p>They disagree, so that a number of sinks means nothing without its "
        "convention, and without what even attention gives.</p>",
        _table(_conventions(measured), "Three conventions of a sink"),
        "<h3>Tokens that are sinks of the most heads</h3>",
        _sink_table(measured),
        *(_figure(picture, inline[picture.name]) for picture in drawn[1:]),
        "<h2>What the numbers mean</h2>",
        _glossary(),
        f"<h2>Papers</h2><ul>{papers}</ul>",
        "<footer>Computed by <code>python -m attention_atlas probe</code> of Attention Atlas "
        f"{__version__} in float32, in one pass over the text, with the architecture's own eager attention. All heads "
        "are in <code>measures.csv</code>, even attention in <code>even.csv</code>, all tokens in "
        "<code>tokens.csv</code>.</footer>",
    ]
    return page(f"Attention of {measured.name}", "\n".join(parts))


def _conventions(measured: Probed) -> pd.DataFrame:
    def mean(found: pd.DataFrame, quantity: str) -> str:
        return f"{found[found['quantity'] == quantity]['value'].mean():.3f}"

    rows = [(who, what, mean(measured.layers, key), mean(measured.uniform, key)) for who, key, what in CONVENTIONS]
    return pd.DataFrame(rows, columns=["convention", "what is counted", f"mean of {heads(measured)} heads", "even"])


def _sink_table(measured: Probed) -> str:
    found = sink_tokens(measured)
    if found.empty:
        return "<p>No head has a sink.</p>"
    count = heads(measured)
    shown = pd.DataFrame(
        {
            "token": found["token"],
            "text": found["text"],
            f"sink of heads (of {count})": found["heads"],
            "queries that see it": found["queries"],
            "receives": found["received"].map("{:.3f}".format),
            "even": found["even"].map("{:.3f}".format),
        }
    )
    return _table(shown, "Tokens that are sinks of the most heads")


def _table(shown: pd.DataFrame, caption: str) -> str:
    shown = shown.astype(str)
    kinds = [" class=words" if shown[name].str.contains(" ").all() else "" for name in shown.columns]
    heads = "".join(f'<th scope="col"{kind}>{escape(name)}</th>' for name, kind in zip(shown, kinds, strict=True))
    rows = []
    for first, *others in shown.to_numpy().tolist():
        even = ' class="even"' if first.startswith("even") else ""
        cells = "".join(f"<td{kind}>{escape(cell)}</td>" for cell, kind in zip(others, kinds[1:], strict=True))
        rows.append(f'<tr{even}><th scope="row">{escape(first)}</th>{cells}</tr>')
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(caption)}"><table><caption>'
        f"{escape(caption)}</caption><thead><tr>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def _figure(picture: Picture, svg: str) -> str:
    caption = escape(picture.caption)
    return f'<figure><div class="scroll" tabindex="0">{svg}</div><figcaption>{caption}</figcaption></figure>'


def _list(facts: dict[str, str]) -> str:
    return "<dl>" + "".join(f"<dt>{escape(key)}</dt><dd>{escape(fact)}</dd>" for key, fact in facts.items()) + "</dl>"


def _glossary() -> str:
    rows = []
    for term in TERMS:
        names = " ".join(f"<code>{name}</code>" for name in term.quantities)
        word = f"<b>{escape(term.column)}</b> {names}".strip() if term.column else names
        rows.append(f"<dt>{word}</dt><dd>{escape(term.meaning)} <em>Origin: {escape(term.origin)}.</em></dd>")
    return f'<dl class="terms">{"".join(rows)}</dl>'
