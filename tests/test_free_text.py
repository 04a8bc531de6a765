"""Free text: the words of the entry's own name are deleted, those of a hierarchy generalised."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aalprivacy.attributes import Attribute, Category, Form
from aalprivacy.audit.attacks import _passes
from aalprivacy.errors import InputError
from aalprivacy.examples import Examples
from aalprivacy.generalisation import WORD, Hierarchy, Range, WordsOf
from aalprivacy.page import _schema
from aalprivacy.policy import Policy
from aalprivacy.recipe import Recipe
from aalprivacy.risk import view_risk
from aalprivacy.schema import Schema, with_rules
from aalprivacy.text import from_lines, from_tokens, to_lines, view_lines
from aalprivacy.views import apply_policy

WORDS = Hierarchy((
    ("mr", "*", "*"), ("mrs", "*", "*"), ("daughter", "relative", "*"),
    ("flu", "lung disease", "*"), ("alzheimer", "dementia", "*"),
    ("dementia", "dementia", "*"), ("parkinson", "nerves", "*"),
))  # fmt: skip
RULE = WordsOf(("name", "home"), WORDS)
NOTES = Schema(
    (
        Attribute("name", Form.WORDS, Category.PERSONAL),
        Attribute("note", Form.TEXT, Category.MEDICAL, generalise=RULE),
        Attribute("age", Form.NUMBER, least=0, most=120, generalise=Range(10)),
        Attribute("home", Form.WORDS, Category.PERSONAL),
        Attribute("code", Form.DIGITS, Category.PERSONAL, digits=4),
    ),
    alphabet="abcdefghijklmnopqrstuvwxyz0123456789 |*-,.'",
    longest=120,
)
NURSE = Policy(
    {
        "nurse": {"name": "F", "note": "G", "age": "F", "home": "D", "code": "F"},
        "statistician": {"name": "D", "note": "G", "age": "G", "home": "D", "code": "D"},
        "archive": {"name": "F", "note": "F", "age": "F", "home": "F", "code": "F"},
    },
    NOTES,
)


@pytest.fixture(scope="module")
def notes():
    """Two hundred entries, whose notes name the person, relatives and streets."""
    rng = np.random.default_rng(0)
    given, family = ("ada", "bo", "cy", "dee", "eve"), ("ash", "birch", "cedar", "elm", "fir")
    rows = []
    for _ in range(200):
        own, other = rng.choice(family, 2)
        name, home = f"{rng.choice(given)} {own}", f"{rng.integers(1, 99)} {other} road"
        note = rng.choice([
            f"mrs {own} has flu", f"daughter {rng.choice(given)} {rng.choice(family)} rang",
            f"found in {rng.choice(family)} road, alzheimer worse", "slept well", "-",
        ])  # fmt: skip
        rows.append((name, note, str(rng.integers(0, 99)), home, f"{rng.integers(10**4):04}"))
    return pd.DataFrame(rows, columns=list(NOTES.names), dtype="str")


@pytest.mark.parametrize(
    ("note", "name", "home", "view"),
    [
        ("mr smith was confused, alzheimer worse", "john smith", "-",
         "* was confused, dementia worse"),
        ("slept well", "john smith", "12 elm street leeds", "slept well"),
        ("mrs smith", "ann smith", "-", "*"),
        ("john smith of elm street leeds rang", "john smith", "12 elm street leeds", "* of * rang"),
        ("smith, john", "john smith", "-", "*, *"),
        ("called john. john came", "john smith", "-", "called *. * came"),
        ("has flu, fears dementia", "-", "-", "has lung disease, fears dementia"),
        # what the rule keeps, as it goes by the person's own words alone
        ("daughter anna smith visited", "john smith", "-", "relative anna * visited"),
        ("daughter anna hall visited", "john smith", "-", "relative anna hall visited"),
        ("mr jones rang", "john smith", "-", "* jones rang"),
        ("found in park road", "-", "12 elm street leeds", "found in park road"),
        ("johnny and smithson rang smih", "john smith", "-", "johnny and smithson rang smih"),
        # and what it deletes too much of
        ("found in park street", "-", "12 elm street leeds", "found in park *"),
        ("slept 12 hours", "-", "12 elm street leeds", "slept * hours"),
        # words are letters and digits alone
        ("mrs smith-jones rang", "ann smith-jones", "-", "* rang"),
        ("mrs smith-jones rang", "ann smith", "-", "*-jones rang"),
        ("smith's daughter, d'arcy's flu", "a d'arcy-smith", "-", "*'s relative, *'s lung disease"),
        ("120-80 at 4", "-", "80 elm way", "120-* at 4"),
        # one's own words come before the hierarchy's, and after them once more
        ("mrs parkinson has parkinson", "ann parkinson", "-", "* has *"),
        ("has flu", "rose lung", "-", "has * disease"),
        ("alzheimer", "rose dementia", "-", "*"),
        ("-", "john smith", "-", "-"),
    ],
)  # fmt: skip
def test_what_the_rule_gives(note, name, home, view):
    row = pd.DataFrame([(name, note, "80", home, "0000")], columns=list(NOTES.names), dtype="str")
    assert apply_policy(row, NURSE, "nurse").loc[0].tolist() == [name, view, "80", "*", "0000"]
    assert apply_policy(row, NURSE, "archive").loc[0, "note"] == note
    assert NOTES["note"].general_value(note, name, home) == view


def test_marks_belong_to_their_letters():
    """Python's `\\w` has neither vowel signs nor accents that are characters of their own."""
    rule = WordsOf(("name",))
    assert rule("अतिथि सीता शर्मा आईं", "सीता शर्मा") == "अतिथि * आईं"
    assert rule("mr jose\u0301 rang, joseph too", "jose\u0301") == "mr * rang, joseph too"


