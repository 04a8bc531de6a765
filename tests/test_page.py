"""The live page does in a browser what the package does in Python."""

import json
import re
import shutil
import subprocess
import time
from itertools import pairwise, product

import numpy as np
import pandas as pd
import pytest

from aalprivacy.attributes import Attribute, Form
from aalprivacy.errors import InputError
from aalprivacy.generalisation import RULES, Bands, First, LastWord, Range
from aalprivacy.homes import simulate
from aalprivacy.page import LIVE, _schema, main, write_page
from aalprivacy.pair import load_pair, shipped_names, shipped_pairs
from aalprivacy.policy import TABLE_I
from aalprivacy.schema import ASSISTED_LIVING, Schema
from aalprivacy.text import character_errors, from_lines, to_lines, view_lines
from aalprivacy.views import apply_policy


@pytest.fixture
def in_node(tmp_path):
    """Run JavaScript with the page's own in front of it; `given` is what it was given."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node on this machine; it runs the page's JavaScript without a browser")

    def in_node(code, given=None):
        own = "".join((LIVE / name).read_text("utf-8") for name in ("lstm.js", "rule.js"))
        read = "const given = JSON.parse(require('fs').readFileSync(0, 'utf8'));"
        run = f"(async () => {{ {code} }})().then((made) => console.log(JSON.stringify(made)));"
        script = tmp_path / "script.js"
        script.write_text("\n".join((own, read, run)), "utf-8")
        done = subprocess.run(
            [node, script], input=json.dumps(given), capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return in_node


@pytest.fixture
def lines_of(in_node, tmp_path):
    """The codes and lines that the page's JavaScript makes of lines, by its files of pairs."""

    def lines_of(pair, entries):
        lines = pair.view_lines(entries) if pair.blind else to_lines(entries, pair.schema)
        write_page(tmp_path / "page", {"one": pair}, entries)
        read = """
          let pair;
          globalThis.addPair = (name, { weights }) => (pair = weights);
          eval(given.script);
          pair = readSafetensors(await unpack(pair));
          const encoder = new Lstm(pair, "encoder"), decoder = new Lstm(pair, "decoder");
          const { alphabet, longest } = given, before = { read: [], states: [] };
          const codes = given.lines.map((line) => encode(encoder, line, alphabet, before));
          return codes.map((code) => [Array.from(code), decode(decoder, code, alphabet, longest)]);
        """
        given = {
            "script": (tmp_path / "page" / "pairs" / "one.js").read_text(),
            "lines": [*lines, lines.iloc[0]],  # the first again, after others
            "alphabet": pair.schema.alphabet,
            "longest": pair.schema.longest,
        }
        codes, written = zip(*in_node(read, given), strict=True)
        assert codes[-1] == codes[0]
        return np.array(codes[:-1]), list(written[:-1])

    return lines_of


@pytest.mark.parametrize(
    "choices",
    [{"places": 5}, {"places": 0, "reverse": False}, {"places": 7, "code_at_every_step": False},
     {"places": 3, "blind": True, "units": 9}],
    ids=str,
)  # fmt: skip
def test_any_architecture_writes_the_same_lines(lines_of, make_pair, choices):
    pair = make_pair(scale=1, **choices)
    bias = pair.weights["decoder/scores/bias"].copy()
    bias[pair.architecture.separator] += 4  # so that lines have values
    pair = pair.with_weights({"decoder/scores/bias": bias}).halved()
    entries = simulate(50, 1, seed=5)
    codes, written = lines_of(pair, entries)
    expected = pair.encode_entries(entries)
    np.testing.assert_allclose(codes, expected, atol=1e-5)
    # Random weights make chaos of a last digit's difference, later on.
    begun = [line[:50] for line in written]
    assert begun == [line[:50] for line in pair.decode(expected)]
    assert len(set(begun)) > 5 and "|" in "".join(begun)  # or no difference could show


def test_a_shipped_pair_writes_the_same_lines(lines_of):
    _same_lines(lines_of, shipped_names()[-1], 8)


@pytest.mark.slow
@pytest.mark.parametrize("name", shipped_names())
def test_shipped_pairs_write_the_same_lines_of_200_entries(lines_of, name):
    _same_lines(lines_of, name, 200)


def _same_lines(lines_of, name, n):
    pair = load_pair(name).halved()
    entries = simulate(n, 1, seed=6, missing=0.02, abnormal=0.02)
    codes, written = lines_of(pair, entries)
    expected = pair.encode_entries(entries)
    np.testing.assert_allclose(codes, expected, atol=1e-4)
    assert written == pair.decode(expected).tolist()


