"""What `aalprivacy reproduce` writes: the paper's figures, table and claims, measured anew."""

import importlib.metadata
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from importlib import resources
from pathlib import Path

import jinja2
import numpy as np
import pandas as pd

from aalprivacy import claims, evaluation, inspection, plotting, sentences
from aalprivacy.atomic import write_text
from aalprivacy.attributes import in_words
from aalprivacy.audit import (
    Claim,
    Question,
    Verdict,
    from_rows,
    judge,
    judge_randomised,
    judge_started,
    to_frame,
)
from aalprivacy.audit.measure import BYTES, CHARACTER_ERROR, TIME
from aalprivacy.audit.verdicts import BLIND, UNKNOWN, UNTRIED, hidden_told
from aalprivacy.codes import NUMBER_TYPES
from aalprivacy.evaluation import Mismatch, Score
from aalprivacy.homes import (
    SAMPLE_SEED,
    TEST_SETS,
    john,
    make_test_set,
    make_test_sets,
    simulate,
)
from aalprivacy.pair import Pair, pair_folder, read_card, shipped_names, shipped_pairs
from aalprivacy.plotting import Drawing, Html
from aalprivacy.policy import TABLE_I
from aalprivacy.text import to_lines, view_lines
from aalprivacy.views import apply_policy

BASE = "8000 users"  # the study that the others are compared with
TIMED = ("default recipe", "time to 1.5")  # the default recipe, and an earlier one
FULL = "full recipe"  # begins the names of the trainings in which nothing is taken away
# Without random and mixed values in training, and with them.
RANDOMISED = ("memory_as_they_are", "memory_randomised")
STARTED = "started_from_doctor"  # a pair that was trained further from a shipped one
AUDIT = ".audit.json"  # ends the name of a study's audit
TARGETS = {"seen": 0.10, "unseen": 0.15, "open": 0.70}  # wrong characters, at most
MOST_BYTES, MOST_ADDED = 128, 0.05  # the target of small codes: bytes, and wrong characters added
LEAST = 0.0005  # of wrong characters; less would be printed as 0.000
MISMATCHED = 300  # entries; wrong decoders write long lines, and there are many pairs of pairs


# The name of a figure's files, the figure, and its caption. A figure without a caption is written
# to a file but not shown in the report. A piece of HTML is shown there and has no file.
Drawn = tuple[str, Drawing | Html, str]


def write_report(
    folder: Path,
    say: Callable[[str], None],
    *,
    entries: int = 1000,
    updates: int = sentences.RECIPE.updates,
) -> list[Path]:
    """Make every figure and table of the paper anew from the shipped pairs, and judge its claims.

    Attacks take hours. So their findings are read from the audits that are kept beside the pairs
    (`security_claims`).

    Parameters
    ----------
    folder
        An existing folder. Files of the same names are replaced.
    say
        Is called with a line of text before each step.
    entries
        How many entries each test set has.
    updates
        How many updates the small model of figure 4 is trained for.

    Returns
    -------
    The files written: figures as PNG and SVG, ``report.html``, ``results.json``, ``results.md``,
    ``examples.txt``.
    """
    every = shipped_pairs()
    pairs = {name: pair for name, pair in every.items() if not pair.blind}
    test = make_test_set("unseen", entries)
    written: list[Path] = []
    shown: dict[str, list[Drawn]] = {}

    def keep(section: str, drawn: Iterator[Drawn]) -> None:
        for name, figure, caption in drawn:
            if caption:
                shown.setdefault(section, []).append((name, figure, caption))
            if isinstance(figure, Drawing):
                for form in ("svg", "png"):
                    written.append(folder / f"{name}.{form}")
                    plotting.write_figure(figure, written[-1])

    keep(PAPERS, diagrams())
    say("training a small model on sentences")
    keep(PAPERS, small_model(updates))
    keep(PAPERS, readings(pairs, test[:1]))
    keep(PAPERS, example())
    keep("The entries", simulated())
    keep("The errors", of_all_pairs(every))
    scores, examples = {}, []
    for name, pair in pairs.items():
        say(f"{in_words(name)}: encoding and decoding the test sets")
        scores[name] = evaluation.evaluate_all(pair, make_test_sets(entries, pair.card["data"]))
        keep("The errors", of_one_pair(name, pair, scores[name]))
        examples += _examples(name, pair, test[:20])
    say("decoding with the wrong decoders")
    found = evaluation.cross(every, test[:MISMATCHED])
    keep("Wrong decoders", of_mismatches(found))
    keep("A look inside", from_within(every))
    say("putting the claims to the test")
    alone = {card["receiver"]: card for name, card in studies().items() if name == TIMED[0]}
    judged = claims.examine(pairs, scores, security_claims(), alone)
    plain = {name: evaluation.to_dict(kinds) for name, kinds in scores.items()}
    for file, text in (
        ("results.json", json.dumps(_rounded(plain), indent=2) + "\n"),
        ("results.md", _results(scores, entries)),
        ("examples.txt", "\n".join(examples) + "\n"),
        ("report.html", page(judged, scores, shown)),
    ):
        write_text(text, folder / file)
        written.append(folder / file)
    return written


