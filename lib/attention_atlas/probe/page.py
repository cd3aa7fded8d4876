"""The frame of a report: one page in the colors of the book, light or dark as the reader's system is."""

from html import escape

STYLE = """
:root { color-scheme: light dark; --back: #ffffff; --soft: #f4f6f8;
  --atlas-blue: #0b6fb3; --atlas-orange: #c77700; --atlas-green: #00866b; --atlas-red: #c43c39;
  --atlas-purple: #8f5aa8; --atlas-brown: #7d5a3c;
  --atlas-ink: #22262b; --atlas-muted: #5d6470; --atlas-line: #d9dde3; --atlas-paper: transparent; }
@media (prefers-color-scheme: dark) { :root { --back: #14181e; --soft: #1d232b;
  --atlas-blue: #5db4ee; --atlas-orange: #f0a93b; --atlas-green: #3fc9a4; --atlas-red: #f2807b;
  --atlas-purple: #c99be0; --atlas-brown: #c9a27f;
  --atlas-ink: #e4e6ea; --atlas-muted: #a3abb8; --atlas-line: #3a4049; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--atlas-ink); font: 16px/1.55 system-ui, sans-serif; }
main { max-width: 54rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.8rem; line-height: 1.2; overflow-wrap: anywhere; }
h2 { margin-top: 2.4rem; font-size: 1.3rem; border-bottom: 1px solid var(--atlas-line); padding-bottom: 0.2rem; }
h3 { font-size: 1.05rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0.25rem 1rem; margin: 1rem 0; }
dt { color: var(--atlas-muted); }
dd { margin: 0; overflow-wrap: anywhere; }
dl.terms { grid-template-columns: minmax(7rem, 13rem) 1fr; gap: 0.8rem 1.2rem; }
dl.terms dt { color: var(--atlas-ink); }
dl.terms code { display: block; width: max-content; max-width: 100%; overflow-wrap: anywhere; }
code { font-size: 0.85em; background: var(--soft); padding: 0.05em 0.3em; border-radius: 3px; }
em { color: var(--atlas-muted); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: 0.93rem; }
caption { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
th, td { text-align: right; padding: 0.28rem 0.6rem; border-bottom: 1px solid var(--atlas-line); white-space: nowrap; }
thead th { border-bottom: 2px solid var(--atlas-muted); }
th[scope=row] { font-weight: 600; text-align: left; }
thead th:first-child { text-align: left; }
td.words, thead th.words { text-align: left; }
td.words { white-space: normal; min-width: 12rem; }
tr.even { background: var(--soft); font-style: italic; }
figure { margin: 1.8rem 0; }
figure svg { width: 100%; height: auto; min-width: 34rem; display: block; }
figcaption { font-size: 0.93rem; color: var(--atlas-muted); margin-top: 0.4rem; }
footer { margin-top: 3rem; font-size: 0.88rem; color: var(--atlas-muted); }
@media (max-width: 40rem) { dl, dl.terms { grid-template-columns: 1fr; } dd { margin-bottom: 0.4rem; } }
@media print { body { background: none; } }
""".strip()


def page(title: str, body: str) -> str:
    """A whole document that asks for nothing outside itself.

    Parameters
    ----------
    title : str
        Plain text.
    body : str
        HTML of the main part.

    Examples
    --------
    >>> page("a < b", "<p>so</p>").count("a &lt; b")
    1
    """
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>\n{STYLE}\n</style>\n</head>\n<body>\n<main>\n{body}\n</main>\n"
        "</body>\n</html>\n"
    )
