"""``python -m attention_atlas probe``: what it takes and prints. Nothing heavy is imported before it runs."""

from pathlib import Path


def add(commands) -> None:
    """Add the command to the parser's commands."""
    probe = commands.add_parser(
        "probe",
        help="measure the attention of a causal language model on a text",
        description="Measure the attention of a causal language model on a text: layers in which a softmax is "
        "multiplied by values and then by an output matrix, without a gate or a norm in between.",
    )
    probe.set_defaults(command=run)
    probe.add_argument(
        "model", nargs="?", metavar="MODEL", help="folder of save_pretrained or name on the hub (default: ours)"
    )
    probe.add_argument("--text", type=Path, required=True, metavar="FILE", help="what it reads, in UTF-8")
    probe.add_argument("--tokens", type=int, metavar="N", help="at most (default: 512 or what the model takes)")
    probe.add_argument("--out", type=Path, metavar="FOLDER", help="where to put a report with figures and all heads")


def run(options) -> None:
    """Measure, print a table, and write a report if asked."""
    from attention_atlas.probe import measuring, summary

    text = measuring.read(options.text)
    if options.out:
        try:
            from attention_atlas.probe import report
        except ImportError as error:
            raise ValueError(
                f"--out needs the package {error.name}; allowed: pip install 'attention-atlas[probe]'"
            ) from error
        report.refuse_folder(options.out)  # before the work, not after it
    source = _source(options.model)
    measured = measuring.measure(source, measuring.beginning(source, text, options.tokens))
    facts = measured.facts
    print(f"{measured.name}: {', '.join(f'{key} {fact}' for key, fact in facts.items())}")
    print(f"{options.text}: {len(measured.names)} tokens, perplexity {summary.perplexity(measured):,.1f}\n")
    print(summary.table(measured).to_string())
    print(f"\nmeans over heads; {summary.EVEN}: attention that is even over all tokens that a query sees")
    if options.out:
        report.publish(options.out, report.contents(measured, options.text.name))
        print(f"wrote {options.out / 'report.html'}")


def _source(name: str | None):
    if name is None:
        from attention_atlas.probe import trained

        return trained.load()
    from attention_atlas.probe import loading

    return loading.load(name)
