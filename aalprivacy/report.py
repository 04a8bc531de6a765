"""What `aalprivacy reproduce` writes: the paper's figures, table and claims, measured anew."""

import importlib.metadata
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib import resources
from pathlib import Path

import jinja2
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

import aalprivacy
from aalprivacy import claims, evaluation, files, inspection, plotting, sentences
from aalprivacy.attributes import in_words
from aalprivacy.audit import from_rows, judge, judge_blind, to_frame
from aalprivacy.model import Pair
from aalprivacy.policy import TABLE_I
from aalprivacy.simulate import john, simulate
from aalprivacy.text import from_tokens, to_lines, to_tokens
from aalprivacy.views import apply_policy

CAPTIONS = {
    "figure-1": "Figure 1: one step of an LSTM.",
    "figure-2": "Figure 2: a home, its encoders, and the four receivers' decoders.",
    "figure-3": "Figure 3: the encoder reads an entry, the decoder writes the view.",
    "figure-4": "Figure 4: the three operations, as a small model trained just now wrote them.",
    "figure-5": "Figure 5: the researcher's code and the researcher's decoder.",
    "figure-6": "Figure 6: the researcher's code and a decoder that doesn't match ({}).",
    "table-1": "Table I: John's entry and its four views.",
    "data": "Simulated entries.",
    "errors": "How many entries have how many wrong characters ({}).",
    "view-errors": "How many wrong characters each attribute has in each view ({}).",
    "single-errors": "Where the wrong character is, in entries that have one ({}).",
    "mismatch": "Every encoder with every decoder.",
    "hits": "Right values in the views of decoders that don't match, and by chance.",
    "codes": "Codes by their two main directions.",
    "units": "Single units of the researcher's encoder, which reads from the right: the four of "
    "whose variance the attribute explains most (in per cent), and four drawn by seed.",
    "training-size": "How many users it takes: doctor's pairs, trained with as many updates each.",
}

BASE = "8000 users"  # the study that others are held against

PER_RECEIVER = {
    "code": "Eight codes of the {}'s encoder.",
    "attributes": "Where the {}'s errors are.",
    "learning": "The training of the {}'s pair{}.",
}