def test_capitals_count_as_small_letters():
    rule = WordsOf(("name",), Hierarchy((("Flu", "Lung disease"), ("ÉTÉ", "summer"))))
    assert rule("Mr SMITH has flu. FLU in été", "John Smith") == (
        "Mr * has Lung disease. Lung disease in summer"
    )


def test_either_part_alone():
    assert WordsOf(("name",))("ann has flu", "ann") == "* has flu"
    assert WordsOf((), WORDS)("ann has flu") == "ann has lung disease"
    level = WordsOf((), replace(WORDS, level=2))
    assert level("mr smith has flu, alzheimer") == "* smith has *, *"


POOL = st.sampled_from([*"ab", "ab", "smith", "12", "mr", "flu", "lung", "dementia", "alzheimer"])
JOIN = st.sampled_from([" ", ", ", "-", "'", ". ", " - ", " * "])
TEXT = st.lists(st.tuples(POOL, JOIN), min_size=1, max_size=6).map(
    lambda parts: "".join(w + j for w, j in parts[:-1]) + parts[-1][0]
)
NAME = st.lists(POOL, min_size=1, max_size=3).map(" ".join) | st.just("-")


@settings(max_examples=300, deadline=None)
@given(TEXT, NAME, NAME)
def test_what_always_holds(note, name, home):
    view = NOTES["note"].general_value(note, name, home)
    own = set(WORD.findall(name)) | set(WORD.findall(home))
    kept, words = WORD.findall(view), WORD.findall(note)
    assert not own & set(kept)  # nothing of one's own is left
    assert not set(kept) & {w for w, general in WORDS.general.items() if w != general}
    assert NOTES["note"].general_value(view, name, home) == view  # and that is all there is to do
    general = [g for w in words if w not in own for g in WORD.findall(WORDS.general.get(w, w))]
    assert kept == [w for w in general if w not in own]  # the rest is there, in its order
    assert "* *" not in view
    assert view not in ("", "-")
    assert view == view.strip()


def test_a_column_at_once(notes):
    """Rows of one note and different names have different views; each is made once."""
    seen = []

    def rule(value, *others):
        seen.append((value, *others))
        return RULE(value, *others)

    rule.reads = ("name", "home")
    spied = with_rules(NOTES, {"note": rule})
    table = notes.assign(note="found in elm road", name=["ann elm", "bo fir"] * 100)
    table["home"] = ["1 ash way", "2 ash way", "1 ash way", "3 elm way"] * 50
    general = spied.general("note", table)
    assert len(seen) == len(set(seen)) == 3
    way = "found in * road"
    assert general.tolist() == 50 * [way, "found in elm road", way, way]
    assert general.index.equals(table.index)
    one_by_one = [NOTES["note"].general_value(*row) for row in zip(
        notes["note"], notes["name"], notes["home"], strict=True)]  # fmt: skip
    assert NOTES.general("Note", notes).tolist() == one_by_one
    assert NOTES.general("note", notes.iloc[:0]).empty