def _rounded(value):
    """Numbers to six places, because further ones differ between processors."""
    if isinstance(value, dict):
        return {name: _rounded(part) for name, part in value.items()}
    return round(value, 6) if isinstance(value, float) else value


PAPERS = "The paper's figures and its Table I"


def diagrams() -> Iterator[Drawn]:
    """The paper's figures 1 to 3."""
    home, schema = john(), TABLE_I.schema
    lines = {r: view_lines(apply_policy(home, TABLE_I, r), schema)[0] for r in TABLE_I.receivers}
    yield "figure-1", plotting.lstm_cell(), "Figure 1: one step of an LSTM."
    figure = plotting.architecture({r: f"{line[:34]} ..." for r, line in lines.items()})
    yield "figure-2", figure, "Figure 2: a home, its encoders, and the four receivers' decoders."
    figure = plotting.encoder_decoder(to_lines(home, schema)[0], lines["researcher"])
    yield "figure-3", figure, "Figure 3: the encoder reads an entry, the decoder writes the view."


def small_model(updates: int) -> Iterator[Drawn]:
    """Figure 4, written by a small model that is trained for it."""
    recipe = replace(sentences.RECIPE, updates=updates)
    small = sentences.learn(sentences.simulate_sentences(8000, seed=1), recipe)
    read = pd.DataFrame({"sentence": ["john has alzheimer"]}, dtype="str")
    written = small.decode(small.encode_entries(read))
    words = [sentences.words(sentence) for sentence in (read["sentence"][0], written[0])]
    figure = plotting.operations(*words, list(sentences.OPERATIONS))
    says = "Figure 4: the three operations on a sentence, as written by a small model."
    yield "figure-4", figure, says


def readings(pairs: Mapping[str, Pair], entry: pd.DataFrame) -> Iterator[Drawn]:
    """Figures 5 and 6: one entry's code, read by the right decoder and by a wrong one."""
    pair, (name, wrong) = pairs["researcher"], mismatched(pairs)
    for number, decoder, whose in (
        (5, pair, "the researcher's decoder"),
        (6, wrong, f"a decoder that doesn't match ({name})"),
    ):
        (decoded,) = evaluation.decode_entries(pair, entry, decoder)
        lines = plotting.aligned(decoded, pair.view_lines(entry).iloc[0])
        yield f"figure-{number}", lines, f"Figure {number}: the researcher's code and {whose}."


def example() -> Iterator[Drawn]:
    """Table I shown with one entry: as a picture, and as HTML for the page."""
    home = john()
    views = {r: apply_policy(home, TABLE_I, r).iloc[0] for r in TABLE_I.receivers}
    both = home.iloc[0], views, TABLE_I.schema
    yield "table-1", plotting.view_table(*both), ""
    yield "table-i", plotting.view_page(*both), "Table I: John's entry and its four views."


def simulated() -> Iterator[Drawn]:
    """The distributions of the simulated entries."""
    says = (
        "The paper's entries aren't published, so these are simulated. Attributes depend on each "
        "other, such as blood pressure on age. So a guess without any code is often right."
    )
    yield "data", plotting.distributions(simulate(2000, 10, SAMPLE_SEED)), says


def of_all_pairs(pairs: Mapping[str, Pair]) -> Iterator[Drawn]:
    """How all pairs learned, the errors of pairs that read entries, and what the studies show."""
    logs = {name: pd.DataFrame(pair.card["training"]["log"]) for name, pair in pairs.items()}
    says = "The training of each pair, from its card. A line has a gap where nothing was wrong."
    says += "".join(
        f" The {in_words(name)}'s pair continued an earlier training, which isn't shown."
        for name, pair in pairs.items()
        if "started_from" in pair.card
    )
    yield "learning", plotting.learning_curves(logs), says
    seeing = {name: pair for name, pair in pairs.items() if not pair.blind}
    scores = {name: evaluation.from_card(pair.card) for name, pair in seeing.items()}
    schema = next(iter(pairs.values())).schema
    sizes = " or ".join(f"{n:,}" for n in sorted({score.entries for score in scores.values()}))
    of = f"({sizes} entries of users never seen, from the cards)"
    says = (
        f"Wrong characters {of}. Some numbers are more frequent than their neighbours, for two "
        "reasons. If the decoder writes one word in place of another, all characters in which the "
        "two differ are wrong at once. And two characters in the wrong order count as two."
    )
    yield "errors", plotting.error_distribution(scores), says
    says = f"Wrong characters of each attribute, in each view {of}. A dash means none."
    yield "view-errors", plotting.view_errors(scores, schema), says
    says = (
        f"Where the wrong character is, in views with exactly one {of}. The paper says that it is "
        "mostly in the timestamp."
    )
    yield "single-errors", plotting.single_errors(scores, schema), says
    title = "How many users a training needs: doctor's pairs with the same number of updates"
    figure = plotting.comparison(training_sizes(), "users", "users trained on", title)
    says = (
        "With few users, a pair learns them by heart and makes many errors with others. With many "
        "users, the errors of seen and unseen ones are close. All these pairs had far fewer "
        "updates than the shipped ones. Each test set has 2,000 entries or a few more."
    )
    yield "training-size", figure, says
    curves = code_sizes()
    curves = curves[curves["entries"] < curves["entries"].max()]
    figure = plotting.code_sizes(dict(list(curves.groupby("pair", sort=False))))
    sizes = " or ".join(f"{n:,}" for n in sorted(set(curves["entries"])))
    says = (
        "A code of 512 numbers can be rounded and packed into few bytes. Hollow marks are full "
        f"codes, whose numbers have 32, 16 or 8 bits. Bars are 95 % intervals. On {sizes} "
        "entries of users never seen."
    )
    yield "code-sizes", figure, says