def write_report(
    folder: Path,
    say: Callable[[str], None],
    *,
    entries: int = 1000,
    known: int = 1000,
    targets: int = 300,
    updates: int = sentences.RECIPE.updates,
    attackers_updates: int = 400,
) -> list[Path]:
    """Make every figure and table of the paper anew from the shipped pairs, and judge its claims.

    Parameters
    ----------
    folder
        An existing folder.
    say
        Told what is being done.
    entries
        Of each test set.
    known, targets
        Entries that an attacker knows, and entries that it reads.
    updates
        Of the small model of figure 4.
    attackers_updates
        Of the decoder that an attacker trains.

    Returns
    -------
    The files written: figures as PNG and SVG, ``report.html``, ``results.json``, ``results.md``,
    ``examples.txt``.
    """
    written, captions = [], {}

    def save(figure: Figure, name: str, *details: str) -> None:
        kind, _, receiver = name.partition(".")
        text = CAPTIONS.get(kind) or PER_RECEIVER[kind]
        captions[name] = text.format(*details or [in_words(receiver)])
        for form in ("svg", "png"):
            written.append(folder / f"{name}.{form}")
            plotting.write_figure(figure, written[-1])

    every = aalprivacy.shipped_pairs()
    pairs = {receiver: every[receiver] for receiver in aalprivacy.shipped_receivers()}
    test = evaluation.make_test_set("unseen", entries)
    first = test[:20]
    for name, figure in _diagrams(say, updates):
        save(figure, name)
    name, decoder = mismatched(pairs)
    for figure, reader, details in (("figure-5", None, ()), ("figure-6", decoder, (name,))):
        decoded = evaluation.decode_entries(pairs["researcher"], first[:1], reader)
        expected = to_lines(apply_policy(first[:1], TABLE_I, "researcher"))
        save(plotting.aligned(decoded[0], expected[0]), figure, *details)
    save(plotting.distributions(simulate(2000, 10, seed=evaluation.TEST_SEED)), "data")
    scores, examples = {}, []
    for receiver, pair in pairs.items():
        say(f"{receiver}: encoding and decoding the test sets")
        scores[receiver] = evaluation.evaluate_all(pair, entries)
        codes = pair.encode_entries(first[:8])
        save(plotting.code_strip(codes, [str(i + 1) for i in range(8)]), f"code.{receiver}")
        save(plotting.attribute_errors(scores[receiver]), f"attributes.{receiver}")
        save(
            plotting.learning_curve(pd.DataFrame(pair.card["training"]["log"])),
            f"learning.{receiver}",
            in_words(receiver),
            _after_what(pair.card),
        )
        decoded = evaluation.decode_entries(pair, first)
        expected = to_lines(apply_policy(first, TABLE_I, receiver))
        examples += [f"{receiver}: the first twenty entries of the test set `unseen`", ""]
        examples += [plotting.marked(*both) for both in zip(decoded, expected, strict=True)]
    on_cards = {r: evaluation.from_card(pair.card) for r, pair in pairs.items()}
    sizes = sorted({score.entries for score in on_cards.values()})
    many = " or ".join(f"{n:,}" for n in sizes)
    larger = f"{many} entries of users never seen, from the cards"
    save(plotting.error_distribution(on_cards), "errors", larger)
    save(plotting.view_errors(on_cards), "view-errors", larger)
    save(plotting.single_errors(on_cards), "single-errors", larger)
    say("decoding with the wrong decoders")
    found = evaluation.cross(every, test)
    save(plotting.mismatch_matrix(found), "mismatch")
    save(plotting.hits_and_chance(found), "hits")
    save(codes_figure(every), "codes")
    save(units_figure(pairs["researcher"]), "units")
    save(plotting.comparison(training_sizes(), "users", "users trained on"), "training-size")
    say("putting the claims to the test")
    judged = claims.examine(
        pairs, scores, found, known=known, targets=targets, updates=attackers_updates
    )
    results = {receiver: evaluation.to_dict(kinds) for receiver, kinds in scores.items()}
    tables = [
        f"Wrong characters per entry, on {entries:,} entries of each test set. (The pairs' cards "
        "have larger ones.)\n"
    ]
    tables += [
        f"### {receiver}\n\n{_markdown(evaluation.to_frame(kinds))}\n"
        for receiver, kinds in scores.items()
    ]
    for file, text in (
        ("results.json", json.dumps(results, indent=2) + "\n"),
        ("results.md", "\n".join(tables) + "\n"),
        ("examples.txt", "\n".join(examples) + "\n"),
        ("report.html", _page(judged, scores, captions)),
    ):
        files.write_text(text, folder / file)
        written.append(folder / file)
    return written


def _diagrams(say, updates: int):
    """The paper's figures 1 to 4 and Table I."""
    home = john()
    line = to_lines(home)[0]
    views = {r: apply_policy(home, TABLE_I, r) for r in TABLE_I.receivers}
    lines = {receiver: to_lines(view)[0] for receiver, view in views.items()}
    yield "figure-1", plotting.lstm_cell()
    yield "figure-2", plotting.architecture({r: f"{text[:34]} ..." for r, text in lines.items()})
    yield "figure-3", plotting.encoder_decoder(line, lines["researcher"])
    say("training a small model on sentences")
    recipe = replace(sentences.RECIPE, updates=updates)
    small = sentences.learn(sentences.simulate_sentences(8000, seed=1), recipe)
    sentence = "john has alzheimer"
    wrote = from_tokens(small.decode(small.encode(to_tokens(pd.Series([sentence])))))[0]
    words = sentences.words(sentence), sentences.words(wrote)
    yield "figure-4", plotting.operations(*words, list(sentences.OPERATIONS))
    yield (
        "table-1",
        plotting.view_table(home.iloc[0], {r: view.iloc[0] for r, view in views.items()}),
    )


