"""Every figure is drawn, says what it should, and is written as a picture."""

import itertools

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from aalprivacy import InputError, plotting
from aalprivacy.attributes import Attribute, Form
from aalprivacy.audit import CHARACTER_ERROR
from aalprivacy.evaluation import Mismatch, score
from aalprivacy.generalisation import Range
from aalprivacy.policy import TABLE_I, Operation, Policy
from aalprivacy.schema import ASSISTED_LIVING, Schema
from aalprivacy.text import to_lines, view_lines
from aalprivacy.views import apply_policy

NAMES = ASSISTED_LIVING.names


def texts(figure):
    return [t.get_text() for t in figure.findobj(Text) if t.get_text()]


def small(n=3):
    """A schema of so many attributes, a policy for it, and entries."""
    attributes = [Attribute("name", Form.WORDS, label="A rather long name of what is called name")]
    attributes += [
        Attribute(f"n{i}", Form.NUMBER, label=f"Number {i}", generalise=Range(10))
        for i in range(1, n)
    ]
    schema = Schema(tuple(attributes), longest=200)
    rule = dict.fromkeys(schema.names, Operation.GENERALISE) | {"name": Operation.DELETE}
    policy = Policy(
        {"nurse": rule, "friend": dict.fromkeys(schema.names, Operation.DISCLOSE)}, schema
    )
    table = pd.DataFrame({"name": ["ann lee", "bo"]} | {f"n{i}": ["5", "17"] for i in range(1, n)})
    return schema, policy, table