def of_one_pair(name: str, pair: Pair, scores: Mapping[str, Score]) -> Iterator[Drawn]:
    """A pair's errors on each test set."""
    title = f"Where the {in_words(name)}'s wrong characters are"
    figure = plotting.attribute_errors(scores, pair.schema, title)
    yield f"attributes.{name}", figure, f"The {in_words(name)}'s pair on each test set."


def of_mismatches(found: list[Mismatch]) -> Iterator[Drawn]:
    """What decoders write from other pairs' codes, by `aalprivacy.evaluation.cross`."""
    says = (
        "Wrong characters of every encoder with every decoder. The two rows at the bottom use no "
        "encoder: random numbers with the spread of the decoder's own codes, and the one line that "
        "has the fewest wrong characters for all entries. A dash means none. On "
        f"{MISMATCHED} entries."
    )
    yield "mismatch", plotting.mismatch_matrix(found), says
    says = (
        "A deleted value is always right, whatever a decoder reads. So the share of right values "
        "of wrong decoders is compared with chance: the share that the same views have for the "
        f"entries of others. On {MISMATCHED} entries, so a difference of a percent can be chance."
    )
    yield "hits", plotting.hits_and_chance(found, TABLE_I.schema), says


def from_within(pairs: Mapping[str, Pair]) -> Iterator[Drawn]:
    """The codes of the pairs as strips and on a plane, and single units of an encoder."""
    entries = simulate(3, 1, SAMPLE_SEED)
    codes = {name: pair.encode_entries(entries) for name, pair in pairs.items()}
    rows = [f"{in_words(name)} {i + 1}" for name in codes for i in range(len(entries))]
    title = f"The same {len(entries)} entries as codes of {len(pairs)} encoders"
    figure = plotting.code_strip(np.concatenate(list(codes.values())), rows, title)
    says = (
        "Codes of one encoder look alike. Codes of the same entry by different encoders look "
        "unlike."
    )
    yield "code", figure, says
    says = (
        "Codes along their two principal components. Left: the researcher's codes of eight people. "
        "Right: codes of the same entries by every encoder."
    )
    yield "codes", codes_figure(pairs), says
    says = (
        "Single units of the researcher's encoder. First the four whose state depends most on the "
        "attribute that is being read, then four drawn by seed. The percentage is the share of the "
        "state's variance that the attribute explains."
    )
    yield "units", units_figure(pairs["researcher"]), says


def _examples(name: str, pair: Pair, entries: pd.DataFrame) -> list[str]:
    """Decoded lines with their errors marked."""
    both = zip(evaluation.decode_entries(pair, entries), pair.view_lines(entries), strict=True)
    head = f"{in_words(name)}: the first {len(entries)} entries of the test set `unseen`"
    return [head, "", *(plotting.marked(*lines) for lines in both)]


def mismatched(pairs: Mapping[str, Pair]) -> tuple[str, Pair]:
    """The pair whose decoder reads the researcher's code in figure 6, and what it is called.

    It is the caregiver's, as in the paper. If no such pair ships, it is the researcher's own pair,
    re-keyed.
    """
    if "caregiver" in pairs:
        return "caregiver", pairs["caregiver"]
    return "researcher re-keyed", pairs["researcher"].rekeyed(1)


def codes_figure(pairs: Mapping[str, Pair]) -> Drawing:
    """Codes of eight people by one encoder, and of the same entries by every encoder."""
    entries = simulate(8, 12, SAMPLE_SEED)
    people = [f"person {user + 1}" for user in pd.factorize(entries["user_id"])[0]]
    codes = {name: pair.encode_entries(entries) for name, pair in pairs.items()}
    one = inspection.on_a_plane(codes["researcher"])
    every = inspection.on_a_plane(np.concatenate(list(codes.values())))
    whose = np.repeat(list(codes), len(entries)).tolist()
    return plotting.code_map(
        {
            "one encoder, the researcher's: each person has a mark": (*one, people),
            "every encoder, the same entries: each encoder has a mark": (*every, whose),
        },
        "Codes on a plane: by person, and by encoder",
    )