def test_what_a_rule_reads_must_be_given(notes):
    with pytest.raises(InputError, match=r"note: its generalisation reads name, home; got 0 other"):
        NOTES["note"].general(notes["note"])
    with pytest.raises(InputError, match="age: its generalisation reads no others; got 1"):
        NOTES["age"].general(notes["age"], notes["name"])
    holes = notes["name"].astype(object).where(notes.index != 3, None)
    with pytest.raises(InputError, match="row 3, name: null"):
        NOTES["note"].general(notes["note"], holes, notes["home"])


HEAD = 'alphabet = "abcdefghijklmnopqrstuvwxyz0123456789 |*-"\n[attributes.name]\nform = "words"\n'


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("words_of = ['nmae']", r"generalise: unknown attribute 'nmae' .the nearest is name.; "
         "expected one of name, a"),
        ("words_of = ['a']", "its generalisation reads itself"),
        ("words_of = ['name', 'name']", "words_of: name appears twice"),
        ("words_of = 'name'", r"words_of: expected names of attributes such as .\"name\"., got 'n"),
        ("words_of = [1]", "words_of: expected names of attributes"),
        ("words_of = []", "words_of: expected names of attributes, or a hierarchy"),
        ("words_of = ['name'], hierachy = 'w.csv'",
         r"generalise: unknown key 'hierachy' .the nearest is hierarchy"),
        ("words_of = ['name'], level = 2", "generalise: level belongs to a hierarchy"),
        ("words_of = ['name'], hierarchy = {x = ['y']}, level = '1'", "level: expected a whole nu"),
        ("words_of = ['name'], hierarchy = {x = ['y']}, level = 2", "no level 2; expected 1 to 1"),
        ("words_of = ['name'], hierarchy = 3", "hierarchy: expected a file's name, got 3"),
        ("words_of = ['name'], hierarchy = 'none.csv'", r"none\.csv: can't be read as a hierarchy"),
        ("words_of = ['name'], hierarchy = 'two.csv'",
         r"two\.csv, lewy body: not one word; expected letters and digits alone"),
        ("words_of = ['name'], hierarchy = {'o-brien' = ['x']}", "hierarchy, o-brien: not one wo"),
        ("words_of = ['name'], hierarchy = {flu = ['x'], Flu = ['x']}", "the word 'flu' appears"),
        ("words_of = ['name'], hierarchy = {flu = ['ill'], ill = ['bad']}",
         "flu: becomes 'ill', and 'ill' itself becomes 'bad'; expected words that stay"),
        ("words_of = ['name'], hierarchy = {flu = ['Ill']}", "'Ill' has the character 'I'"),
        ("words_of = ['name'], hierarchy = {'grün' = ['x']}", "'grün' has the character 'ü'"),
        ("words_of = ['name'], hierarchy = {flu = ['-']}", "the value '-'; expected another"),
        ("words_of = ['name'], hierarchy = {flu = [' x']}", "' x'; expected text without blanks"),
        ("hierarchy = {x = ['y']}", "unknown 'hierarchy'; expected one of range"),
    ],
)  # fmt: skip
def test_rules_that_are_refused(tmp_path, rule, message):
    (tmp_path / "two.csv").write_text("lewy body;dementia;*\n")
    text = f"{HEAD}[attributes.a]\nform = 'text'\ngeneralise = {{ {rule} }}"
    (tmp_path / "s.toml").write_text(text, "utf-8")
    with pytest.raises(InputError, match=rf"s\.toml: a: .*{message}") as error:
        Schema.from_toml(tmp_path / "s.toml")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("form", ["number", "digits", "one-of", "pattern"])
def test_the_rule_is_for_words_and_text(form):
    more = {"one-of": {"values": ("x",)}, "pattern": {"pattern": "x"}}.get(form, {})
    with pytest.raises(InputError, match=f"a: words_of isn't for a {form}"):
        Attribute("a", form, generalise=WordsOf(("b",)), **more)


