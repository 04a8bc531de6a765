"""Files of entries, views and codes: read with one clear error, written whole or not at all."""

import contextlib
import io
import json
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from aalprivacy import sealing
from aalprivacy.attributes import NAMES
from aalprivacy.errors import InputError
from aalprivacy.text import to_lines

CODES_VERSION = 2
# How a file can hold a code's numbers; in memory they are float32.
NUMBER_TYPES = ("float32", "float16", "int8")
USER_ID = "user_id"


@dataclass(frozen=True)
class Codes:
    """A file of codes.

    Parameters
    ----------
    codes
        float32 ``(n, 2 units)``, encoder states ``[h; c]``.
    encoder
        Fingerprint of the encoder that made them.
    receiver
        Whose decoder they are for.
    """

    codes: np.ndarray
    encoder: str
    receiver: str | None = None


def read_entries(path: str | Path) -> pd.DataFrame:
    """Read entries from Parquet or CSV (by the file's ending).

    Returns
    -------
    DataFrame of text columns, the twenty attributes in order, ``user_id`` first if the file has it.

    Raises
    ------
    InputError
        If the file can't be read, is empty, lacks a column, has another one, or has a value that
        can't stand in a line; the message names file, row and attribute. Rows count from 0.
    """
    path = Path(path)
    try:
        if _is_csv(path):
            table = pd.read_csv(path, dtype=str, keep_default_na=False, na_values=[])
        else:
            table = pd.read_parquet(path).reset_index(drop=True)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except pd.errors.EmptyDataError:
        raise InputError(f"{path}: the file is empty; expected a table of entries") from None
    except Exception as error:  # Arrow and the CSV parser have a class of error for every cause
        reason = (str(error).splitlines() or [""])[0]
        raise InputError(f"{path}: can't be read as entries: {reason}") from None
    if _is_csv(path) and not isinstance(table.index, pd.RangeIndex):
        raise InputError(f"{path}: rows have more values than the first line has names")
    absent = [n for n in NAMES if n not in table.columns]
    if absent:
        raise InputError(f"{path}: no column {absent[0]}; expected {', '.join(NAMES)}")
    extra = [c for c in table.columns if c not in NAMES and c != USER_ID]
    if extra:
        raise InputError(f"{path}: unexpected column {extra[0]!r}; expected {', '.join(NAMES)}")
    if table.empty:
        raise InputError(f"{path}: no entries in the file; expected at least one row")
    entries = pd.DataFrame(
        {name: table[name].where(table[name].isna(), table[name].astype(str)) for name in NAMES},
        dtype="str",
    )
    try:
        to_lines(entries)
    except InputError as error:
        raise InputError(f"{path}, {error}") from None
    if USER_ID in table.columns:
        entries.insert(0, USER_ID, table[USER_ID])
    return entries


def write_entries(table: pd.DataFrame, path: str | Path) -> None:
    """Write entries or views as Parquet or CSV (by the file's ending).

    Raises
    ------
    InputError
        If the ending is another or the file can't be written.
    """
    path = Path(path)
    if _is_csv(path):
        write_whole(path, lambda draft: table.to_csv(draft, index=False))
    else:
        write_whole(path, lambda draft: table.to_parquet(draft, index=False))


def read_codes(
    path: str | Path,
    width: int,
    encoder: str | None = None,
    receiver: str | None = None,
    key: bytes | None = None,
) -> Codes:
    """Read a file of codes.

    Parameters
    ----------
    path
        An ``.npz`` file as `write_codes` makes it.
    width
        Numbers a code that the decoder takes.
    encoder
        Fingerprint that the file must bear; ``None`` takes any.
    receiver
        For whom a sealed file must be.
    key
        What a sealed file was sealed with.

    Raises
    ------
    InputError
        If it isn't such a file, is damaged, or has another version, width, encoder or a NaN; or if
        it is sealed and can't be unsealed, or isn't sealed and there is a key.
    """
    try:
        with np.load(path) as file:
            about = json.loads(str(file["about"]))
            version, made_by = about["version"], str(about["encoder"])
            content = {name: file[name] for name in file if name != "about"}
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except Exception:  # a damaged archive's reader raises whatever it does
        raise InputError(f"{path}: damaged, or not a file of codes (.npz)") from None
    if version != CODES_VERSION:
        raise InputError(f"{path}: format version {version}; expected {CODES_VERSION}")
    sealed = content.get("sealed")
    if (sealed is None) is not (key is None):
        state = "is not sealed; expected no key" if key else "is sealed; expected a key"
        raise InputError(f"{path}: {state}")
    if sealed is not None:
        try:
            # The receiver who unseals says who it is, and the file can't.
            plain = sealing.unseal(sealed.tobytes(), key, about | {"receiver": receiver})
        except InputError as error:
            raise InputError(f"{path}: {error}") from None
        with np.load(io.BytesIO(plain)) as file:
            content = dict(file)
    codes = content.setdefault("codes", np.empty(0))
    if codes.ndim != 2 or codes.dtype not in NUMBER_TYPES or codes.shape[1] != width:
        raise InputError(
            f"{path}: codes of shape {codes.shape} and type {codes.dtype}; "
            f"expected (n, {width}) {', '.join(NUMBER_TYPES)}"
        )
    if codes.dtype == np.int8:
        scale = content.get("scale", np.empty(0))
        if scale.shape != (width,) or scale.dtype != np.float32:
            raise InputError(f"{path}: int8 codes; expected one scale a number, {width} float32")
    codes = restored(content)
    bad = ~np.isfinite(codes).all(axis=1)
    if bad.any():
        raise InputError(f"{path}, row {int(np.argmax(bad))}: a code has a NaN or infinite number")
    if encoder is not None and made_by != encoder:
        raise InputError(
            f"{path}: encoded by encoder {made_by}, this decoder belongs to encoder {encoder}"
        )
    return Codes(codes, made_by, about.get("receiver"))