def units_figure(pair: Pair) -> Drawing:
    """Four units whose state the attribute explains best, and four drawn by seed.

    Beside each unit is the share of its variance that is explained by the attribute being read.
    """
    lines = to_lines(simulate(200, 1, SAMPLE_SEED), pair.schema)
    states = inspection.read_states(pair, lines)
    which = inspection.attribute_of_each_character(lines, pair.schema)
    share = inspection.explained_by_attribute(states, which)
    units = inspection.highest_and_drawn(share)
    titles = [f"unit {u}: {share[u]:.0%}" for u in units]
    reverse = pair.architecture.reverse
    title = (
        "Eight units while a line is read: those above the line depend most on the attribute that "
        "is read"
    )
    return plotting.unit_activity(
        states[0], lines[0], units, titles, 4, reverse=reverse, title=title
    )


def page(
    judged: list[claims.Claim],
    scores: Mapping[str, Mapping[str, Score]],
    shown: Mapping[str, list[Drawn]],
) -> str:
    """``report.html``: the claims and their verdicts, the scores, the figures.

    Parameters
    ----------
    judged
        The claims, judged.
    scores
        Name of a pair -> test set -> score.
    shown
        Title of a section -> its figures; the picture of one is the file ``NAME.svg``.
    """
    source = (resources.files("aalprivacy") / "report.html.jinja").read_text("utf-8")
    frames = pd.concat({name: evaluation.to_frame(kinds) for name, kinds in scores.items()})
    frames.index.names = ["pair", "test set"]
    return (
        jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
        .from_string(source)
        .render(
            version=importlib.metadata.version("aalprivacy"),
            entries=next(iter(scores.values()))["unseen"].entries,
            claims=judged,
            audited=audited_sentence(),
            paper=evaluation.PAPER_ERROR,
            marks={
                Verdict.HOLDS: "✓",
                Verdict.IN_PART: "◐",
                Verdict.FAILS: "✗",
                Verdict.UNDECIDED: "?",
            },
            results=plotting.table(frames, FORMS),
            sections=shown,
            written=lambda figure: isinstance(figure, Drawing),
        )
    )


# How the columns of `aalprivacy.evaluation.to_frame` are written.
FORMS = {
    "character error": "{:.3f}",
    "± s.e.": "{:.3f}",
    "exact": "{:.1%}",
    "well-formed": "{:.2%}",
}


def _results(scores: Mapping[str, Mapping[str, Score]], entries: int) -> str:
    """``results.md``."""
    parts = [
        f"Wrong characters per entry, on {entries:,} entries of each test set. (The cards of the "
        "pairs have results on larger test sets.)\n"
    ]
    for name, kinds in scores.items():
        frame = evaluation.to_frame(kinds)
        rows = [[kind, *_cells(row)] for kind, row in frame.iterrows()]
        parts.append(f"### {in_words(name)}\n\n{markdown_table(['test set', *frame], rows)}\n")
    return "\n".join(parts) + "\n"


def studies_table() -> str:
    """The trainings of `make studies` that began with nothing, from their cards, in Markdown."""
    columns = ("study", "users × entries", "updates", "minutes", "entries seen")
    rows = []
    for name, card in studies().items():
        if "started_from" in card:
            continue
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
    return markdown_table([*columns, *TEST_SETS], rows)


def time_sentence() -> str:
    """How long the default recipe and an earlier one take to the paper's error."""
    cards = studies()
    took = {name: evaluation.minutes_until(cards[name]) for name in TIMED if name in cards}
    if len(took) < len(TIMED) or None in took.values():
        return UNKNOWN
    now, before = took.values()
    of = " and ".join(dict.fromkeys(cards[name]["recipe"]["product_dtype"] for name in TIMED))
    return (
        f"On two cores, with matrix products in {of}, the default recipe first had at most "
        f"{evaluation.PAPER_ERROR} wrong characters on 300 validation users after {now:.1f} "
        f"minutes, an earlier recipe after {before:.1f} minutes: {before / now:.1f} times as long. "
        "The error was measured every 500 updates. This is one training each."
    )


def studies_folder() -> Path:
    """Where the studies' cards and audits are kept."""
    return Path(str(resources.files("aalprivacy"))) / "studies"


def studies() -> dict[str, dict]:
    """The cards of the trainings of `make studies`: name -> card, fewest users first."""
    cards = {
        file.stem.replace("_", " "): json.loads(file.read_text("utf-8"))
        for file in studies_folder().glob("*.json")
        if not file.name.endswith(AUDIT)
    }
    return dict(sorted(cards.items(), key=lambda item: (item[1]["data"]["users"], item[0])))


def ingredients() -> pd.DataFrame:
    """The trainings that each lack one part of the default recipe (`benchmarks/recipes.py`).

    Returns
    -------
    One row a validation: ``training``, ``update``, ``entries``, ``seconds``, and wrong characters
    per entry on validation people: ``unseen``, ``open`` (new words), ``disturbed`` (missing and
    abnormal values). The names of trainings with the whole recipe begin with `FULL`.
    """
    return pd.read_csv(studies_folder() / "ingredients.csv")