def test_a_rekeyed_pair_is_pythons(in_node, make_pair):
    pair = make_pair(places=4)
    plain = {name: array.ravel().tolist() for name, array in pair.weights.items()}
    rng = np.random.default_rng(3)
    units = pair.architecture.units
    order, sign = rng.permutation(units), rng.choice([-1, 1], units)
    made = in_node(
        """
        const { turns: how, architecture } = given, arrays = {};
        for (const name in given.arrays) arrays[name] = Float32Array.from(given.arrays[name]);
        const { arrays: made } = rekeyed({ architecture, arrays }, how);
        const own = turns(architecture.units, 7);
        return [Object.fromEntries(Object.keys(made).map((k) => [k, Array.from(made[k])])), own];
        """,
        {"arrays": plain, "architecture": vars(pair.architecture),
         "turns": {"order": order.tolist(), "sign": sign.tolist()}},
    )  # fmt: skip
    for name, array in pair.rekeyed(3).weights.items():
        np.testing.assert_allclose(made[0][name], array.ravel(), rtol=1e-6, err_msg=name)
    assert sorted(made[1]["order"]) == list(range(units)) != made[1]["order"]
    assert set(made[1]["sign"]) == {-1, 1}


def test_every_float16_is_read(in_node):
    made = in_node("return Array.from(fromHalves(Uint16Array.from({length: 31744}, (_, i) => i)))")
    assert made == np.arange(31744, dtype=np.uint16).view(np.float16).astype(float).tolist()


def views_in_node(in_node, policy, receiver, lines):
    return in_node(
        """
        return given.lines.map((line) => {
          const values = fromLine(line, given.schema.attributes.length);
          return given.schema.attributes.map(
            (attribute, i) => rule(values[i], attribute, given.letters[attribute.name])
          ).join(SEPARATOR);
        });
        """,
        {"schema": _schema(policy.schema), "letters": policy.letters(receiver), "lines": lines},
    )


@pytest.mark.parametrize("receiver", TABLE_I.receivers)
def test_views_by_rule_are_pythons(in_node, receiver):
    entries = simulate(200, 1, seed=7, missing=0.05, abnormal=0.05)
    expected = view_lines(apply_policy(entries, TABLE_I, receiver), ASSISTED_LIVING)
    lines = to_lines(entries, ASSISTED_LIVING).tolist()
    assert views_in_node(in_node, TABLE_I, receiver, lines) == expected.tolist()


def test_generalisers_are_pythons(in_node):
    """Each kind, where it is delicate: at limits, below zero, with decimals."""
    whole = [str(n) for n in range(-25, 26)]
    tenths = ["-10", "-0.1", "0", "0.1", "4.9", "5", "5.0", "5.1", "999999999999999.9"]
    pressures = [f"{a}-{b}" for a, b in product(range(55, 150, 5), range(35, 100, 5))]
    numbers = {"form": Form.NUMBER}
    cases = [
        (Attribute("a", **numbers, generalise=Range(10)), whole),
        (Attribute("b", **numbers, decimals=1, generalise=Range(0.5, 1)), tenths),
        (Attribute("c", **numbers, generalise=Bands((("x", -3), ("y", 4), ("z", None)))), whole),
        (Attribute("d", Form.TEXT, generalise=First(3)), ["ab", "ab cd", "abcd"]),
        (Attribute("e", Form.TEXT, generalise=LastWord()), ["ab", "ab cd", "a b c"]),
        (Attribute("f", Form.TEXT, generalise=RULES["blood_pressure_class"]), pressures),
    ]
    schema = Schema(
        tuple(attribute for attribute, _ in cases),
        alphabet="abcdefghijklmnopqrstuvwxyz0123456789 |*-.",
    )
    parts = _schema(schema)["attributes"]
    given = [[part, values] for part, (_, values) in zip(parts, cases, strict=True)]
    made = in_node(
        "return given.map(([a, values]) => values.map((value) => rule(value, a, 'G')));", given
    )
    for (attribute, values), got in zip(cases, made, strict=True):
        assert got == [attribute.generalise(value) for value in values], attribute.name
    assert in_node("return Object.keys(RULES)") == list(RULES)