def _after_what(card: dict) -> str:
    """What a learning curve doesn't show, if the training went on from an earlier one."""
    if "started_from" not in card:
        return ""
    last, every = card["training"]["seconds"] / 60, evaluation.minutes(card)
    return f": the last {last:.0f} of {every:.0f} minutes, which went on from an earlier training"


def mismatched(pairs: Mapping[str, Pair]) -> tuple[str, Pair]:
    """The pair whose decoder reads the researcher's code in figure 6, and what it is called.

    The caregiver's, as in the paper; while none ships, the researcher's own, re-keyed.
    """
    if "caregiver" in pairs:
        return "caregiver", pairs["caregiver"]
    return "researcher re-keyed", pairs["researcher"].rekeyed(1)


def codes_figure(makers: Mapping[str, Pair]) -> Figure:
    """Codes of eight people by one encoder, and of the same entries by every encoder."""
    entries = simulate(8, 12, evaluation.TEST_SEED)
    people = [f"person {user + 1}" for user in pd.factorize(entries["user_id"])[0]]
    codes = {name: pair.encode_entries(entries) for name, pair in makers.items()}
    return plotting.code_map(
        {
            "the researcher's encoder, eight people": (
                *inspection.on_a_plane(codes["researcher"]),
                people,
            ),
            "the same entries, every encoder": (
                *inspection.on_a_plane(np.concatenate(list(codes.values()))),
                list(np.repeat(list(codes), len(entries))),
            ),
        }
    )


def units_figure(pair: Pair) -> Figure:
    """Four units whose state the attribute explains best, and four drawn by seed.

    In per cent, the share of a unit's variance that which attribute is being read explains.
    """
    lines = to_lines(simulate(200, 1, evaluation.TEST_SEED))
    states = inspection.read_states(pair, lines)
    which = inspection.attribute_of_each_character(lines)
    share = inspection.explained_by_attribute(states, which)
    units = inspection.highest_and_drawn(share)
    return plotting.unit_activity(
        states[0], lines[0], units, [f"unit {u}: {share[u]:.0%}" for u in units], 4
    )


def _page(judged: list[claims.Claim], scores, captions: dict[str, str]) -> str:
    source = (resources.files("aalprivacy") / "report.html.jinja").read_text("utf-8")
    frames = {receiver: evaluation.to_frame(kinds) for receiver, kinds in scores.items()}
    columns = next(iter(frames.values())).columns
    results = [
        (in_words(receiver), [(kind, _cells(row)) for kind, row in frame.iterrows()])
        for receiver, frame in frames.items()
    ]
    return (
        jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
        .from_string(source)
        .render(
            version=importlib.metadata.version("aalprivacy"),
            entries=next(iter(scores.values()))["unseen"].entries,
            claims=judged,
            columns=columns,
            results=results,
            figures=captions.items(),
        )
    )


def studies_table() -> str:
    """Trainings that were made to learn from and don't ship, from their cards, in Markdown."""
    columns = ("study", "users × entries", "updates", "minutes", "entries seen")
    rows = []
    for name, card in studies().items():
        data, training = card["data"], card["training"]
        cells = [
            name,
            f"{data['users']:,} × {data['entries_per_user']:,}",
            f"{training['updates']:,}",
            f"{training['seconds'] / 60:.0f}",
            f"{training['entries']:,}",
            *_errors(card["test"]),
        ]
        rows.append(cells)
    return _table([*columns, *evaluation.TEST_SETS], rows)


def studies() -> dict[str, dict]:
    """The cards of the trainings of `make studies`, by what each is about, fewest users first."""
    folder = Path(str(resources.files("aalprivacy"))) / "studies"
    cards = {
        in_words(file.stem): json.loads(file.read_text("utf-8")) for file in folder.glob("*.json")
    }
    return dict(sorted(cards.items(), key=lambda item: (item[1]["data"]["users"], item[0])))