def ingredients_table() -> str:
    """What each part of the recipe is worth, in Markdown: the table, and what it shows."""
    full, others = _ingredient_ends()
    rows = [
        [name, f"{row['update']:,.0f}", f"{row['entries']:,.0f}",
         *(f"{row[kind]:.2f}" for kind in ("unseen", "open", "disturbed")),
         f"{row['unseen'] / full['unseen'].mean():.1f}"]
        for name, row in pd.concat([full, others]).iterrows()
    ]  # fmt: skip
    head = ["training", "updates", "entries", "unseen", "open", "5 % missing, 5 % abnormal",
            "unseen, over the mean of the full recipe"]  # fmt: skip
    return f"{markdown_table(head, rows)}\n\n{ingredients_sentence()}"


def ingredients_sentence() -> str:
    """Which parts make a difference larger than that between seeds of the full recipe."""
    full, others = _ingredient_ends()
    told = []
    for kind, who in (("unseen", "on people never seen"), ("open", "with new words")):
        least, most = full[kind].min(), full[kind].max()
        more = others[kind] > most + (most - least)
        fewer = others[kind] < least - (most - least)
        says = {"Clearly more": more, "Clearly fewer": fewer, "Too close to tell": ~more & ~fewer}
        has = f"{least:.2f} to {most:.2f}" if len(full) > 1 else f"{least:.2f}"
        told.append(f"The full recipe has {has} wrong characters {who}.")
        if len(full) < 2:
            continue  # one seed doesn't show how much is luck
        told += [f"{what}: {', '.join(others.index[w])}." for what, w in says.items() if w.any()]
    return " ".join(told)


def _ingredient_ends() -> tuple[pd.DataFrame, pd.DataFrame]:
    """The last rows of the trainings with the whole recipe, and of the others; the best first."""
    ends = ingredients().groupby("training", sort=False).last().sort_values("unseen")
    whole = ends.index.str.startswith(FULL)
    return ends[whole], ends[~whole]


def paper_recipe() -> pd.DataFrame:
    """The trainings with the paper's own recipe (`benchmarks/paper_recipe.py`).

    Returns
    -------
    One row a validation: ``training``, ``update``, ``entries``, ``seconds``, and wrong characters
    per entry: ``own test`` (other entries of the users trained on), ``unseen`` (other users),
    ``open`` (other users, new words). The longest training comes first.
    """
    table = pd.read_csv(studies_folder() / "paper_recipe.csv")
    length = table.groupby("training")["entries"].transform("max")
    return table.iloc[np.argsort(-length, kind="stable")].reset_index(drop=True)


def paper_recipe_sentence() -> str:
    """What became of the trainings with the paper's own recipe."""
    table, told, aim = paper_recipe(), [], evaluation.PAPER_ERROR
    for name, curve in table.groupby("training", sort=False):
        last, reached = curve.iloc[-1], curve[curve["own test"] <= aim]["entries"]
        if len(reached):
            told.append(f"With {name} the error was {aim} after {reached.iloc[0]:,} entries.")
        told.append(
            f"With {name}, after {last['entries']:,} entries in {last['update']:,} updates, the "
            f"error is {last['own test']:.1f} on other entries of its own users, "
            f"{last['unseen']:.1f} on other users, and {last['open']:.1f} with new words."
        )
    if not (table["own test"] <= aim).any():
        told.insert(0, f"No training reached the paper's {aim}.")
    curves = table.pivot(index="update", columns="training", values="own test").dropna()
    if len(curves) and len(curves.columns) > 1:  # the last update that all of them have
        errors = ", ".join(f"{e:.1f} ({name})" for name, e in curves.iloc[-1].items())
        told.append(
            f"After {curves.index[-1]:,} updates each, the error is {errors} on other entries of "
            "their own users."
        )
    return " ".join(told)


def paper_recipe_ends() -> pd.DataFrame:
    """The errors at the end of a training with the paper's own recipe, on more entries.

    Returns
    -------
    One row a set of entries: ``training``, ``update``, ``fingerprints`` (`of_codes`), ``people``
    (the set, as in `paper_recipe`), ``entries``, ``character_error``, ``standard_error``, the share
    of entries without any wrong character, ``exact``, and the wrong characters if the decoder is
    given the right ones before each, ``given``.
    """
    return pd.read_csv(studies_folder() / "paper_recipe_ends.csv")


def paper_recipe_ends_table() -> str:
    """As `paper_recipe_ends`, in Markdown."""
    return markdown_table(
        ["measured on", "entries", "wrong characters", "entries without an error",
         "wrong, if the right characters before are given"],
        [
            [row["people"], f"{row['entries']:,}",
             f"{row['character_error']:.2f} ± {row['standard_error']:.2f}", f"{row['exact']:.1%}",
             f"{row['given']:.2f}"]
            for _, row in paper_recipe_ends().iterrows()
        ],
    )  # fmt: skip