def test_complaints_are_of_the_same_values(in_node):
    """What the page refuses below a field is what `Schema.check` refuses."""
    times = ("%Y%m%d %H%M", "%d-%b-%y", "%m-%d", "%Y %B %d")
    schema = Schema(
        (
            *ASSISTED_LIVING.attributes,
            *(Attribute(f"t{i}", Form.PATTERN, time=time) for i, time in enumerate(times)),
            Attribute("decimal", Form.NUMBER, decimals=2, least=-1.5),
            Attribute("pin", Form.DIGITS, digits=(2, 4)),
            Attribute("free", Form.TEXT),
        ),
        alphabet=ASSISTED_LIVING.alphabet + ".",
    )
    entry = simulate(1, 1, seed=1).iloc[0]
    values = [
        "", "-", "*", " ", "a", "A", "a b", "a  b", " a", "a|b", "é", "0", "-0", "00", "12", "12.5",
        "1.234", "-1.5", "-1.51", "1e3", "150", "151", "1000", "123", "12345", "120-80", "1200-80",
        "20190229 1200", "20200229 1200", "20000229 1200", "22000229 1200", "20190431 1200",
        "20190430 2400", "00000101 1200",
        "29-feb-19", "29-feb-20", "31-jun-20", "30-jun-20", "30-xyz-20", "02-29", "02-30",
        "2020 february 29", "2019 february 29", "2020 febr 01", "nan", "none", *entry[1:],
    ]  # fmt: skip
    refused = in_node(
        """
        const { schema, values } = given;
        const check = (attribute) => values.map((v) => complaint(v, attribute, schema.alphabet));
        return schema.attributes.map(check);
        """,
        {"schema": _schema(schema), "values": values},
    )
    allowed = set(schema.alphabet) - {"|"}
    for attribute, says in zip(schema.attributes, refused, strict=True):
        fits = attribute.fits(pd.Series(values, dtype="str"))
        for value, fit, complaint in zip(values, fits, says, strict=True):
            assert (complaint == "") == (fit and set(value) <= allowed), (attribute.name, value)
            assert "\n" not in complaint


def test_edits_are_as_many_as_the_distance(in_node):
    lines = to_lines(simulate(20, 1, seed=8), ASSISTED_LIVING)
    lines = [*lines, "", "a", "kitten", "sitting", "ab|c", "|"]
    cases = list(pairwise(lines))
    made = in_node("return given.map(([got, expected]) => edits(got, expected));", cases)
    counts = [sum(kind != "" for _, kind in path) for path in made]
    assert counts == character_errors(*zip(*cases, strict=True)).tolist()
    for path, (got, expected) in zip(made, cases, strict=True):
        assert "".join(c for c, kind in path if kind != "missing") == got
        kept = "".join(c for c, kind in path if kind == "")
        assert len(kept) + sum(kind == "missing" for _, kind in path) <= len(expected)


def test_lines_of_too_few_or_too_many_values_are_fitted_in(in_node):
    lines = ["", "a", "a|b", "a|b|c", "a|b|c|d", "||||", "a|"]
    made = in_node("return given.map((line) => fromLine(line, 3));", lines)
    schema = Schema(tuple(Attribute(name, Form.TEXT) for name in "xyz"))
    expected = from_lines(pd.Series(lines, dtype="str"), schema, errors="coerce")
    assert made == expected.to_numpy().tolist()


def test_what_a_page_is_written_from(make_pair, clinic, patients, tmp_path):
    pairs = {
        "told": make_pair(clinic, "nurse"),
        "less": make_pair(clinic, "statistician", seed=1),
        "least": make_pair(clinic, "statistician", seed=2, blind=True),
    }
    write_page(tmp_path, pairs, patients)
    page = (tmp_path / "index.html").read_text("utf-8")
    data = json.loads(re.search(r'id="data">(.*?)</script>', page)[1])
    assert [pair["name"] for pair in data["pairs"]] == list(pairs)
    assert data["first"] == "less"  # generalises the most, and isn't blind
    assert data["entries"] == to_lines(patients, clinic.schema).tolist()
    assert {path.stem for path in (tmp_path / "pairs").iterdir()} == set(pairs)
    assert "1 to 90" in page and "code of 32 numbers" in page
    with pytest.raises(InputError, match="one schema"):
        write_page(tmp_path, {**pairs, "home": make_pair()}, patients)
    with pytest.raises(InputError, match="one width"):
        write_page(tmp_path, {**pairs, "wide": make_pair(clinic, "nurse", units=8)}, patients)
    with pytest.raises(InputError, match="at least one"):
        write_page(tmp_path, {}, patients)
    with pytest.raises(InputError, match="two entries"):
        write_page(tmp_path, pairs, patients[:1])


