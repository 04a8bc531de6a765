"""Folders of numbered pieces. Each piece is a Parquet file that holds its job and its number.

``_job.json`` describes the job and says how many pieces there must be. A piece is written whole or
not at all. A sealed piece is encrypted, and its job and its number are authenticated with it. So a
missing piece is noticed, and a piece from elsewhere is refused.
"""

import contextlib
import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from aalprivacy import sealing
from aalprivacy.atomic import make_folder, write_text, write_whole
from aalprivacy.errors import InputError

MANIFEST, VERSION = "_job.json", 1
ABOUT = b"aalprivacy"  # the key in a piece's metadata of its job, its number and its report
AGAIN = "delete it, and the command that wrote the folder makes it again"


@dataclass(frozen=True)
class Folder:
    """A folder that a job writes. ``len`` says how many pieces it must have.

    Parameters
    ----------
    path
        The folder.
    about
        The job as plain values: everything that determines the contents of the pieces.
    key
        The key with which the pieces are sealed; ``None`` if they aren't.
    """

    path: Path
    about: dict
    key: bytes | None = None

    @classmethod
    def of(cls, path: str | Path, about: dict, key: bytes | None = None) -> "Folder":
        """The folder of a job, which may be new; `about` must have its number of ``pieces``."""
        sealed = {"key": sealing.mark(key)} if key else {}
        return cls(Path(path), {"version": VERSION, **about, **sealed}, key)

    @classmethod
    def open(cls, path: str | Path, key: bytes | None = None) -> "Folder":
        """An existing folder of a job, complete or not.

        Raises
        ------
        InputError
            If it isn't a job's folder or has another version; if it is sealed and the key is
            missing or wrong; or if it isn't sealed and there is a key.
        """
        path = Path(path)
        about = _manifest(path)
        if ("key" in about) is (key is None):
            state = "is not sealed; expected no key" if key else "is sealed; expected a key (--key)"
            raise InputError(f"{path}: {state}")
        if key and about["key"] != sealing.mark(key):
            raise InputError(f"{path}: can't be unsealed: another key than it was sealed with")
        return cls(path, about, key)

    def __len__(self) -> int:
        return self.about["pieces"]

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the job's description; every piece holds it."""
        return hashlib.sha256(json.dumps(self.about, sort_keys=True).encode()).hexdigest()

    def file(self, number: int) -> Path:
        """Where a piece is."""
        return self.path / f"piece-{number:08}.{'sealed' if self.key else 'parquet'}"

    def begin(self) -> None:
        """Make the folder, or make sure that it is this job's.

        Raises
        ------
        InputError
            If it is another job's, holds other files, or can't be made.
        """
        if (self.path / MANIFEST).exists():
            begun = _manifest(self.path)
            names = (*self.about, *begun)
            other = next((n for n in names if self.about.get(n) != begun.get(n)), None)
            if other is not None:
                what = {"length": "--piece"}.get(other, other.replace("_", " "))
                raise InputError(
                    f"{self.path}: was begun with another {what}; expected the "
                    "same command as then, or another folder"
                )
            return
        make_folder(self.path)
        found = next((f for f in self.path.iterdir() if not f.name.startswith(".")), None)
        if found is not None:
            raise InputError(f"{self.path}: holds {found.name}; expected a new or an empty folder")
        write_text(json.dumps(self.about, indent=1) + "\n", self.path / MANIFEST)

    def end(self) -> None:
        """Remove the temporary files of killed processes."""
        for draft in (*self.path.glob(".piece-*"), *self.path.glob("._job-*")):
            with contextlib.suppress(FileNotFoundError):
                draft.unlink()

    def write(self, number: int, table: pa.Table, said: dict) -> dict:
        """Write a piece; returns its report, as the method `said` will.

        Parameters
        ----------
        number
            The piece's number, from 0.
        table
            Its rows.
        said
            What the report has besides the number of rows: plain values. Every reader of the piece
            can see them.

        Raises
        ------
        InputError
            If it can't be written.
        """
        said = {"rows": len(table), **said}
        about = json.dumps(self._mark(number) | {"said": said})
        metadata = {**(table.schema.metadata or {}), ABOUT: about}
        table = table.replace_schema_metadata(metadata)
        plain = pa.BufferOutputStream()
        # A dictionary saves space if values repeat; floats hardly ever do.
        few = [f.name for f in table.schema if not _has_floats(f.type)]
        pq.write_table(
            table, plain, compression="zstd", write_page_checksum=True,
            use_dictionary=few if len(few) < table.num_columns else True,
        )  # fmt: skip
        content = plain.getvalue()
        if self.key:
            content = sealing.seal(content.to_pybytes(), self.key, self._mark(number))
        write_whole(self.file(number), lambda draft: draft.write_bytes(content))
        return said

    def read(self, number: int) -> pa.Table:
        """The rows of a piece.

        Raises
        ------
        InputError
            If it is missing or damaged, is another piece or of another job, or can't be unsealed.
        """
        with self._opened(number) as file, self._undamaged(number):
            return file.read()

    def said(self, number: int) -> dict:
        """A piece's report, such as its number of ``rows``; a sealed piece is decrypted for it.

        Raises
        ------
        InputError
            As `read`.
        """
        with self._opened(number) as file:
            return json.loads(file.schema_arrow.metadata[ABOUT])["said"]

    def check_whole(self) -> None:
        """Refuse a folder with a missing or wrong piece, or with other files.

        Raises
        ------
        InputError
            If the folder isn't complete and correct.
        """
        for number in range(len(self)):
            self.said(number)
        pieces = {self.file(number) for number in range(len(self))}
        visible = (file for file in self.path.iterdir() if not file.name.startswith(("_", ".")))
        other = next((file.name for file in visible if file not in pieces), None)
        if other is not None:
            raise InputError(f"{self.path}: holds {other} beside its pieces; expected these alone")

    def _mark(self, number: int) -> dict:
        return {"job": self.fingerprint, "piece": number}

    @contextlib.contextmanager
    def _undamaged(self, number: int):
        try:
            yield
        except FileNotFoundError:
            raise InputError(
                f"{self.file(number)}: no such file, and the folder has {len(self)} pieces; the "
                "command that wrote it continues where it stopped"
            ) from None
        except InputError as error:
            raise InputError(f"{self.file(number)}: {error}") from None
        except (OSError, pa.ArrowException, KeyError, TypeError, ValueError):
            raise InputError(f"{self.file(number)}: damaged; {AGAIN}") from None

    @contextlib.contextmanager
    def _opened(self, number: int):
        with self._undamaged(number):
            content = self.file(number)
            if self.key:
                sealed = content.read_bytes()
                content = pa.BufferReader(sealing.unseal(sealed, self.key, self._mark(number)))
            file = pq.ParquetFile(content, page_checksum_verification=True)
            about = json.loads(file.schema_arrow.metadata[ABOUT])
            found = {name: about[name] for name in ("job", "piece")}
        with file:
            if found != self._mark(number):
                same = found["job"] == self.fingerprint
                what = f"piece {found['piece']}" if same else "a piece of another job"
                raise InputError(
                    f"{self.file(number)}: is {what}; expected piece {number}; {AGAIN}"
                )
            yield file


def _manifest(path: Path) -> dict:
    """The description of a folder's job."""
    file = path / MANIFEST
    try:
        about = json.loads(file.read_text("utf-8"))
        version, pieces = about["version"], about["pieces"]
    except (OSError, ValueError, KeyError, TypeError):
        raise InputError(f"{file}: missing or broken; expected what aalprivacy wrote") from None
    if version != VERSION:
        raise InputError(f"{file}: format version {version}; expected {VERSION}")
    if not isinstance(pieces, int) or pieces < 1:
        raise InputError(f"{file}: {pieces} pieces; expected at least one")
    return about


def _has_floats(kind: pa.DataType) -> bool:
    return pa.types.is_floating(kind.value_type if pa.types.is_fixed_size_list(kind) else kind)
