"""The deployment's signing key: Ed25519, derived from the secret key unless a key of its own is set."""

from __future__ import annotations

import base64
import binascii
import hashlib
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key, load_pem_public_key

from infra.settings import Settings, SettingsError

SEED_BYTES = 32
_INFO = b"daftar signed heads, Ed25519, 1"


class SigningKey:
    """Signs heads. Its id is the SHA-256 of the 32 bytes of the public key, in hexadecimal."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.public_key = key.public_key()
        self.id = key_id(self.public_key)

    @property
    def public_pem(self) -> str:
        """The public key, as every tool reads it."""
        return self.public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    def sign(self, message: bytes) -> bytes:
        """The 64 bytes of the signature."""
        return self._key.sign(message)


def key_id(key: Ed25519PublicKey) -> str:
    """What names a key."""
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()


def is_signed(key: Ed25519PublicKey, message: bytes, signature: bytes) -> bool:
    """Whether this is the key's signature of the message."""
    try:
        key.verify(signature, message)
    except InvalidSignature:
        return False
    return True


def signing_key(settings: Settings) -> SigningKey:
    """The key that the settings name, else the one derived from the secret key. Raises SettingsError."""
    if settings.signing_key:
        return SigningKey(_given(settings.signing_key))
    if not settings.secret_key:
        raise SettingsError("DAFTAR_SIGNING_KEY or DAFTAR_SECRET_KEY is needed to sign")
    seed = HKDF(SHA256(), SEED_BYTES, salt=None, info=_INFO).derive(settings.secret_key.encode())
    return SigningKey(Ed25519PrivateKey.from_private_bytes(seed))


def _given(text: str) -> Ed25519PrivateKey:
    """The key in a PEM file, or of a seed in base64; the message never shows the text, which may be the key itself."""
    try:
        seed = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        seed = b""
    if len(seed) == SEED_BYTES:
        return Ed25519PrivateKey.from_private_bytes(seed)
    try:
        key = load_pem_private_key(Path(text).expanduser().read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it holds no unencrypted private key"
        raise SettingsError(
            f"DAFTAR_SIGNING_KEY: neither {SEED_BYTES} bytes in base64 nor a PEM file that can be read ({reason})"
        ) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise SettingsError("DAFTAR_SIGNING_KEY: the PEM file holds a key of another kind; Ed25519 is needed")
    return key


def read_public_key(pem: bytes) -> Ed25519PublicKey:
    """The Ed25519 public key in a PEM. Raises ValueError."""
    key = load_pem_public_key(pem)
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError("the file holds a key of another kind; Ed25519 is needed")  # noqa: TRY004 - what it holds is a value
    return key
