"""The wheel as people get it: what is in it, and each of its commands on a clinic's table.

Usage: ``python tests/release.py DIST``, a folder with one wheel and one source archive;
``make release`` makes them and runs this. The wheel goes into an environment of its own, with what
it requires from where pip finds packages. Takes minutes.
"""

import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import tomllib
import venv
import zipfile
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "aalprivacy"
TABLE = ROOT / "examples" / "clinic"
# Each of the package's commands; the clinic's files are in the folder that they run in.
COMMANDS = """
describe entries.csv --out own.toml --policy-out own.csv --receivers nurse,statistician
prepare entries.csv --schema clinic.toml --out entries.parquet
view entries.parquet --schema clinic.toml --policy policy.csv --receiver nurse --out view.csv
view entries.csv --schema clinic.toml --policy policy.csv --receiver nurse --out views --piece 100
train --data entries.parquet --schema clinic.toml --policy policy.csv --receiver nurse --out run --updates 3
encode entries.parquet --pair run --out codes.npz
decode codes.npz --pair run --out decoded.parquet
split --pair run --out halves
encode entries.csv --pair halves/encoder --out sent.npz
decode sent.npz --pair halves/decoder --out received.csv
key --out nurse.key
encode entries.parquet --pair run --seal nurse.key --out codes --piece 100 --workers 2
decode codes --pair run --key nurse.key --out decoded
evaluate --pair run --data entries.parquet
audit --pair run --data entries.parquet --known 100 --targets 20 --updates 2
simulate --users 5 --entries 4 --seed 1 --out homes.csv
encode homes.csv --pair researcher.blind --out homes.npz
decode homes.npz --pair researcher.blind --out homes.parquet
reproduce --out figures
"""  # noqa: E501


def main() -> None:
    dist = Path(sys.argv[1])
    (wheel,), (source,) = dist.glob("*.whl"), dist.glob("*.tar.gz")
    check_content(wheel, source)
    with tempfile.TemporaryDirectory() as folder:
        python = installed(wheel, Path(folder) / "environment")
        run_commands(python, shutil.copytree(TABLE, Path(folder) / "clinic"))


def check_content(wheel: Path, source: Path) -> None:
    """Both archives hold the package as git has it, and nothing else of the project."""
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
    listed = subprocess.run(
        ["git", "ls-files", "-z", "aalprivacy"], cwd=ROOT, check=True, capture_output=True
    )
    expected = set(listed.stdout.decode().split("\0")) - {""}
    same(packed, expected, wheel)
    with tarfile.open(source) as archive:
        files = {member.name.split("/", 1)[1] for member in archive if member.isfile()}
    made = {"PKG-INFO", "setup.cfg"}
    beside = {"pyproject.toml", "MANIFEST.in", "README.md", "LICENSE", "CHANGELOG.md"}
    files = {name for name in files if ".egg-info/" not in name}
    same(files, expected | beside | made, source)
    print(f"{wheel.name}: {len(packed)} files, {wheel.stat().st_size / 1e6:.1f} MB")


def same(found: Iterable[str], expected: Iterable[str], where: Path) -> None:
    """Stop if an archive lacks a file or has another one."""
    lacks, more = sorted(set(expected) - set(found)), sorted(set(found) - set(expected))
    if lacks or more:
        sys.exit(f"{where.name}: lacks {lacks or 'nothing'}, has {more or 'nothing'} besides")


def installed(wheel: Path, environment: Path) -> Path:
    """An environment that holds the wheel and what it needs to train; its Python."""
    venv.create(environment, with_pip=True)
    (python,) = environment.glob("*/python")
    wheel = wheel.resolve()
    subprocess.run([python, "-m", "pip", "install", "--quiet", f"{wheel}[train]"], check=True)
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    said = of(python, "-c", "import aalprivacy as a; print(a.__version__, a.__file__)").split()
    if said[0] != version or not Path(said[1]).is_relative_to(environment):
        sys.exit(f"installed: {' '.join(said)}; expected version {version} in {environment}")
    return python


def run_commands(python: Path, folder: Path) -> None:
    """Run each command; stop at the first that fails or says what it shouldn't."""
    lines = COMMANDS.strip().splitlines()
    listing = (
        "from typer.main import get_command; from aalprivacy.cli import app;"
        "print(*get_command(app).commands)"
    )
    known = set(of(python, "-c", listing).split())
    left_out = known - {line.split()[0] for line in lines}
    if left_out:
        sys.exit(f"not run: {', '.join(sorted(left_out))}")
    for line in lines:
        begin = time.monotonic()
        done = subprocess.run(
            [python.with_name("aalprivacy"), *line.split()],
            cwd=folder, capture_output=True, text=True,
        )  # fmt: skip
        if done.returncode or "Traceback" in done.stderr:
            sys.exit(f"{line}: exit status {done.returncode}\n{done.stdout}{done.stderr}")
        print(f"{time.monotonic() - begin:6.1f} s  {line}", flush=True)
    of(python, "-m", "aalprivacy.page", str(folder / "page"))
    print(f"all {len(known)} commands run, and the live page is made")


def of(python: Path, *options: str) -> str:
    """What that Python prints, run away from the project."""
    command = [python, *options]
    done = subprocess.run(command, cwd=python.parent, capture_output=True, text=True, check=True)
    return done.stdout


if __name__ == "__main__":
    main()