def test_a_rule_that_no_script_knows_is_refused(make_pair, clinic, patients, tmp_path):
    from dataclasses import replace

    from aalprivacy.schema import with_rules

    schema = with_rules(clinic.schema, {"years": lambda value: "x"})
    pair = make_pair(replace(clinic, schema=schema), "nurse")
    with pytest.raises(InputError, match="years: the page knows no rule"):
        write_page(tmp_path, {"one": pair}, patients)


# --- in a real browser ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The page of all shipped pairs."""
    folder = tmp_path_factory.mktemp("live")
    main(str(folder))
    return folder


class Live:
    """The page in a tab: what it shows, and what it asked for or complained of."""

    def __init__(self, tab, folder):
        self.tab, self.problems, self.asked = tab, [], []
        tab.on("console", lambda message: self.problems.append(message.text))
        tab.on("pageerror", lambda error: self.problems.append(str(error)))
        tab.on("request", lambda request: self.asked.append(request.url))
        tab.goto((folder / "index.html").as_uri())
        self.wait()

    def wait(self):
        self.tab.wait_for_selector("#table[aria-busy=false]", timeout=60_000)

    def set(self, **values):
        """Type into fields; a name's underscores are dashes, but for those of an attribute."""
        for name, value in values.items():
            known = name.startswith("value_")
            id = name.replace("_", "-", 1) if known else name.replace("_", "-")
            tag = self.tab.eval_on_selector(f"#{id}", "element => element.tagName")
            if tag == "SELECT":
                self.tab.select_option(f"#{id}", value)
            else:
                self.tab.fill(f"#{id}", str(value))
        self.wait()

    def click(self, name):
        self.tab.get_by_role("button", name=name).click()
        self.wait()

    @property
    def rows(self):
        """By attribute's label: the value by rule, the decoded one, its mark."""
        rows = self.tab.eval_on_selector_all(
            "#rows tr",
            "rows => rows.map(row => [row.cells[0].firstChild.textContent, row.cells[1].innerText,"
            " row.cells[2].textContent, row.cells[3].innerText])",
        )
        return {label: rest for label, *rest in rows}

    @property
    def errors(self):
        """Values right, characters wrong."""
        right, of, wrong = map(int, re.findall(r"\d+", self.tab.inner_text("#summary")))
        assert of == len(ASSISTED_LIVING)
        return right, wrong


@pytest.fixture
def live(browser, folder):
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    live = Live(context.new_page(), folder)
    yield live
    assert live.problems == []
    outside = [url for url in live.asked if not url.startswith((folder.as_uri(), "blob:", "data:"))]
    assert outside == []
    context.close()


@pytest.mark.slow
def test_typing_changes_the_view(live):
    assert live.errors[0] >= 18
    before = live.rows, live.tab.inner_text("#line")
    live.tab.click("#value-age")
    live.tab.keyboard.press("Control+A")
    live.tab.keyboard.type("97")
    live.wait()
    assert live.rows["Age"][0] != before[0]["Age"][0]
    assert live.rows["Age"][:2] == ["90-99", "90-99"]
    assert "|97|" in live.tab.inner_text("#line")
    assert len(live.tab.text_content("#numbers").split()) == 512


@pytest.mark.slow
def test_views_in_the_page_are_pythons(live):
    first = live.tab.input_value("#encoder-pair")
    pair = load_pair(first).halved()
    data = json.loads(live.tab.inner_text("#data") or live.tab.text_content("#data"))
    entries = from_lines(pd.Series(data["entries"], dtype="str")[:8], ASSISTED_LIVING)
    expected = pair.decode(pair.encode_entries(entries))
    for number, line in enumerate(expected, 1):
        live.set(number=number)
        assert live.tab.text_content("#written") == line


@pytest.mark.slow
def test_a_wrong_key_yields_nonsense_and_the_right_one_reads(live):
    good = live.errors
    live.set(decoder_key=1)
    assert live.errors[0] <= 10 and live.errors[1] > 40
    assert "wrong key" in live.tab.inner_text("#situation")
    live.set(encoder_key=1)  # the whole pair is re-keyed
    assert live.errors == good
    live.click("Re-key both")
    assert live.errors == good
    assert live.tab.input_value("#decoder-key") == "2"


