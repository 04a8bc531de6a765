"""Every notebook runs from top to bottom, is committed as it ran, and says what it computed."""

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

FOLDER = Path(__file__).parent.parent / "notebooks"
ANSWERS = sorted((FOLDER / "solutions").glob("*.ipynb"))
NOTEBOOKS = [*sorted(FOLDER.glob("*.ipynb")), *ANSWERS]
# What a notebook's parameters become so that its long work takes seconds.
SMOKE = {"UPDATES": 12, "USERS": 50, "PEOPLE": 100, "ENTRIES": 60, "KNOWN": 150, "TARGETS": 60}
# Numbers that aren't results: places in the paper, years of publications, numbered exercises.
CITED = re.compile(
    r"`[^`]*`|\]\([^)]*\)|^(?:#+ )?\d+\. |# Answers to notebook \d|\d+ %"
    r"|(?:[Ff]igures?|sections?|Table) [\dIVX-]+(?:-?[A-Z])?(?: (?:and|to) \d+)?"
    r"|(?:[A-Z]\w+|al\.),? \(?(?:19|20)\d\d\)?(?:-20\d\d)?",
    re.M,
)
NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


def named(path):
    return f"{path.parent.name}/{path.stem}"


all_notebooks = pytest.mark.parametrize("path", NOTEBOOKS, ids=named)


def shorten(notebook):
    """Put smaller parameters after the cell that is tagged with them."""
    for at, cell in enumerate(notebook.cells):
        if "parameters" in cell.metadata.get("tags", ()):
            names = [name for name in SMOKE if re.search(rf"^{name} =", cell.source, re.M)]
            source = "\n".join(f"{name} = {SMOKE[name]}" for name in names)
            notebook.cells.insert(at + 1, nbformat.v4.new_code_cell(source))
            assert names
            return


def untold(notebook) -> list[str]:
    """Numbers of the prose that no cell computed or set."""
    prose = "\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")
    prose = CITED.sub("", re.sub(r"```.*?```", "", prose, flags=re.S))
    known = []
    for cell in notebook.cells:
        if cell.cell_type == "code":
            known.append(cell.source)
            for output in cell.outputs:
                shown = "\n".join(map(str, output.get("data", {}).values()))
                shown = re.sub(r"base64,[^\"]*", "", shown)  # a picture's bytes have every number
                known += [output.get("text", ""), shown]
    told = set(NUMBER.findall("\n".join(known)))
    return [number for number in NUMBER.findall(prose) if number not in told]


@pytest.mark.slow
@all_notebooks
def test_it_runs(path):
    notebook = nbformat.read(path, as_version=4)
    shorten(notebook)
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": path.parent}}).execute()
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            assert output.get("name") != "stderr", output["text"]


@all_notebooks
def test_it_is_committed_as_it_ran(path):
    notebook = nbformat.read(path, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert not [out for cell in code for out in cell.outputs if out.get("name") == "stderr"]
    text = path.read_text()
    for place in ("/home/", "/root/", "/tmp/", "/work/"):
        assert place not in text
    assert len(text) < 1_500_000


@all_notebooks
def test_its_prose_has_no_number_that_no_cell_computed(path):
    assert untold(nbformat.read(path, as_version=4)) == []


@all_notebooks
def test_its_pictures_have_words_and_its_links_lead_somewhere(path):
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            assert "image/png" not in output.get("data", {}), cell.source  # it would have no words
            for picture in re.findall("<img .*?>", output.get("data", {}).get("text/html", "")):
                assert len(re.search('alt="([^"]*)"', picture)[1]) > 20, cell.source
        if cell.cell_type == "markdown":
            for link in re.findall(r"\]\(([^)#]+)", cell.source):
                assert link.startswith("https://") or (path.parent / link).is_file(), link


@pytest.mark.parametrize("path", ANSWERS, ids=named)
def test_every_exercise_has_an_answer(path):
    asked, told = (nbformat.read(p, as_version=4) for p in (FOLDER / path.name, path))
    exercises = asked.cells[-1].source.split("## Exercises\n")[1]
    numbers = re.findall(r"^(\d+)\. .*\*Hint: ", exercises, re.M)
    assert numbers == re.findall(r"^(\d+)\. ", exercises, re.M)  # each with a hint
    assert f"(solutions/{path.name})" in exercises
    prose = "\n".join(c.source for c in told.cells if c.cell_type == "markdown")
    assert re.findall(r"^## (\d+)\. ", prose, re.M) == numbers


def test_a_typed_number_is_found():
    cell = nbformat.v4.new_code_cell("print(2 + 2)")
    cell.outputs = [nbformat.v4.new_output("stream", text="4\n")]
    prose = "As figure 5 of Cho et al. (2014) shows: 4 of 97 are wrong, 1.5 a line.\n\n1. `x = 3`?"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(prose), cell])
    assert untold(notebook) == ["97", "1.5"]