def paper_recipe_values() -> pd.DataFrame:
    """Which values a training with the paper's own recipe learned (`benchmarks/paper_recipe.py`).

    Returns
    -------
    One row for each attribute that isn't deleted: ``training``, ``update``, ``fingerprints``,
    ``attribute``, and the shares of entries with the right value: on its ``own test``, there with
    ``another code`` (another entry's), and on ``unseen`` and ``open``. Both on its own test:
    ``commonest``, the share of the commonest right value, and ``wrong``, wrong characters an entry.
    """
    return pd.read_csv(studies_folder() / "paper_recipe_values.csv")


def paper_recipe_values_table() -> str:
    """As `paper_recipe_values`, in Markdown."""
    columns = ["own test", "another code", "commonest", "unseen", "open"]
    return markdown_table(
        ["attribute", "own test", "another entry's code", "commonest value", "unseen", "open",
         "wrong characters, own test"],
        [
            [in_words(row["attribute"]), *(f"{row[name]:.1%}" for name in columns),
             f"{row['wrong']:.2f}"]
            for _, row in paper_recipe_values().iterrows()
        ],
    )  # fmt: skip


def paper_recipe_lines() -> str:
    """Views that a training with the paper's own recipe wrote, and the right ones, in Markdown.

    Their entries are drawn by seed.
    """
    lines = pd.read_csv(studies_folder() / "paper_recipe_lines.csv")
    told = [
        f"{row['people']:<8}  right    {row['expected']}\n{'':<8}  written  {row['written']}"
        for _, row in lines.iterrows()
    ]
    return "```text\n" + "\n\n".join(told) + "\n```"


def of_codes(pair: Pair) -> str:
    """The fingerprints of a pair's encoder and decoder, with a space between."""
    return " ".join(pair.fingerprints[part] for part in ("encoder", "decoder"))


def code_sizes() -> pd.DataFrame:
    """How large the codes of shipped pairs are, and what it costs (`benchmarks/codes.py`).

    Returns
    -------
    One row for each way to write a pair's codes: ``pair``, ``fingerprints`` (`of_codes`), ``type``
    (of the numbers, or "small"), ``small`` (the fingerprint of the small codes that ship; else
    none), ``entries``, ``bytes`` per code in a file, wrong characters per entry
    (``character_error``), ``standard_error``. Each pair has rows of two numbers of entries: with
    fewer, several small codes; with more, full codes and the small codes that ship.
    """
    return pd.read_csv(studies_folder() / "codes.csv")


def code_sizes_table() -> str:
    """Full and small codes of the shipped pairs, in Markdown, and what is missed of the target."""
    rows, missed = [], []
    for name, ways in code_sizes().groupby("pair", sort=False):
        small = ways[ways["small"].notna()].iloc[0]
        alike = (ways["type"] == NUMBER_TYPES[0]) & (ways["entries"] == small["entries"])
        full = ways[alike].iloc[0]
        both = (full, small)
        errors = [f"{row['character_error']:.3f} ± {row['standard_error']:.3f}" for row in both]
        sizes = [f"{row['bytes']:,.0f}" for row in both]
        rows.append([in_words(name), f"{small['entries']:,}", *sizes, *errors])
        more = small["character_error"] - full["character_error"]
        if small["bytes"] > MOST_BYTES or more > MOST_ADDED:
            missed.append(f"{in_words(name)} ({small['bytes']:.0f} bytes, {more:+.3f})")
    columns = ["receiver", "entries", "bytes of a full code", "of a small code",
               "wrong characters, full code", "small code"]  # fmt: skip
    return (
        f"{markdown_table(columns, rows)}\n\nThe target: at most {MOST_BYTES} bytes, and at most "
        f"{MOST_ADDED} wrong characters more than with full codes. Missed: "
        f"{', '.join(missed) or 'nothing'}."
    )


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
        for kind in TEST_SETS
    )


def _errors(test: dict) -> list[str]:
    return [
        f"{test[kind]['character_error']:.3f} ± {test[kind]['standard_error']:.3f}"
        for kind in TEST_SETS
    ]


def results_table() -> str:
    """The shipped pairs' test figures, from their cards, as a table in Markdown."""
    columns = ("receiver", "users × entries", "updates", "trained for", "entries per test set",
               "well-formed")  # fmt: skip
    rows = []
    for name in shipped_names():
        card = read_card(name)
        data, test = card["data"], card["test"]
        cells = [
            in_words(name),
            f"{data['users']:,} × {data['entries_per_user']:,}",
            f"{card['training']['updates']:,}",
            evaluation.trained_for(card),
            f"{test['unseen']['entries']:,}",
            f"{min(test[kind]['well_formed'] for kind in TEST_SETS):.2%}",
            *_errors(test),
        ]
        rows.append(cells)
    return markdown_table([*columns, *TEST_SETS], rows)