def assert_legible(figure, axes, labels):
    """The rows are labelled, no label is cut off, and none is written over another."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    boxes = [t.get_window_extent() for t in axes.get_yticklabels()]
    assert [t.get_text() for t in axes.get_yticklabels()] == list(labels)
    assert all(box.x0 >= 0 and box.y0 >= 0 and box.y1 <= figure.bbox.height for box in boxes)
    spans = sorted((box.y0, box.y1) for box in boxes)
    assert all(below <= above + 1 for (_, below), (above, _) in itertools.pairwise(spans))


def test_diagrams(entries, tmp_path):
    line = to_lines(entries, ASSISTED_LIVING)[0]
    view = view_lines(apply_policy(entries), ASSISTED_LIVING)[0]
    views = {r: r[:5] for r in TABLE_I.receivers}
    words = (["john", "has", "alzheimer"], ["*", "has", "dementia"])
    what = [Operation.DELETE, Operation.DISCLOSE, Operation.GENERALISE]
    for name, figure, says in (
        ("cell", plotting.lstm_cell(), ["forget", "input", "candidate", "output", "$c_t$"]),
        ("system", plotting.architecture(views), ["researcher", "17 disclosed, 3 generalised"]),
        ("model", plotting.encoder_decoder(line, view), ["the code at every step", "start"]),
        ("operations", plotting.operations(*words, what), ["dementia", "Delete", "Generalise"]),
    ):
        assert set(says) <= set(texts(figure)), name
        plotting.write_figure(figure, tmp_path / f"{name}.png")
        assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("decoded", "title", "marks"),
    [
        ("a|b|c", "0 edits on 5 expected characters", 0),
        ("a|x|c", "1 edit on 5 expected characters", 1),
        ("a||c", "1 edit on 5 expected characters", 1),
        ("a|b|cdd", "2 edits on 5 expected characters", 2),
        ("", "5 edits on 5 expected characters", 5),
    ],
)
def test_aligned_lines_mark_every_error(decoded, title, marks):
    figure = plotting.aligned(decoded, "a|b|c")
    assert title in texts(figure)
    assert len(figure.axes[0].patches) == texts(figure).count("^") == marks


def test_aligned_lines_break_after_a_separator():
    figure = plotting.aligned("ab|cd|ef", "ab|cd|ef", width=4)
    letters = [t for t in figure.findobj(Text) if len(t.get_text()) == 1]
    rows = {}
    for letter in letters:
        rows.setdefault(letter.get_position()[1], []).append(letter.get_text())
    assert {"".join(row) for row in rows.values()} == {"ab|", "cd|", "ef"}
    figure = plotting.aligned("abcdef", "abcdef", width=4)
    assert {t.get_text() for t in figure.findobj(Text)} >= set("abcdef")


def test_the_architecture_of_any_policy():
    _, policy, _ = small()
    figure = plotting.architecture({"nurse": "* ...", "friend": "ann ..."}, policy)
    assert {"nurse", "2 generalised, 1 deleted", "3 disclosed"} <= set(texts(figure))
    many = Policy({f"r{i}": policy.rules["friend"] for i in range(9)}, policy.schema)
    figure = plotting.architecture(dict.fromkeys(many.receivers, "ann ..."), many)
    low, high = figure.axes[0].get_ylim()
    assert all(
        low < text.get_position()[1] < high for text in figure.findobj(Text) if text.get_text()
    )


@pytest.mark.parametrize("n", [1, 3, 45])
def test_figures_have_a_row_for_each_attribute_of_a_schema(n):
    schema, policy, table = small(n)
    expected = to_lines(table, schema)
    wrong = expected.str.replace("ann", "anna")
    scores = {f"table {i}": score(wrong, expected, schema) for i in range(4)}
    figure = plotting.attribute_errors(scores, schema)
    assert_legible(figure, figure.axes[0], schema.labels)
    bars = [bar.get_width() for bar in figure.axes[0].patches]
    assert bars == ([0.5] + [0] * (n - 1)) * 4
    for draw in (plotting.view_errors, plotting.single_errors):
        figure = draw(scores, schema)
        assert_legible(figure, figure.axes[0], schema.labels)
    shares = dict.fromkeys(schema.names, 0.5)
    mismatches = [Mismatch("a", "b", 1.0, 2.0, 3.0, shares, shares)]
    figure = plotting.hits_and_chance(mismatches, schema)
    assert_legible(figure, figure.axes[0], schema.labels)
    views = {r: apply_policy(table, policy, r).iloc[0] for r in policy.receivers}
    figure = plotting.view_table(table.iloc[0], views, schema)
    FigureCanvasAgg(figure).draw()
    (drawn,) = figure.axes[0].tables
    cells = drawn.get_celld()
    assert [cells[i + 1, -1].get_text().get_text() for i in range(n)] == list(schema.labels)
    assert [cells[1, i].get_text().get_text() for i in range(3)] == ["ann lee", "*", "ann lee"]
    for cell in cells.values():
        text, box = cell.get_text().get_window_extent(), cell.get_window_extent()
        assert text.width < box.width
        assert text.height < box.height + 1
        assert box.x0 >= -1


def test_figures_of_results(entries):
    expected = to_lines(entries, ASSISTED_LIVING)
    both = ("doctor", "researcher.blind")
    scores = {name: score(expected, expected, ASSISTED_LIVING) for name in both}
    found = texts(plotting.error_distribution(scores))
    assert "doctor: 100.0% without an error" in found
    assert "researcher, blind: 100.0% without an error" in found
    wrong = expected.copy()
    wrong[0] = wrong[0].replace("|male|", "|mule|").replace("|female|", "|femule|")
    found = texts(
        plotting.single_errors({"doctor": score(wrong, expected, ASSISTED_LIVING)}, ASSISTED_LIVING)
    )
    assert "100%" in found
    assert "doctor\n(1 entries)" in found
    b = "b.blind"
    pairs = [("a", "a", 0.25), ("a", b, 90.0), (b, "a", 91.0), (b, b, 0.5)]
    mismatches = [Mismatch(e, d, error, 50.0, 60.0, {}, {}) for e, d, error in pairs]
    found = texts(plotting.mismatch_matrix(mismatches))
    assert {"code of a", "decoder of\nb, blind", "0.25", "91.00", "60.00", "50.00"} <= set(found)
    hits, chance = dict.fromkeys(NAMES, 0.25), dict.fromkeys(NAMES, 0.75)
    mismatches = [Mismatch(e, d, 1.0, 50.0, 60.0, hits, chance) for e, d, _ in pairs]
    figure = plotting.hits_and_chance(mismatches, ASSISTED_LIVING)
    assert {"Timestamp", "dealt out at random", "a decoder that doesn't match"} <= set(
        texts(figure)
    )
    # A ring, a dot and their difference for each attribute of each of the two mismatched pairs.
    lines = [*figure.axes[0].lines, figure.axes[1].lines[0]]
    assert [set(line.get_xdata()) for line in lines] == [{0.75}, {0.25}, {-50.0}]
    assert [len(line.get_xdata()) for line in lines] == [2 * len(NAMES)] * 3
    wrong = expected.str.replace(r"\|(fe)?male\|", "|mule|", regex=True)
    of_doctor = score(wrong, expected, ASSISTED_LIVING)
    found = texts(plotting.view_errors({"doctor": of_doctor}, ASSISTED_LIVING))
    assert f"{of_doctor.attributes['gender']:.2f}" in found
    assert f"doctor\n({of_doctor.character_error:.2f})" in found


def test_figures_of_data_and_insides(entries, tmp_path):
    found = texts(plotting.distributions(entries))
    assert {
        "age in years",
        "women",
        "kitchen",
        "energy in Wh, last hour\nmedian, middle half",
    } <= set(found)
    rng = np.random.default_rng(0)
    places, shares = rng.normal(size=(6, 2)), np.array([0.5, 0.25])
    found = texts(plotting.code_map({"by user": (places, shares, ["a", "a", "b", "b", "c", "c"])}))
    assert {"a", "b", "c", "by user", "second component, 25% of the variance"} <= set(found)
    figure = plotting.unit_activity(
        rng.uniform(-1, 1, (9, 4)), "john|80", [2, 0], ["two", "none"], 1
    )
    assert {"two", "none", "|", "8"} <= set(texts(figure))
    assert "the line, which is read from the right" in texts(figure)
    (image,) = figure.axes[0].images
    assert image.get_array().shape == (2, 7)
    rows = [(n, kind, 100 / n, 0.1) for n in (10, 100) for kind in ("seen", "unseen")]
    table = pd.DataFrame(rows, columns=["users", "test set", "character error", "standard error"])
    assert {"seen", "unseen", "users"} <= set(texts(plotting.comparison(table, "users", "users")))
    values = pd.DataFrame(
        {"begins": [0, 25, 25], "length": [5, 5, 10], "known": [0, 12, 30], "wrong": [1, 0, 3]}
    )
    figure = plotting.error_anatomy(values, few=1)
    assert {"0", "10", "length of the value"} <= set(texts(figure))
    assert list(figure.axes[0].lines[0].get_ydata()) == [200, 200]
    assert list(figure.axes[1].lines[0].get_ydata()) == [100, 300]
    assert list(figure.axes[2].lines[0].get_ydata()) == [200, 200]
    # Only one value stands at the beginning.
    assert list(plotting.error_anatomy(values, few=2).axes[0].lines[0].get_ydata()) == [200]


def test_an_svg_is_the_same_whenever_it_is_written(tmp_path):
    for name in ("a", "b"):
        plotting.write_figure(plotting.lstm_cell(), tmp_path / f"{name}.svg")
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    assert ">forget<" in (tmp_path / "a.svg").read_text()
    with pytest.raises(InputError, match=r"a\.jpgg: unknown ending 'jpgg'; expected .*svg"):
        plotting.write_figure(plotting.lstm_cell(), tmp_path / "a.jpgg")


def test_a_learning_curve_shows_windows_of_whole_attributes():
    log = pd.DataFrame({"seconds": [60, 120], "character_error": [30.0, 1.5], "window": [2, 3]})
    figure = plotting.learning_curve(log)
    FigureCanvasAgg(figure).draw()
    errors, windows = figure.axes
    assert list(errors.lines[0].get_xdata()) == [1, 2]
    assert [y for y in windows.get_yticks() if y <= windows.get_ylim()[1]] == [0, 1, 2, 3]


def test_attacks_with_several_pairs_are_several_lines():
    rows = [
        ("linear map", n, own, 50.0 / n, 0.0, 60.0, 55.0, 0.3)
        for own in ("twin", "family_member")
        for n in (10, 100)
    ]
    columns = ["attack", "known", "own", "value", "low", "high", "baseline", "control"]
    figure = plotting.attack_curve(pd.DataFrame(rows, columns=columns))
    found = texts(figure)
    assert {"linear map, own pair: twin", "linear map, own pair: family member"} <= set(found)
    # Of the guess's 55 - 0.3, the rightful reader's error taken off both.
    shares = figure.axes[0].lines[0].get_ydata()
    assert list(shares) == pytest.approx([4.7 / 54.7, 0.2 / 54.7])


def test_noise_is_seen_in_cost_and_in_what_it_hides():
    rows = []
    for size in (0.0, 0.1, 1.0):
        rows += [
            ("remedy: noise, receiver reads", size, "", "", CHARACTER_ERROR, 1 + size, 80.0, True),
            (
                "remedy: noise, receiver reads",
                size,
                "",
                "",
                "share of right values",
                0.9,
                0.3,
                True,
            ),
        ]
        rows += [
            ("remedy: noise, linear probe", size, name, "D", "last digit",
             value - 0.1 * size, 0.3, value > 0.5)
            for name, value in (("date_of_birth", 0.6), ("age", 0.4))
        ]  # fmt: skip
    columns = ["attack", "size", "attribute", "operation", "measure", "value", "baseline",
               "beats_baseline"]  # fmt: skip
    figure = plotting.noise_tradeoff(pd.DataFrame(rows, columns=columns))
    costs, hides = figure.axes
    assert list(costs.lines[0].get_ydata()) == pytest.approx([1, 1.1, 2])
    assert list(hides.lines[0].get_ydata()) == pytest.approx([30, 29, 20])
    assert [t.get_text() for t in hides.get_xticklabels()] == ["0", "0.1", "1"]
    assert {"date of birth (deleted)", "others, which tell nothing"} <= set(texts(figure))
    assert "age (deleted)" not in texts(figure)


def test_what_is_told_of_hidden_values_is_the_best_probes():
    rows = [
        ("full_name", "D", "first letter", 0.5, 0.2, 0.6, 0.4, False),
        ("full_name", "D", "first letter", 0.7, 0.6, 0.8, 0.4, True),
        ("age", "G", "last digit", 0.3, 0.2, 0.4, 0.25, False),
    ]
    columns = ["attribute", "operation", "measure", "value", "low", "high", "baseline",
               "beats_baseline"]  # fmt: skip
    findings = pd.DataFrame(rows, columns=columns)
    figure = plotting.hidden_values({"a pair": findings, "another": findings[2:]})
    rows = {"full name (deleted): first letter", "age (generalised): last digit"}
    assert {"a pair", "another", *rows} <= set(texts(figure))
    told, not_told = figure.axes[0].containers
    assert list(told.lines[0].get_xdata()) == [0.7]
    assert list(not_told.lines[0].get_xdata()) == [0.3]
    assert len(figure.axes[1].containers[0].lines[0].get_xdata()) == 0
