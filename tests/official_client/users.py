"""Users for servers that ask for a password, in deepstream's own format (CONFIG.md, strategy ``file``)."""

import base64
import hashlib
import json

ITERATIONS, KEY_LENGTH = 100, 32
AUTH = [
    {
        "type": "file",
        "options": {
            "users": "fileLoad(users.yml)",
            "hash": "md5",
            "iterations": ITERATIONS,
            "keyLength": KEY_LENGTH,
        },
    }
]


def hashed(password: str, salt: bytes = b"sixteen bytes...") -> str:
    """Return the password as users.yml has it: the key, then the salt; the salt's text is the salt."""
    text = base64.b64encode(salt)
    key = hashlib.pbkdf2_hmac("md5", password.encode(), text, ITERATIONS, KEY_LENGTH)
    return (base64.b64encode(key) + text).decode()


# JSON is YAML too, and keeps the text as it is.
USERS = json.dumps(
    {
        "ann": {"password": hashed("tiger"), "clientData": {"themes": ["dark"], "größe": 1}},
        "bob": {"password": hashed("lion")},
        "provider": {"password": hashed("secret"), "serverData": {"role": "provider"}},
    },
    ensure_ascii=False,
)