def test_rules_of_ones_own_say_what_they_read():
    def rule(value, height):
        return value

    for reads in ("height", ["height"], (1,)):
        rule.reads = reads
        with pytest.raises(InputError, match="weight: generalise: reads: expected a tuple of name"):
            Attribute("weight", Form.NUMBER, generalise=rule)
    rule.reads = ("height",)
    with pytest.raises(InputError, match="weight: generalise: unknown attribute 'height'"):
        Schema((Attribute("weight", Form.NUMBER, generalise=rule),))


def test_a_schema_file_holds_the_rule(tmp_path):
    (tmp_path / "words.csv").write_text("mr;*;*\nflu;lung disease;*\n")
    rule = "{ words_of = ['name'], hierarchy = 'words.csv' }"
    text = f"{HEAD}[attributes.note]\nform = 'text'\ngeneralise = {rule}"
    (tmp_path / "s.toml").write_text(text, "utf-8")
    schema = Schema.from_toml(tmp_path / "s.toml")
    assert schema["note"].generalise("mr fox has flu", "ann fox") == "* has lung disease"
    assert schema["note"].reads == ("name",)
    assert schema["note"].generalise.source == str(tmp_path / "words.csv")
    for known in (schema, NOTES):
        assert Schema.from_dict(known.to_dict()) == known


def test_a_view_that_is_too_long_is_refused_in_a_line():
    long = Schema(NOTES.attributes, NOTES.alphabet, longest=30)
    rules = Policy({"nurse": NURSE.for_receiver("nurse")}, long)
    row = pd.DataFrame([("-", "flu flu flu", "-", "-", "0000")], columns=list(long.names))
    assert len(to_lines(row, long)[0]) <= 30
    with pytest.raises(InputError, match="row 0: the line has 49 characters; expected at most 30"):
        view_lines(apply_policy(row, rules, "nurse"), long)
    with pytest.raises(InputError, match="row 0: the line has 49 characters"):
        Examples(row, rules, "nurse", Recipe())


# --- what a pair learns from


def windows(examples, updates, window, schema=NOTES):
    """Each line of the batches: first attribute, entry, view."""
    for update in range(updates):
        batch = examples.batch(update, window)
        entries, views = (from_tokens(t, schema) for t in (batch.entries, batch.views))
        yield from zip(batch.first.tolist(), entries, views, strict=True)


@pytest.mark.parametrize(
    ("receiver", "window", "augmentation"),
    [("nurse", 2, (0.6, 0.2)), ("nurse", 5, (0.0, 0.0)), ("nurse", 5, (1.0, 1.0)),
     ("statistician", 4, (1.0, 1.0)), ("statistician", 5, (0.6, 0.2))],
)  # fmt: skip
def test_the_note_has_the_view_of_what_stands_beside_it(notes, receiver, window, augmentation):
    """Also of mixed, missing and randomised values; what isn't in the window counts as missing."""
    recipe = Recipe(
        first_batch_size=16, batch_size=16, missing=0.1, abnormal=0.1, first_window=2,
        augmentation=augmentation,
    )  # fmt: skip
    deleted = 0
    for first, entry, view in windows(Examples(notes, NURSE, receiver, recipe), 12, window):
        values = dict(zip(NOTES.names[first:], entry.split("|"), strict=False))
        seen = dict(zip(NOTES.names[first:], view.split("|"), strict=False))
        assert len(values) == len(seen)
        if "note" in values:
            read = (values.get(name, "-") for name in NOTES["note"].reads)
            assert seen["note"] == NOTES["note"].general_value(values["note"], *read)
            deleted += seen["note"].count("*") - values["note"].count("mrs")
    assert deleted > 0


def test_names_travel_with_their_notes_and_are_renamed_in_them(notes):
    """However much is mixed and randomised, most notes name somebody whose name is beside them."""
    named = notes[notes["note"].str.startswith("mrs")]
    shares = {}
    for mixing, words in ((0, 0.0), (1, 0.0), (1, 1.0)):
        recipe = Recipe(mixing=mixing, augmentation=(words, 0.0), missing=0, batch_size=32)
        lines = list(windows(Examples(named, NURSE, "nurse", recipe), 30, 5))
        whole = [(e.split("|"), v.split("|")) for first, e, v in lines if e.count("|") == 4]
        shares[mixing, words] = np.mean([view[1].startswith("* has") for _, view in whole])
        new = [entry[0] not in set(notes["name"]) for entry, _ in whole]
        assert np.mean(new) == pytest.approx(words, abs=0.15)  # a few letters may change nothing
    assert shares[0, 0.0] == 1
    # A fifth of the notes is of somebody else, who sometimes has the same surname.
    assert shares[1, 0.0] == pytest.approx(0.8 + 0.2 / 5, abs=0.05)
    assert shares[1, 1.0] == pytest.approx(0.8, abs=0.06)


