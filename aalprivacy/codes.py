"""Files of codes: the numbers, the encoder's fingerprint and the receiver; sealed with a key."""

import io
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from aalprivacy import sealing
from aalprivacy.atomic import write_whole
from aalprivacy.errors import InputError
from aalprivacy.small import Small, pack, unpack
from aalprivacy.tables import naming

CODES_VERSION = 2
# How a file can hold a code's numbers; in memory they are float32.
NUMBER_TYPES = ("float32", "float16", "int8")
COLUMN = "code"  # the column of codes in a piece of a folder
SCALE = b"scale"  # in the metadata of int8 codes: the factor of each of a code's numbers
SMALL = "small"  # a type for pairs to which small codes were fitted: about 120 bytes a code


@dataclass(frozen=True)
class Codes:
    """What a file of codes holds.

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


def read_codes(
    path: str | Path,
    width: int,
    encoder: str | None = None,
    receiver: str | None = None,
    key: bytes | None = None,
    small: Small | None = None,
) -> Codes:
    """Read a file of codes.

    Parameters
    ----------
    path
        An ``.npz`` file as `write_codes` makes it.
    width
        How many numbers the decoder's codes have.
    encoder
        The fingerprint that the file must have; ``None`` accepts any.
    receiver
        The receiver for whom a sealed file must be.
    key
        The key of a sealed file.
    small
        The pair's `Small`, for a file of small codes.

    Raises
    ------
    InputError
        If it isn't a file of codes, is damaged, has another version, width or encoder, or holds a
        NaN. Also if it is sealed and can't be unsealed, or isn't sealed and there is a key.
    """
    try:
        with np.load(path) as file:
            about = json.loads(str(file["about"]))
            version, made_by = about["version"], str(about["encoder"])
            content = {name: file[name] for name in file if name != "about"}
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except Exception:  # NumPy's reader may raise any error on a damaged archive
        raise InputError(f"{path}: damaged, or not a file of codes (.npz)") from None
    if version != CODES_VERSION:
        raise InputError(f"{path}: format version {version}; expected {CODES_VERSION}")
    sealed = content.get("sealed")
    if (sealed is None) is not (key is None):
        state = "is not sealed; expected no key" if key else "is sealed; expected a key (--key)"
        raise InputError(f"{path}: {state}")
    if sealed is not None and key is not None:
        try:
            # The receiver comes from the caller: the name in the file could be another's.
            plain = sealing.unseal(sealed.tobytes(), key, about | {"receiver": receiver})
        except InputError as error:
            raise InputError(f"{path}: {error}") from None
        with np.load(io.BytesIO(plain)) as file:
            content = dict(file)
    check_encoder(path, made_by, encoder)  # first, as another pair's codes may have another width
    if SMALL in about:
        codes = _unpacked(path, content, about, small)
        return Codes(codes, made_by, about.get("receiver"))
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
    with naming(path):
        refuse_infinite(codes)
    return Codes(codes, made_by, about.get("receiver"))


def check_encoder(path: str | Path, made_by: object, encoder: str | None) -> None:
    """Refuse codes that another encoder made; ``None`` accepts any encoder.

    Raises
    ------
    InputError
        If the encoders differ.
    """
    if encoder is not None and made_by != encoder:
        raise InputError(
            f"{path}: encoded by encoder {made_by}, this decoder belongs to encoder {encoder}"
        )


def check_steps(path: str | Path, steps: object, small: Small | None) -> Small:
    """The steps of a pair, if they are those that small codes have.

    Raises
    ------
    InputError
        If the steps differ.
    """
    if small is None or steps != small.fingerprint:
        raise InputError(
            f"{path}: small codes, which only the pair that made them can read; expected a pair "
            f"with steps {steps}, got {small.fingerprint if small else 'one without steps'}"
        )
    return small


def _unpacked(path: str | Path, content: dict, about: dict, small: Small | None) -> np.ndarray:
    """The codes of a file of small ones."""
    steps = check_steps(path, about[SMALL], small)
    try:
        return steps.restored(unpack(content["packed"].tobytes(), int(about["n"]), steps.steps))
    except (KeyError, TypeError, ValueError, InputError):
        raise InputError(f"{path}: damaged small codes") from None


def write_codes(
    codes: Codes,
    path: str | Path,
    key: bytes | None = None,
    number_type: str = "float32",
    small: Small | None = None,
) -> None:
    """Write a file of codes, sealed if there is a key.

    Parameters
    ----------
    number_type
        One of `NUMBER_TYPES`, or `SMALL`. float16 takes half the space of float32. int8 takes a
        quarter: each of a code's numbers is rounded to 255 steps between its extremes in this file.
        `SMALL` takes about a sixteenth.
    small
        The pair's `Small`, for small codes.

    Raises
    ------
    InputError
        If it can't be written.
    """
    about: dict = {"version": CODES_VERSION, "encoder": codes.encoder, "receiver": codes.receiver}
    numbers = np.asarray(codes.codes, np.float32)
    if number_type == SMALL:
        steps = _needed(small)
        about |= {SMALL: steps.fingerprint, "n": len(numbers)}
        content = {"packed": np.frombuffer(pack(steps.rounded(numbers)), np.uint8)}
    else:
        content = rounded(numbers, number_type)
    if key is not None:
        plain = io.BytesIO()
        np.savez(plain, **content)  # type: ignore[arg-type]
        sealed = sealing.seal(plain.getvalue(), key, about)
        content = {"sealed": np.frombuffer(sealed, np.uint8)}

    def write(draft: Path) -> None:
        with draft.open("wb") as file:
            np.savez(file, about=json.dumps(about), **content)  # type: ignore[arg-type]

    write_whole(path, write)


def check_number_type(number_type: object, small: Small | None) -> None:
    """Refuse an unknown type of numbers, or small codes of a pair that can't make them.

    Raises
    ------
    InputError
        If the type can't be used.
    """
    if number_type not in (*NUMBER_TYPES, SMALL):
        expected = " or ".join((*NUMBER_TYPES, SMALL))
        raise InputError(f"type of numbers: expected {expected}, got {number_type!r}")
    if number_type == SMALL:
        _needed(small)


def _needed(small: Small | None) -> Small:
    if small is None:
        raise InputError("small codes: the pair has no steps for them; expected another type")
    return small


def refuse_infinite(codes: np.ndarray) -> None:
    """Raise `InputError`, naming the row, at the first code that has a NaN or infinite number."""
    bad = ~np.isfinite(codes).all(axis=1)
    if bad.any():
        raise InputError(f"row {int(np.argmax(bad))}: a code has a NaN or infinite number")


def rounded(codes: np.ndarray, number_type: str) -> dict[str, np.ndarray]:
    """The arrays of a file: codes of a type of `NUMBER_TYPES`, and ``scale`` if that is int8."""
    if number_type != "int8":
        return {"codes": codes.astype(number_type)}
    most = np.abs(codes).max(axis=0, initial=0)
    scale = np.where(most > 0, most / np.float32(127), np.float32(1))
    return {"codes": np.rint(codes / scale).astype(np.int8), "scale": scale}


def restored(content: dict[str, np.ndarray]) -> np.ndarray:
    """The inverse of `rounded`, except for the rounding: float32."""
    codes = content["codes"]
    scale = content["scale"] if codes.dtype == np.int8 else np.float32(1)
    return (codes * scale).astype(np.float32)


def to_arrow(codes: np.ndarray, number_type: str, small: Small | None = None) -> pa.Table:
    """Codes as a column of lists, for a piece of a folder.

    Parameters
    ----------
    codes
        float32 ``(n, width)``.
    number_type
        One of `NUMBER_TYPES`, or `SMALL`: steps, int16. The scale of int8 is in the metadata.
    small
        The pair's `Small`, for small codes.
    """
    if number_type == SMALL:
        content = {"codes": _needed(small).rounded(codes)}
    else:
        content = rounded(codes, number_type)
    numbers = np.ascontiguousarray(content["codes"])
    column = pa.FixedSizeListArray.from_arrays(pa.array(numbers.reshape(-1)), numbers.shape[1])
    scale = {SCALE: json.dumps(content["scale"].tolist())} if "scale" in content else None
    return pa.table({COLUMN: column}).replace_schema_metadata(scale)


def of_arrow(
    table: pa.Table, width: int, number_type: str, small: Small | None = None
) -> np.ndarray:
    """The inverse of `to_arrow`, except for the rounding: float32 ``(n, width)``.

    Raises
    ------
    InputError
        If the column doesn't hold such codes, or has a null, a NaN or an infinite number.
    """
    kind, expected = "int16" if number_type == SMALL else number_type, width
    if number_type == SMALL:
        expected = _needed(small).steps
    column = table[COLUMN].combine_chunks() if COLUMN in table.column_names else pa.array([])
    if column.type != pa.list_(pa.from_numpy_dtype(np.dtype(kind)), expected):
        raise InputError(f"codes of type {column.type}; expected {kind} lists of {expected}")
    numbers = column.flatten()
    if column.null_count or numbers.null_count:
        raise InputError("a code has a null; expected a number")
    codes = numbers.to_numpy(zero_copy_only=False).reshape(-1, expected)
    if number_type == SMALL:
        return _needed(small).restored(codes)
    scale = np.array(json.loads((table.schema.metadata or {}).get(SCALE, "1")), np.float32)
    if scale.shape != ((width,) if kind == "int8" else ()):
        raise InputError(f"int8 codes; expected one scale a number, {width} float32")
    codes = restored({"codes": codes, "scale": scale})
    refuse_infinite(codes)
    return codes