def write_codes(
    codes: Codes, path: str | Path, key: bytes | None = None, number_type: str = "float32"
) -> None:
    """Write a file of codes, sealed if there is a key.

    Parameters
    ----------
    number_type
        One of `NUMBER_TYPES`; float16 takes half the room, int8 a quarter: each of the numbers of
        a code is rounded to 255 steps between its extremes in this file.

    Raises
    ------
    InputError
        If it can't be written.
    """
    about = {"version": CODES_VERSION, "encoder": codes.encoder, "receiver": codes.receiver}
    content = rounded(np.asarray(codes.codes, np.float32), number_type)
    if key is not None:
        plain = io.BytesIO()
        np.savez(plain, **content)
        sealed = sealing.seal(plain.getvalue(), key, about)
        content = {"sealed": np.frombuffer(sealed, np.uint8)}

    def write(draft: Path) -> None:
        with draft.open("wb") as file:
            np.savez(file, about=json.dumps(about), **content)

    write_whole(Path(path), write)


def rounded(codes: np.ndarray, number_type: str) -> dict[str, np.ndarray]:
    """The arrays of a file: codes of a type of `NUMBER_TYPES`, and ``scale`` if that is int8."""
    if number_type != "int8":
        return {"codes": codes.astype(number_type)}
    most = np.abs(codes).max(axis=0, initial=0)
    scale = np.where(most > 0, most / np.float32(127), np.float32(1))
    return {"codes": np.rint(codes / scale).astype(np.int8), "scale": scale}


def restored(content: dict[str, np.ndarray]) -> np.ndarray:
    """The inverse of `rounded`, as near as it gets: float32."""
    return (content["codes"] * content.get("scale", np.float32(1))).astype(np.float32)


def write_whole(path: Path, write: Callable[[Path], object], mode: int = 0o666) -> None:
    """Write to a temporary name beside `path`, then rename; leave nothing if interrupted."""
    check_writable(path)
    try:
        handle, name = tempfile.mkstemp(
            prefix=f".{path.stem}-", suffix=path.suffix, dir=path.parent
        )
        os.close(handle)
        draft = Path(name)
        try:
            write(draft)
            # mkstemp makes it private; a file of results has the modes that any new file has.
            mask = os.umask(0)
            os.umask(mask)
            draft.chmod(mode & ~mask)
            draft.replace(path)
        finally:
            with contextlib.suppress(FileNotFoundError):
                draft.unlink()
    except OSError as error:
        raise InputError(f"{path}: can't be written: {error.strerror or error}") from None


def write_text(text: str, path: str | Path) -> None:
    """Write a text file whole or not at all."""
    write_whole(Path(path), lambda draft: draft.write_text(text, "utf-8"))


def write_secret(text: str, path: str | Path) -> None:
    """Write a text file that only its owner may read."""
    write_whole(Path(path), lambda draft: draft.write_text(text, "utf-8"), mode=0o600)


def check_writable(path: str | Path) -> None:
    """Fail before the work and not after it.

    Raises
    ------
    InputError
        If nothing can be written in the folder of `path`.
    """
    folder = Path(path).parent
    if not folder.is_dir() or not os.access(folder, os.W_OK) or Path(path).is_dir():
        raise InputError(f"{path}: can't be written; expected a file in an existing folder")


def check_table_writable(path: str | Path) -> None:
    """Fail before the work if a table can't be written there.

    Raises
    ------
    InputError
        As `check_writable`, and if the ending isn't one of a table.
    """
    check_writable(path)
    _is_csv(Path(path))


def _is_csv(path: Path) -> bool:
    ending = path.suffix.lower()
    if ending not in (".csv", ".parquet"):
        raise InputError(f"{path}: unknown ending {ending!r}; expected .parquet or .csv")
    return ending == ".csv"