def test_what_is_randomised_in_a_note_is_not_counted(notes):
    """The loss that lengthens the windows is of characters that can be known."""
    for augmentation in ((1.0, 0.0), (1.0, 1.0)):
        recipe = Recipe(augmentation=augmentation, missing=0, abnormal=0, mixing=0)
        batch = Examples(notes, NURSE, "statistician", recipe).batch(0, 5)
        lines = from_tokens(batch.views, NOTES)
        for line, replaced in zip(lines, batch.replaced, strict=True):
            begin, end = line.index("|") + 1, line.index("|", 2)
            assert replaced[begin:end].all() == bool(augmentation[1])
            assert not replaced[end + 1 :].any()


def test_a_blind_encoder_reads_the_view(notes):
    recipe = Recipe(blind=True, augmentation=(1.0, 1.0), batch_size=16)
    known = set(apply_policy(notes, NURSE, "statistician")["note"])
    lines = [(e, v) for _, e, v in windows(Examples(notes, NURSE, "statistician", recipe), 5, 5)]
    assert all(entry == view for entry, view in lines)
    assert sum(e.split("|")[1] not in known for e, _ in lines if e.count("|") == 4) > 20


def test_a_text_that_is_disclosed_is_copied(notes):
    recipe = Recipe(augmentation=(1.0, 1.0), missing=0.1)
    for _, entry, view in windows(Examples(notes, NURSE, "archive", recipe), 5, 5):
        assert entry == view


def test_a_rule_of_ones_own_may_read_others(notes):
    def decade_of(value, code):
        assert code == "-" or len(code) in (3, 4, 5)  # in training one digit more or fewer
        return f"{code[0]} {int(value) // 10}"

    decade_of.reads = ("code",)
    schema = with_rules(NOTES, {"age": decade_of})
    rules = Policy({"nurse": {**NURSE.for_receiver("nurse"), "age": "G"}}, schema)
    view = apply_policy(notes, rules, "nurse")
    assert view["age"][0] == f"{notes['code'][0][0]} {int(notes['age'][0]) // 10}"
    recipe = Recipe(missing=0.1, abnormal=0.2, augmentation=(1.0, 1.0), batch_size=16)
    for first, entry, seen in windows(Examples(notes, rules, "nurse", recipe), 8, 5, schema):
        values = dict(zip(schema.names[first:], entry.split("|"), strict=False))
        got = dict(zip(schema.names[first:], seen.split("|"), strict=False))
        if values.get("age", "-") != "-":
            assert got["age"] == decade_of(values["age"], values.get("code", "-"))


def test_the_same_examples_again(notes):
    one, other = (Examples(notes, NURSE, "nurse", Recipe()).batch(4, 5) for _ in range(2))
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)


# --- what else takes schemas


def test_the_page_refuses_it():
    with pytest.raises(InputError, match="note: the page knows no rule that reads other"):
        _schema(NOTES)


def test_what_passes_for_a_view_of_a_note(notes, make_pair):
    from aalprivacy.audit import Case

    pair = make_pair(NURSE, "statistician")
    case = Case(pair, known=notes.iloc[:50], targets=notes.iloc[50:100])
    head, tail = "*|", "|0-9|*|*"
    lines = [f"{head}{note}{tail}" for note in ("* has gout", "*", "-", "", " x")]
    assert _passes(pd.Series(lines), case).tolist() == [True, True, True, False, False]


def test_the_risk_of_views_with_notes(notes):
    risk = view_risk(notes, NURSE, "nurse", known=["age"], secret="note", attacks=20)
    assert risk.anonymity is not None


def test_decoded_lines_are_scored(notes, make_pair):
    from aalprivacy.evaluation import score

    expected = view_lines(apply_policy(notes, NURSE, "nurse"), NOTES)
    wrong = from_lines(expected, NOTES)
    wrong["note"] = notes["note"]
    result = score(view_lines(wrong, NOTES), expected, NOTES)
    assert result.attributes["note"] > 0
    assert result.right["age"] == 1
