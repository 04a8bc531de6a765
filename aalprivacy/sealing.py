"""Sealed codes: authenticated encryption of a file of codes, with a key for each receiver.

A code by itself isn't secret (see `aalprivacy.audit`). An attacker who knows enough entries can
learn to read codes, and nobody notices a changed code. Sealed codes can only be read with the key.
The cipher is ChaCha20-Poly1305 (RFC 8439) of the `cryptography` package. Receiver, encoder and
format version are authenticated with the codes. So a file for one receiver is never accepted as
another's.
"""

import hashlib
import json
import os
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from aalprivacy.errors import InputError

NONCE_BYTES, KEY_BYTES = 12, 32


def make_key() -> str:
    """A new random key: 64 hexadecimal digits."""
    return ChaCha20Poly1305.generate_key().hex()


def read_key(path: str | Path) -> bytes:
    """Read a file that holds a key.

    Raises
    ------
    InputError
        If there is no such file, or it doesn't hold a key.
    """
    try:
        key = bytes.fromhex(Path(path).read_text("utf-8-sig").strip())
    except FileNotFoundError:
        raise InputError(
            f"{path}: no such file; expected a key ('aalprivacy key' makes one)"
        ) from None
    except (OSError, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise InputError(f"{path}: not a key; expected {2 * KEY_BYTES} hexadecimal digits")
    return key


def mark(key: bytes) -> str:
    """16 hexadecimal digits that identify a key and reveal nothing of it."""
    return hashlib.sha256(b"a key of aalprivacy" + key).hexdigest()[:16]


def seal(content: bytes, key: bytes, about: dict) -> bytes:
    """Encrypt; the result begins with the random nonce. `about` is authenticated, not hidden."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + ChaCha20Poly1305(key).encrypt(nonce, content, _bytes(about))


def unseal(sealed: bytes, key: bytes, about: dict) -> bytes:
    """The inverse of `seal`.

    Raises
    ------
    InputError
        If the key or `about` is another, or a byte was changed.
    """
    try:
        nonce, content = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
        return ChaCha20Poly1305(key).decrypt(nonce, content, _bytes(about))
    except (InvalidTag, ValueError):
        raise InputError(
            "can't be unsealed: another key, another receiver, or the file was changed"
        ) from None


def _bytes(about: dict) -> bytes:
    return json.dumps(about, sort_keys=True).encode()