@pytest.mark.slow
def test_another_pair_is_loaded_when_it_is_chosen(live):
    names = list(
        live.tab.eval_on_selector_all("#decoder-pair option", "all => all.map(o => o.value)")
    )
    assert names == list(shipped_names())
    loaded = [url for url in live.asked if "/pairs/" in url]
    first = live.tab.input_value("#encoder-pair")
    assert [url.split("/")[-1] for url in loaded] == [f"{first}.js"]
    other = next(name for name in names if not name.startswith(first))
    live.set(decoder_pair=other)
    assert live.asked[-1].endswith(f"/pairs/{other}.js")
    assert live.errors[0] <= 10
    assert "Mismatched" in live.tab.inner_text("#situation")
    live.set(encoder_pair=other)
    assert live.errors[0] >= 18
    live.click("As at the start")
    assert live.tab.input_value("#decoder-pair") == first


@pytest.mark.slow
def test_a_blind_encoder_reads_the_view(live):
    pairs = shipped_pairs()
    blind = next(name for name, pair in pairs.items() if pair.blind)
    live.set(encoder_pair=pairs[blind].receiver)  # pairs that aren't blind have that name
    assert "|*|" not in live.tab.inner_text("#line")
    live.tab.check("#blind")
    live.wait()
    assert live.tab.input_value("#encoder-pair") == live.tab.input_value("#decoder-pair") == blind
    assert live.tab.inner_text("#line").split("|") == [rule for rule, *_ in live.rows.values()]
    assert live.errors[0] >= 18
    live.tab.uncheck("#blind")
    live.wait()
    assert live.tab.input_value("#encoder-pair") == pairs[blind].receiver


@pytest.mark.slow
def test_noise_and_splicing_do_harm(live):
    right = live.errors[0]
    for slider, most in (("code_noise", 2), ("key_noise", 1)):
        live.set(**{slider: most})
        assert live.errors[0] < right - 5, slider
        live.set(**{slider: 0})
        assert live.errors[0] == right
    live.set(taken=512, other=3)
    assert "second" in live.tab.inner_text("#rows")
    second = {label: got.removesuffix(" second") for label, (_, got, *_) in live.rows.items()}
    live.set(taken=0, number=3)
    own = {label: got for label, (_, got, *_) in live.rows.items()}
    assert second == own


@pytest.mark.slow
def test_a_value_not_of_its_form_is_told_below_its_field(live):
    before = live.rows
    live.tab.fill("#value-age", "200")
    live.tab.wait_for_selector("#value-age[aria-invalid=true]")
    assert live.tab.inner_text("#error-age") == "Expected an age in years."
    assert "Age" in live.tab.inner_text("#summary")
    assert live.rows == before
    live.tab.locator("#status", has_text="Age").wait_for(state="attached")  # is spoken
    live.set(value_age=80)
    assert live.tab.text_content("#error-age") == ""
    assert live.rows["Age"][0] == "80-89"


def _share_of_a_core():
    """How much of a core this process gets: others may be at work on the machine."""
    begin, used = time.perf_counter(), time.process_time()
    while time.perf_counter() < begin + 1:
        pass
    return (time.process_time() - used) / (time.perf_counter() - begin)


@pytest.mark.slow
def test_it_is_quick_small_and_off_the_main_thread(live, folder):
    times = []
    for number in range(2, 22):
        live.set(number=number)
        times.append(int(re.search(r"(\d+) ms", live.tab.inner_text("#time"))[1]))
    assert min(times) * _share_of_a_core() < 100, times
    assert len(live.tab.workers) == 1
    assert live.tab.evaluate("typeof encode") == "undefined"  # the page itself can't
    first = live.tab.input_value("#encoder-pair")
    parts = (folder / "index.html", folder / "pairs" / f"{first}.js")
    assert sum(path.stat().st_size for path in parts) < 3e6


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_narrow_dark_and_by_keyboard(browser, folder, scheme):
    context = browser.new_context(viewport={"width": 360, "height": 740}, color_scheme=scheme)
    live = Live(context.new_page(), folder)
    tab = live.tab
    assert tab.evaluate("document.documentElement.scrollWidth") <= 360
    paper = tab.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", paper)[:3])) < 200) == (scheme == "dark")
    unnamed = tab.eval_on_selector_all(
        "input, select", "all => all.filter(e => !e.labels.length).map(e => e.id)"
    )
    assert unnamed == []
    reached = set()
    controls = tab.eval_on_selector_all(
        "input:enabled, select:enabled, button, summary", "all => all.length"
    )
    for _ in range(controls + 10):
        tab.keyboard.press("Tab")
        reached.add(tab.evaluate("document.activeElement.outerHTML.slice(0, 60)"))
    assert len(reached) >= controls
    tab.focus("#taken")
    for _ in range(3):
        tab.keyboard.press("ArrowRight")
    live.wait()
    assert tab.inner_text("#taken-says") == "3 of 512"
    assert live.problems == []
    context.close()