def training_sizes() -> pd.DataFrame:
    """The test figures of the studies that differ from `BASE` in the number of users alone.

    Returns
    -------
    Columns ``users``, ``test set``, ``character error``, ``standard error``.
    """
    cards, asked = studies(), ("receiver", "recipe")
    alike = [c for c in cards.values() if all(c[what] == cards[BASE][what] for what in asked)]
    return pd.DataFrame(
        {
            "users": card["data"]["users"],
            "test set": kind,
            "character error": card["test"][kind]["character_error"],
            "standard error": card["test"][kind]["standard_error"],
        }
        for card in alike
        for kind in evaluation.TEST_SETS
    )


def _errors(test: dict) -> list[str]:
    return [
        f"{test[kind]['character_error']:.3f} ± {test[kind]['standard_error']:.3f}"
        for kind in evaluation.TEST_SETS
    ]


def results_table() -> str:
    """The shipped pairs' test figures, from their cards, as a table in Markdown.

    ``python -m aalprivacy.report README.md`` puts it into that file, between its marks.
    """
    columns = ("receiver", "users × entries", "trained for", "entries per test set", "well-formed")
    rows = []
    cards = {
        (receiver, blind): aalprivacy.read_card(receiver, blind=blind)
        for blind in (False, True)
        for receiver in aalprivacy.shipped_receivers(blind=blind)
    }
    for (receiver, blind), card in cards.items():
        data, test = card["data"], card["test"]
        cells = [
            in_words(receiver) + (", blind" if blind else ""),
            f"{data['users']:,} × {data['entries_per_user']:,}",
            f"{evaluation.minutes(card):.0f} min",
            f"{test['unseen']['entries']:,}",
            f"{min(test[kind]['well_formed'] for kind in evaluation.TEST_SETS):.2%}",
            *_errors(test),
        ]
        rows.append(cells)
    return _table([*columns, *evaluation.TEST_SETS], rows)


def verdicts_table() -> str:
    """What the audits kept beside the shipped pairs say of the security claims, in Markdown."""
    audits, blind = published_audits(), published_audits(blind=True)
    claimed = judge(pd.concat(audits.values())) if audits else []
    claimed += judge_blind(pd.concat(blind.values())) if blind else []
    rows = [[f"{c.says} ({c.section})", f"**{c.verdict}**", c.measured] for c in claimed]
    return _table(["claim", "verdict", "the worst figure"], rows)


def published_audits(*, blind: bool = False) -> dict[str, pd.DataFrame]:
    """What ``aalprivacy audit --out`` found of each shipped pair whose audit is kept beside it.

    Returns
    -------
    dict of receiver -> the rows of `aalprivacy.audit.to_frame`.
    """
    found = {}
    for receiver in aalprivacy.shipped_receivers(blind=blind):
        file = aalprivacy.pair_folder(receiver, blind=blind) / "audit.json"
        if file.is_file():
            (audit,) = json.loads(file.read_text("utf-8")).values()
            findings = from_rows(audit["findings"])
            found[receiver] = to_frame(findings).assign(pair=receiver)
    return found


def put_tables_into(text: str) -> str:
    """A page's text with the tables between its marks made anew."""
    tables = {
        "results": results_table(),
        "studies": studies_table(),
        "verdicts": verdicts_table(),
    }
    for name, table in tables.items():
        begin, end = f"<!-- {name} -->\n", f"\n<!-- end of {name} -->"
        before, rest = text.split(begin)
        text = before + begin + table + end + rest.split(end)[1]
    return text


def _markdown(frame: pd.DataFrame) -> str:
    return _table(["test set", *frame.columns], [[k, *_cells(row)] for k, row in frame.iterrows()])


def _table(columns: list[str], rows: list[list[str]]) -> str:
    """A table in Markdown."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cells(row: pd.Series) -> list[str]:
    return [f"{v:,.0f}" if column == "entries" else f"{v:.3f}" for column, v in row.items()]


if __name__ == "__main__":
    page = Path(sys.argv[1])
    files.write_text(put_tables_into(page.read_text("utf-8")), page)
