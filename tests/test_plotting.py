"""Every figure is drawn, says what it should, and is written as a picture."""

import base64
import itertools
import re
from dataclasses import replace

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
from aalprivacy.plotting.html import WIDTH
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
    ("decoded", "says", "removed", "inserted"),
    [
        ("a|b|c", "no edits", "", ""),
        ("a|x|c", "1 edit", "x", "b"),
        ("a||c", "1 edit", "", "b"),
        ("a|b|cdd", "2 edits", "dd", ""),
        ("", "5 edits", "", "a|b|c"),
        ("a|<|c", "1 edit", "&lt;", "b"),
    ],
)
def test_aligned_lines_mark_every_error(decoded, says, removed, inserted):
    for made in (
        plotting.aligned(decoded, "a|b|c"),
        plotting.differences(pd.Series([decoded]), pd.Series(["a|b|c"])),
    ):
        assert "".join(re.findall("<del>(.*?)</del>", made)) == removed
        assert "".join(re.findall("<ins>(.*?)</ins>", made)) == inserted
    assert f"which takes {says} to put right" in plotting.aligned(decoded, "a|b|c")
    assert (f"({says})" if says != "no edits" else "(right)") in made


def test_aligned_lines_break_after_a_separator_where_a_telephone_ends():
    value = "v" * (WIDTH // 2 - 2)
    line = "|".join([value] * 5)
    made = plotting.aligned(line, line)
    rows = [row.split("\n") for row in re.findall("<pre>(.*?)</pre>", made, re.S)]
    assert [upper for upper, _ in rows] == [lower for _, lower in rows]
    assert [upper for upper, _ in rows] == [f"{value}|{value}|"] * 2 + [value]
    long = "w" * (2 * WIDTH + 1)
    made = plotting.aligned(long, long)
    assert [len(row) for row in re.findall("<pre>(.*?)\n", made)] == [WIDTH, WIDTH, 1]
    # A missing character leaves a gap, so that those behind it stand below their own.
    made = plotting.aligned("ac", "abc")
    assert re.findall("<pre>(.*?)</pre>", made, re.S) == ["a<ins>b</ins>c\na c"]


def test_a_view_for_a_page_tells_operations_without_colour():
    schema, policy, table = small()
    views = {r: apply_policy(table, policy, r).iloc[0] for r in policy.receivers}
    made = plotting.view_page(table.iloc[0], views, schema)
    assert '<td class="aal-D" data-of="nurse">*</td>' in made
    assert '<td class="aal-G" data-of="nurse"><em>0-9</em></td>' in made
    assert '<td class="aal-F" data-of="friend">5</td>' in made
    assert made.count("<tr>") == 1 + len(schema)
    assert f'<th scope="row">{schema.labels[0]}</th>' in made


def test_a_table_has_words_for_headings_and_numbers_as_people_write_them():
    frame = pd.DataFrame(
        {
            "character_error": [0.12345, np.nan], "entries": [200000, 3],
            "beats_baseline": [True, False], "note": ["a < b", "off by 0.5"],
        },
        index=pd.MultiIndex.from_tuples([("family_member", "seen"), ("family_member", "open")]),
    )  # fmt: skip
    made = plotting.table(frame, {"character_error": "{:.3f}"})
    cells = re.findall("<t[dh](?: [^>]*)?>(.*?)</t[dh]>", made)
    assert cells[:6] == ["", "", "character error", "entries", "beats baseline", "note"]
    assert cells[6:12] == ["family member", "seen", "0.123", "200,000", "yes", "a &lt; b"]
    assert cells[12:] == ["", "open", "–", "3", "no", "off by 0.5"]
    assert 'border="' not in made
    plain = plotting.table(frame, index=False)
    assert re.findall("<td.*?>(.*?)</td>", plain)[0] == "0.12"
    assert "family member" not in plain
    shown = plain._repr_mimebundle_()
    assert shown["text/html"] == plain
    named = frame.reset_index(drop=True).rename_axis("of_what")
    assert ">of what<" in plotting.table(named)
    assert ">0.5<" in plotting.table(named.set_axis([0.5, 1.5]))
    assert made.count(' class="number"') == 2 * 3  # of two columns, heading and two rows


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
    first = [schema.labels[0]]
    for draw in (plotting.attribute_errors, plotting.view_errors, plotting.single_errors):
        figure = draw(scores, schema)
        # The others have no wrong character, so they have no row.
        assert_legible(figure, figure.axes[0], first)
    bars = [bar.get_width() for bar in plotting.attribute_errors(scores, schema).axes[0].patches]
    assert bars == [0.5] * 4
    every = dict.fromkeys(schema.names, 0.5)
    worse = {name: replace(one, attributes=every, single=every) for name, one in scores.items()}
    for draw in (plotting.attribute_errors, plotting.view_errors, plotting.single_errors):
        figure = draw(worse, schema)
        assert_legible(figure, figure.axes[0], schema.labels)
    shares = dict.fromkeys(schema.names, 0.5)
    mismatches = [Mismatch("a", "b", 1.0, 2.0, 3.0, shares, shares)]
    figure = plotting.hits_and_chance(mismatches, schema)
    FigureCanvasAgg(figure).draw()
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
    assert "doctor: 100.0% without, 0.00 mean" in found
    assert "researcher, blind: 100.0% without, 0.00 mean" in found
    assert "the paper's mean: 1.5" in found
    wrong = expected.copy()
    wrong[0] = wrong[0].replace("|male|", "|mule|").replace("|female|", "|femule|")
    found = texts(
        plotting.single_errors({"doctor": score(wrong, expected, ASSISTED_LIVING)}, ASSISTED_LIVING)
    )
    assert "100%" in found
    assert "doctor\n1 entry" in found
    assert {"Gender", "Timestamp (so the paper)"} <= set(found)
    assert "Name" not in found
    b = "b.blind"
    pairs = [("a", "a", 0.25), ("a", b, 90.0), (b, "a", 91.0), (b, b, 0.5)]
    mismatches = [Mismatch(e, d, error, 50.0, 60.0, {}, {}) for e, d, error in pairs]
    found = texts(plotting.mismatch_matrix(mismatches))
    assert {"code of a", "decoder of\nb, blind", "0.25", "91", "60", "50", "matched"} <= set(found)
    assert any("a wrong decoder does worse than one constant line" in text for text in found)
    reads = [Mismatch(e, d, 20.0, 50.0, 60.0, {}, {}) for e, d, _ in pairs]
    found = texts(plotting.mismatch_matrix(reads))
    assert not any("worse" in text for text in found)
    nothing = dict.fromkeys(NAMES, 0.0)
    hits, chance = nothing | {"gender": 0.5, "age": 0.1}, nothing | {"gender": 0.6, "age": 0.1}
    mismatches = [Mismatch(e, d, 1.0, 50.0, 60.0, hits, chance) for e, d, _ in pairs]
    figure = plotting.hits_and_chance(mismatches, ASSISTED_LIVING)
    assert {"Gender", "Age", "18 more attributes", "as many as by chance"} <= set(texts(figure))
    # A point for each of the two mismatched pairs; the attributes that are hit most first.
    _, gender, age, others = figure.axes[0].lines
    assert (set(gender.get_xdata()), set(gender.get_ydata())) == ({0.6}, {0.5})
    assert (set(age.get_xdata()), set(age.get_ydata())) == ({0.1}, {0.1})
    assert [len(line.get_xdata()) for line in (gender, age, others)] == [2, 2, 2 * 18]
    assert "beyond chance is -0.50% of the values" in figure.alt
    wrong = expected.str.replace(r"\|(fe)?male\|", "|mule|", regex=True)
    of_doctor = score(wrong, expected, ASSISTED_LIVING)
    found = texts(plotting.view_errors({"doctor": of_doctor}, ASSISTED_LIVING))
    assert f"{of_doctor.attributes['gender']:.2f}" in found
    assert f"doctor\n{of_doctor.character_error:.2f} in all" in found
    rounded = dict.fromkeys(NAMES, 0.0) | {"age": 0.001, "name": 0.5}
    little = {"a": replace(of_doctor, attributes=rounded)}
    little["b"] = replace(of_doctor, attributes=rounded | {"age": 0.01, "name": 0.0})
    found = texts(plotting.view_errors(little, ASSISTED_LIVING))
    assert {"Name", "Age", "<0.01", "–", "0.50"} <= set(found)
    assert "Gender" not in found


def test_figures_of_data_and_insides(entries, tmp_path):
    found = texts(plotting.distributions(entries))
    assert {"age in years", "women", "kitchen", "energy: median, and the middle half"} <= set(found)
    rng = np.random.default_rng(0)
    places, shares = rng.normal(size=(6, 2)), np.array([0.5, 0.25])
    found = texts(plotting.code_map({"by user": (places, shares, ["a", "a", "b", "b", "c", "c"])}))
    assert {"a", "b", "c", "by user", "second direction, 25% of the variance"} <= set(found)
    figure = plotting.unit_activity(
        rng.uniform(-1, 1, (9, 4)), "john|80", [2, 0], ["two", "none"], 1
    )
    assert {"two", "none", "|", "8"} <= set(texts(figure))
    assert "the line, which is read from the right" in texts(figure)
    (image,) = figure.axes[0].images
    assert image.get_array().shape == (2, 7)
    rows = [(n, kind, 100 / n, 0.1) for n in (10, 100) for kind in ("seen", "unseen")]
    table = pd.DataFrame(rows, columns=["users", "test set", "character error", "standard error"])
    found = texts(plotting.comparison(table, "users", "users"))
    assert {"seen", "unseen", "users", "the paper: 1.5"} <= set(found)
    values = pd.DataFrame(
        {"attribute": ["age", "age", "name"], "begins": [0, 25, 25], "length": [5, 5, 10],
         "known": [0, 12, 30], "wrong": [1, 0, 3]}
    )  # fmt: skip
    figure = plotting.error_anatomy(values, ASSISTED_LIVING, few=1)
    assert {"0", "10", "length of the value", "all attributes", "without Name"} <= set(
        texts(figure)
    )
    assert list(figure.axes[0].lines[0].get_ydata()) == [200, 200]
    assert list(figure.axes[1].lines[0].get_ydata()) == [100, 300]
    assert list(figure.axes[2].lines[0].get_ydata()) == [200, 200]
    # The second time without the name, which has the most wrong characters.
    drawn = [bars.lines[0] for bars in figure.axes[0].containers]
    assert [list(line.get_ydata()) for line in drawn] == [[200, 200], [200, 0]]
    # Only one value stands at the beginning.
    figure = plotting.error_anatomy(values, ASSISTED_LIVING, few=2)
    assert list(figure.axes[0].lines[0].get_ydata()) == [200]


def test_an_svg_is_the_same_whenever_it_is_written(tmp_path):
    for name in ("a", "b"):
        plotting.write_figure(plotting.lstm_cell(), tmp_path / f"{name}.svg")
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    svg = (tmp_path / "a.svg").read_text()
    assert ">forget<" in svg
    assert "<title>One step of an LSTM." in svg
    with pytest.raises(InputError, match=r"a\.jpgg: unknown ending 'jpgg'; expected .*svg"):
        plotting.write_figure(plotting.lstm_cell(), tmp_path / "a.jpgg")


def test_a_picture_in_a_notebook_has_its_words_as_alternative_text():
    figure = plotting.lstm_cell()
    assert figure.alt.startswith("One step of an LSTM.")
    alt, source = re.search('<img alt="(.*?)" .*base64,(.*)">', figure.to_html()).groups()
    assert alt == figure.alt
    assert base64.b64decode(source).startswith(b"\x89PNG")
    titled = plotting.Drawing(2, 1, 'Does "it"\nhold?')
    assert '<img alt="Does &quot;it&quot; hold?" ' in titled.to_html()
    titled = plotting.Drawing(2, 1, "Does it\nhold?")
    assert titled.alt == "Does it hold?"
    titled.details = "It does"
    assert titled.alt == "Does it hold? It does."


def test_learning_curves_end_with_the_last_error_of_each():
    log = pd.DataFrame({"update": [1000, 2000], "character_error": [30.0, 1.25], "window": [2, 3]})
    figure = plotting.learning_curves({"a.blind": log, "b": log.assign(character_error=[9.0, 0.0])})
    assert {"a, blind: 1.25", "b: 0.00", "the paper: 1.5"} <= set(texts(figure))
    assert "a, blind 1.25 after 2,000 updates, b 0.00 after 2,000 updates" in figure.alt
    assert figure.axes[0].get_ylim()[0] > 0


def test_a_learning_curve_shows_windows_of_whole_attributes():
    log = pd.DataFrame({"update": [1, 2], "character_error": [30.0, 1.5], "window": [2, 3]})
    figure = plotting.learning_curve(log)
    FigureCanvasAgg(figure).draw()
    errors, windows = figure.axes
    assert list(errors.lines[0].get_xdata()) == [1, 2]
    assert [y for y in windows.get_yticks() if y <= windows.get_ylim()[1]] == [0, 1, 2, 3]


def test_trainings_are_drawn_beside_one_line_for_everybody():
    figure = plotting.against_length({1: 0.5, 4: 20.0}, {1: 6.0, 4: 21.0}, "It guesses")
    assert {"It guesses", "one line for everybody", "1", "4"} <= set(texts(figure))
    assert figure.alt.endswith("1: 0.5, one line 6.0; 4: 20.0, one line 21.0.")
    rows = [("plain", 1, 20.0, 21.0), ("plain", 2, 10.0, 19.0), ("both", 2, 3.0, 4.0)]
    columns = ["training", "updates", "known people", "new people"]
    figure = plotting.side_by_side(pd.DataFrame(rows, columns=columns), 22.0)
    assert {"plain", "both", "known people", "new people"} <= set(texts(figure))
    drawn = [[list(line.get_ydata()) for line in axes.lines[:2]] for axes in figure.axes]
    assert drawn == [[[20, 10], [3]], [[21, 19], [4]]]
    assert "plain, 10.0 on known people and 19.0 on new; both, 3.0" in figure.alt
    shares = {"forgets": np.array([0.5, 1e-4])}
    figure = plotting.memories(shares, np.array([1, 30]), 0.73)
    assert {"forgets", "0.73 to the power of the steps"} <= set(texts(figure))
    assert "forgets, 0.5 at 1 and 1e-04 at 30 steps before the end" in figure.alt


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
    looks = [(bars.lines[0].get_marker(), bars.lines[0].get_linestyle())
             for bars in figure.axes[0].containers]  # fmt: skip
    assert len(set(looks)) == 2  # told apart without colour
    assert "linear map, own pair: twin, 0% with 100 known" in figure.alt


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
        # Another question, whose answer tells less.
        rows.append(("remedy: noise, linear probe", size, "date_of_birth", "D",
                     "above the middle", 0.55, 0.5, size < 1))  # fmt: skip
    columns = ["attack", "size", "attribute", "operation", "measure", "value", "baseline",
               "beats_baseline"]  # fmt: skip
    figure = plotting.noise_tradeoff(pd.DataFrame(rows, columns=columns))
    costs, hides = figure.axes
    assert list(costs.lines[0].get_ydata()) == pytest.approx([1, 1.1, 2])
    assert list(hides.lines[0].get_ydata()) == pytest.approx([30, 29, 20])
    assert [t.get_text() for t in hides.get_xticklabels()] == ["0", "0.1", "1"]
    found = set(texts(figure))
    assert {"date of birth (deleted)", "1 more, which tells nothing", "the paper: 1.5"} <= found
    assert "age (deleted)" not in texts(figure)


def test_what_is_told_of_hidden_values_is_the_best_probes():
    rows = [
        ("full_name", "D", "first letter", 0.5, 0.2, 0.6, 0.4, False),
        ("full_name", "D", "first letter", 0.7, 0.6, 0.8, 0.4, True),
        ("age", "G", "last digit", 0.3, 0.2, 0.4, 0.25, False),
        ("age", "G", "the value", 0.0, 0.0, 0.0, 0.0, False),
    ]
    columns = ["attribute", "operation", "measure", "value", "low", "high", "baseline",
               "beats_baseline"]  # fmt: skip
    findings = pd.DataFrame(rows, columns=columns).assign(known=1000)
    figure = plotting.hidden_values({"a pair": findings, "another": findings[2:]})
    # Only what is told beyond the view is drawn.
    assert_legible(figure, figure.axes[0], ["full name (deleted): first letter"])
    note = "share of people of whom it is told\n(and 2 others: no more than the view)"
    assert {"a pair", "another", note} <= set(texts(figure))
    assert texts(figure).count("not asked") == 1  # nobody asked for the other's names
    assert "a pair: full name (deleted): first letter 70% instead of 40%" in figure.alt
    assert "another: nothing more than the view" in figure.alt
    told, not_told = figure.axes[0].containers
    assert list(told.lines[0].get_xdata()) == [0.7]
    assert len(not_told.lines[0].get_xdata()) == 0
    assert len(figure.axes[1].containers[0].lines[0].get_xdata()) == 0
    # Without a leak the nearest rows are drawn, so that the figure still shows what was asked.
    figure = plotting.hidden_values({"a blind pair": findings[2:]})
    assert_legible(figure, figure.axes[0], ["age (generalised): the value",
                                            "age (generalised): last digit"])  # fmt: skip
    assert not [text for text in texts(figure) if "other" in text]


def test_ingredients_are_sorted_and_the_seeds_share_a_row():
    ends = {"full recipe": 1.0, "without places": 1.5, "full recipe, second seed": 2.0,
            "without windows": 50.0}  # fmt: skip
    curves = pd.DataFrame(
        [(name, 6000, end, 2 * end, 1.1 * end) for name, end in ends.items()],
        columns=["training", "update", "unseen", "open", "disturbed"],
    )
    figure = plotting.ingredients(curves, "full recipe")
    rows = ["without windows", "without places", "full recipe"]
    assert_legible(figure, figure.axes[0], rows)
    unseen = figure.axes[0].lines[0]
    points = sorted(zip(unseen.get_ydata(), unseen.get_xdata(), strict=True))
    assert points == [(0, 50.0), (1, 1.5), (2, 1.0), (2, 2.0)]
    assert "without places: 1.50" in figure.alt
    assert "wrong characters per entry after 6,000 updates" in texts(figure)


def test_errors_by_updates_have_all_trainings_and_all_samples():
    curve = pd.DataFrame({"training": "batches of 8", "update": [10, 50, 100],
                          "entries": [100_000, 500_000, 1_000_000],
                          "own test": [9.0, 3.0, 2.0], "open": [9.5, 5.0, 4.0]})  # fmt: skip
    curves = pd.concat([curve, curve[:1].assign(training="batches of 4")])
    figure = plotting.errors_by_updates(curves, ["own test", "open"], "A recipe", guess=60)
    left, right = figure.axes
    assert [line.get_label() for line in left.lines[:2]] == ["batches of 8", "batches of 4"]
    assert list(left.lines[0].get_xdata()) == [10, 50, 100]
    assert list(left.lines[1].get_ydata()) == [9.0]
    assert [line.get_label() for line in right.lines] == ["own test", "open"]
    assert list(right.lines[1].get_xdata()) == [50, 100]
    assert list(right.lines[1].get_ydata()) == [5.0, 4.0]
    assert {"a guess: 60", "the paper: 1.5"} <= set(texts(figure))
    assert "batches of 8, after 1,000,000 entries: own test 2.00, open 4.00; batch" in figure.alt


def test_a_learning_curve_without_an_error_ends_on_its_foot():
    log = pd.DataFrame({"update": [1, 2, 3], "character_error": [3.0, 0.0, 0.0], "window": 2})
    figure = plotting.learning_curve(log, paper=False)
    FigureCanvasAgg(figure).draw()
    assert "none wrong" in texts(figure)
    assert "the paper: 1.5" not in texts(figure)
    assert figure.axes[0].get_ylim()[0] > 0
    assert list(figure.axes[0].lines[-1].get_xdata()) == [2, 3]


def test_code_sizes_tell_small_codes_from_full_ones():
    rows = pd.DataFrame({
        "type": ["float32", "small", "small"], "bytes": [1900.0, 100.0, 20.0],
        "character_error": [0.04, 0.05, 3.0], "standard_error": [0.01, 0.01, 0.2],
    })  # fmt: skip
    figure = plotting.code_sizes({"doctor": rows, "researcher.blind": rows})
    assert {"doctor", "researcher, blind", "float32"} <= set(texts(figure))
    assert "none wrong" not in texts(figure)
    assert "doctor 3.00 with 20 bytes, doctor 0.05 with 100 bytes" in figure.alt
    assert "1900" not in figure.alt
    rows.loc[1, "character_error"] = 0.0
    assert "none wrong" in texts(plotting.code_sizes({"doctor": rows}))
