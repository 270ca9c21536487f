"""How the servers of the scripts are set up; each script names one of these."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.servers import configuration

_STORAGE = Path(__file__).with_name("memory_storage.cjs")
_PATIENT = {
    "shuffleProviders": False,
    "responseTimeout": 10_000,
    "rematchInterval": 60_000,
    "matchCooldown": 100,
}
_HASTY = _PATIENT | {"responseTimeout": 200}
_PREFIXES = {"storageExclusionPrefixes": ["nostore/"], "storageHotPathPrefixes": ["hot/"]}
_NOBODY = {"allow": False}

_PASSWORD = "SdUKam1l380x4eJIKB2YbuGfh8IemwHuLUYGVZNsBAs=2qcu32d3w10gC3wY/pOFrg=="
"""``secret`` as the file strategy keeps it."""

RULES: dict[str, Any] = {
    "record": {
        "*": dict.fromkeys(["create", "read", "write", "delete", "listen", "notify"], True),
        "no/*": dict.fromkeys(["create", "read", "write", "delete", "listen", "notify"], False),
        "nocreate/*": {"create": False, "read": True, "write": True},
        "nowrite/*": {"create": True, "read": True, "write": False},
    },
    "event": {
        "*": dict.fromkeys(["publish", "subscribe", "listen"], True),
        "no/*": dict.fromkeys(["publish", "subscribe", "listen"], False),
        "fails/*": {"publish": "data.not.there > 1", "subscribe": True},
    },
    "rpc": {
        "*": {"provide": True, "request": True},
        "no/*": {"provide": False, "request": False},
        "fails/*": {"provide": True, "request": "data.not.there > 1"},
    },
    "presence": {"*": {"allow": True}, "no/*": _NOBODY},
}

USERS = f"""
ann: {{password: "{_PASSWORD}", clientData: {{colour: red}}}}
bob: {{password: "{_PASSWORD}", clientData: {{colour: blue}}}}
"""

SETTINGS: dict[str, dict[str, Any]] = {
    "open": {"rpc": {"ackTimeout": 10_000, "responseTimeout": 10_000}, "listen": _PATIENT},
    "hasty": {
        "rpc": {"ackTimeout": 500, "responseTimeout": 1000},
        "listen": _HASTY,
        "endpoint": {"unauthenticatedClientTimeout": 1000},
    },
    "guarded": {"permission": {"type": "config", "options": {"permissions": RULES}}, "listen": _PATIENT},
    "accounts": {
        "auth": [{"type": "file", "options": {"users": "fileLoad(users.yml)"}}],
        "rpc": {"provideRequestorName": True, "provideRequestorData": True},
        "endpoint": {"maxAuthAttempts": 2},
    },
}


def configured(kind: str, setting: str) -> dict[str, Any]:
    """The configuration of a server of this kind in this setting; both kinds store what is to be stored."""
    sections = {"record": _PREFIXES} | SETTINGS[setting]
    if kind == "reference":
        sections["storage"] = {"path": str(_STORAGE), "options": {}}
        if setting == "accounts":
            options = {"hash": "md5", "iterations": 100, "keyLength": 32} | sections["auth"][0]["options"]
            sections["auth"] = [{"type": "file", "options": options}]
    return configuration(**sections)


FILES = {"users.yml": USERS}
