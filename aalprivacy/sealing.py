"""Sealed codes: authenticated encryption of a file of codes, with a key for each receiver.

A code by itself is no secret (see `aalprivacy.audit`): who knows enough entries can learn to read
codes, and nobody notices one that was changed. Only the holder of the key can read sealed ones.
It is ChaCha20-Poly1305 (RFC 8439) of the `cryptography` package; receiver, encoder and format
version are authenticated with the codes, so a file can't be passed off as another receiver's.
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
    """A new key at random: 64 hexadecimal digits."""
    return ChaCha20Poly1305.generate_key().hex()


def read_key(path: str | Path) -> bytes:
    """Read a file that holds a key.

    Raises
    ------
    InputError
        If there is none, or it holds something else.
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
    """What tells a key from others and gives nothing of it away: 16 hexadecimal digits."""
    return hashlib.sha256(b"a key of aalprivacy" + key).hexdigest()[:16]


def seal(content: bytes, key: bytes, about: dict) -> bytes:
    """Encrypt, under a fresh nonce, which comes first; `about` is authenticated, not hidden."""
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
