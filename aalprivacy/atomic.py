"""Files written whole or not at all: the one place where anything is written."""

import contextlib
import os
import stat
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from aalprivacy.errors import InputError


def write_whole(path: str | Path, write: Callable[[Path], object], mode: int | None = None) -> None:
    """Write to a temporary file, then rename it; an interruption leaves nothing behind.

    An existing file keeps its permissions. A symbolic link stays a link, and its target is written.

    Parameters
    ----------
    path
        The file.
    write
        Called with the name of the temporary file, which it writes.
    mode
        The most permissions that the file may have; by default those of any new file.

    Raises
    ------
    InputError
        If it can't be written.
    """
    check_writable(path)
    target = Path(path).resolve()
    try:
        if target.exists():
            kept = stat.S_IMODE(target.stat().st_mode)
            mode = kept if mode is None else kept & mode
        elif mode is None:
            mask = os.umask(0)
            os.umask(mask)
            mode = 0o666 & ~mask
        handle, name = tempfile.mkstemp(
            prefix=f".{target.stem}-", suffix="".join(target.suffixes[-2:]), dir=target.parent
        )
        os.close(handle)
        draft = Path(name)
        try:
            write(draft)
            draft.chmod(mode)
            draft.replace(target)
        finally:
            with contextlib.suppress(FileNotFoundError):
                draft.unlink()
    except OSError as error:
        raise InputError(f"{path}: can't be written: {error.strerror or error}") from None


def write_text(text: str, path: str | Path) -> None:
    """Write a text file whole or not at all."""
    write_whole(path, lambda draft: draft.write_text(text, "utf-8"))


def write_secret(text: str, path: str | Path) -> None:
    """Write a text file that only its owner may read."""
    write_whole(path, lambda draft: draft.write_text(text, "utf-8"), mode=0o600)


def check_writable(path: str | Path, inputs: Iterable[str | Path | None] = ()) -> None:
    """Refuse a file that can't be written, before any work is done for it.

    Parameters
    ----------
    path
        A file to be written.
    inputs
        Files that are read, which `path` must not replace.

    Raises
    ------
    InputError
        If nothing can be written in the folder of `path`, or it is one of `inputs`.
    """
    try:
        target = Path(path).resolve()
        if target.is_symlink():  # from Python 3.13 on resolving it is no error
            raise RuntimeError("links in a circle")
        if not target.parent.is_dir() or not os.access(target.parent, os.W_OK):
            raise InputError(f"{path}: can't be written; expected a file in an existing folder")
        # Writing replaces the file. A folder, or a device such as /dev/null, must not be replaced.
        if target.exists() and not (target.is_file() and os.access(target, os.W_OK)):
            raise InputError(f"{path}: can't be written; expected a file that may be written")
        for source in (Path(source).resolve() for source in inputs if source is not None):
            if source == target:
                raise InputError(
                    f"{path}: is the input, which would be lost; expected another file"
                )
            if target.is_relative_to(source):
                raise InputError(f"{path}: is in {source.name}; expected another folder for it")
    except (OSError, RuntimeError) as error:  # such as a name too long, or links in a circle
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{path}: can't be written: {reason}") from None


def make_folder(path: str | Path) -> None:
    """Make a folder and its parent folders.

    Raises
    ------
    InputError
        If it can't be made.
    """
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{path}: can't be made: {error.strerror}") from None