def remaining_table(few: int = 3) -> str:
    """Where the shipped pairs' wrong characters are, from their cards, as a table in Markdown.

    Parameters
    ----------
    few
        How many attributes are named for each pair and test set: those with the most errors.
    """
    columns = ["receiver", *(f"most wrong in `{kind}`" for kind in ("unseen", "open")),
               "more with missing and abnormal values"]  # fmt: skip
    rows = []
    for name in shipped_names():
        card = read_card(name)
        cells = [in_words(name)]
        for kind in ("unseen", "open"):
            wrong = card["test"][kind]["attributes"]
            most = sorted((a for a in wrong if wrong[a] >= LEAST), key=wrong.get, reverse=True)
            cells.append(", ".join(f"{in_words(a)} {wrong[a]:.3f}" for a in most[:few]) or "none")
        rows.append([*cells, _added(card)])
    return markdown_table(columns, rows)


def _added(card: Mapping) -> str:
    """How many more wrong characters a pair has with missing and abnormal values."""
    more = evaluation.added_if_disturbed(card)
    return UNKNOWN if more is None else f"{more:+.3f}"


def targets_sentence() -> str:
    """Which of the errors that were aimed at the shipped pairs reach, in Markdown.

    A blind pair's is its sister's error.
    """
    missed, cards = [], {name: read_card(name) for name in shipped_names()}
    for name, card in cards.items():
        errors = {kind: card["test"][kind]["character_error"] for kind in TARGETS}
        limits = dict(TARGETS)
        if card["recipe"]["blind"]:
            sister = cards[name.removesuffix(".blind")]["test"]
            limits = {kind: sister[kind]["character_error"] for kind in TARGETS}
        missed += [
            f"{in_words(name)} on `{kind}` ({errors[kind]:.3f}, not {limit:.3f})"
            for kind, limit in limits.items()
            if errors[kind] >= limit + LEAST
        ]
    aimed = ", ".join(f"{limit:.2f} on `{kind}`" for kind, limit in TARGETS.items())
    return (
        f"The targets: at most {aimed}; for a blind pair, at most the error of the pair that reads "
        f"the entry. Missed: {'; '.join(missed) or 'none'}."
    )


def verdicts_table() -> str:
    """What the kept audits say of security, in Markdown: the table that all pages show."""
    rows = []
    for c in security_claims():
        attacker = "; ".join(filter(None, [c.attacker, _untried(c)]))
        rows.append(
            [
                f"{c.question.asks} ({c.question.section})",
                f"**{c.answer}**",
                *((c.found, c.guess, c.reader, attacker) if c.verdict else [""] * 4),
            ]
        )
    columns = ["question", "answer", "found", "a guess", "the rightful reader", "the attacker"]
    return markdown_table(columns, rows)


def claims_table() -> str:
    """The paper's own security claims, and what a blind pair is for, with answers only.

    If an attack of a question wasn't tried yet, the answer names it.
    """
    claimed = [
        c
        for c in security_claims()
        if re.search(r"\b[IVX]+\b", c.question.section) or c.question is BLIND
    ]
    rows = [
        [
            c.question.asks,
            _claimed(c.question),
            f"**{c.answer}**" + (f" ({_untried(c)})" if c.untried else ""),
        ]
        for c in claimed
    ]
    return markdown_table(["question", "the paper says", "the attacks say"], rows)


def _claimed(question: Question) -> str:
    """What the paper says to a question of `claims_table`."""
    if question is BLIND:
        return "–"
    suggested = " (suggested)" if question.section.startswith("suggested") else ""
    return question.claimed + suggested


def _untried(claim: Claim) -> str:
    return f"{UNTRIED}: {', '.join(claim.untried)}" if claim.untried else ""


def audited_sentence() -> str:
    """Which shipped pairs were attacked, and how strong the attacker was, in a sentence or two."""
    audits, by_strength = published_audits(), {}
    for name, rows in audits.items():
        # Of a person whose membership is asked for, other entries are known.
        known = rows[~rows["attack"].str.startswith("membership")]["known"].max()
        by_strength.setdefault(known, []).append(in_words(name))
    says = {
        f"Attacked with up to {known:,} known entries": names
        for known, names in sorted(by_strength.items())
    }
    says["Not attacked yet"] = [in_words(name) for name in shipped_names() if name not in audits]
    return " ".join(f"{what}: {'; '.join(names)}." for what, names in says.items() if names)


def security_claims() -> list[Claim]:
    """Every question about security, answered by the audits that are kept beside the pairs.

    README, the site, notebook 4 and the report take their answers from here.
    """
    findings, blind = _audited()
    on_and_off = [_kept(studies_folder() / f"{name}{AUDIT}") for name in RANDOMISED]
    started = _kept(studies_folder() / f"{STARTED}{AUDIT}")
    claims = judge(findings, blind=blind, every=True)
    return [*claims, judge_started(started), judge_randomised(*on_and_off)]


def remedies_table() -> str:
    """What each remedy costs and hides, beside a rule and a cipher, in Markdown.

    The figures are of all audited pairs together: the mean bytes and milliseconds per entry, the
    worst character error, and how many of all pairs' hidden attributes something is told of, beyond
    what the view tells. Blind pairs have a row of their own, and count in that of rule and cipher.
    """
    findings, blind = _audited()
    of_blind, attack = findings["pair"].isin(blind), findings["attack"]

    def row(
        says: str, reads: pd.Series, tells: pd.Series | None = None, *, takes="", told=""
    ) -> list[str]:
        """`takes` and `told` stand where there is no time and no probe, and say why."""
        values = findings[reads].groupby("measure")["value"]
        mean, most = values.mean(), values.max()
        cells = [
            f"{mean[BYTES]:,.0f}" if BYTES in mean else "",
            f"{mean[TIME]:.2f}" if TIME in mean else takes,
            f"{most[CHARACTER_ERROR]:.2f}" if CHARACTER_ERROR in most else "",
            told,
        ]
        if tells is not None and tells.any():
            cells[-1] = "{} of {}".format(*hidden_told(findings[tells]))
        return [says, *(cell or UNKNOWN for cell in cells)]

    rule, insider = attack == "remedy: rule and cipher", attack.str.startswith("insider")
    rows = [row("the view by rule, sealed", rule, told="there is no code")]
    kinds = {kind: (attack == "remedy: rounding") & (findings["setting"] == kind)
             for kind in NUMBER_TYPES}  # fmt: skip
    whole, *others = NUMBER_TYPES
    rows.append(row(f"codes in {whole}", kinds[whole] & ~of_blind, insider & ~of_blind))
    rows.append(row(f"codes of blind pairs, {whole}", kinds[whole] & of_blind, insider & of_blind))
    rows += [row(f"codes in {kind}", kinds[kind] & ~of_blind, told="not tested") for kind in others]
    for remedy in ("small codes", "noise"):
        tried = ~of_blind & attack.str.startswith(f"remedy: {remedy}")
        if not tried.any():
            rows.append(row(remedy, tried))
        for size in findings[tried]["size"].unique()[1:]:
            at = tried & (findings["size"] == size)
            reads = at & attack.str.endswith("receiver reads")
            says = findings[reads]["setting"].iloc[0]
            rows.append(row(says, reads, at & ~reads, takes=f"as in {whole}"))
    columns = ["what is sent", "bytes", "milliseconds", "wrong characters",
               "hidden attributes told of"]  # fmt: skip
    return markdown_table(columns, rows)


def told_sentence() -> str:
    """How many hidden attributes a receiver is told of, by how many entries it knows.

    It is of the pair that was attacked by those who know most, among pairs that read entries.
    """
    findings, blind = _audited()
    told = findings[findings["attack"].str.startswith("insider") & ~findings["pair"].isin(blind)]
    if not len(told):
        return UNKNOWN
    pair = told.loc[told["known"].idxmax(), "pair"]
    counts = [
        f"of {hidden_told(rows)[0]} if {known:,} entries are known"
        for known, rows in told[told["pair"] == pair].groupby("known")
    ]
    return (
        f"How many hidden attributes do the {in_words(pair)}'s codes tell something of? "
        f"{', '.join(counts).capitalize()}. So each count is a lower bound. Somebody who knows "
        "more entries may learn more."
    )


def _audited() -> tuple[pd.DataFrame, list[str]]:
    """The findings of all kept audits, and which of their pairs are blind."""
    audits = published_audits()
    findings = pd.concat(audits.values()) if audits else to_frame([]).assign(pair="")
    blind = [name for name in audits if read_card(name)["recipe"].get("blind")]
    return findings.reset_index(drop=True), blind


def published_audits() -> dict[str, pd.DataFrame]:
    """What ``aalprivacy audit --out`` found of each shipped pair whose audit is kept beside it.

    Returns
    -------
    dict of a pair's name -> the rows of `aalprivacy.audit.to_frame`, with a column ``pair``.
    """
    found = {name: _kept(pair_folder(name) / "audit.json") for name in shipped_names()}
    return {name: rows.assign(pair=name) for name, rows in found.items() if len(rows)}


def _kept(file: Path) -> pd.DataFrame:
    """The findings of a file that holds one audit; an empty table if there is no such file."""
    if not file.is_file():
        return to_frame([])
    (audit,) = json.loads(file.read_text("utf-8")).values()
    return to_frame(from_rows(audit["findings"]))


def markdown_table(columns: list[str], rows: list[list[str]]) -> str:
    """A table in Markdown: the names of its columns, and one list of cells for each row."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cells(row: pd.Series) -> list[str]:
    """The cells of a row of `aalprivacy.evaluation.to_frame`; ``–`` where there is no number."""
    return [
        "–" if pd.isna(v) else f"{v:,.0f}" if column == "entries" else f"{v:.3f}"
        for column, v in row.items()
    ]
