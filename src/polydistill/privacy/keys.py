"""Keys and passwords: where one may stand, what looks like one elsewhere, and how none is ever shown.

A plan is saved, hashed, put into reports and sent to friends. So a key stands in an environment variable or in a file, and
a plan names that; what looks like a key in a plan is refused before anything is made of it.
"""

import os
import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

LARGEST = 8192
"""Bytes of a file with a key."""

SHORTEST = 8
"""Characters. What is shorter, such as the EMPTY that a server of one's own is content with, keeps no secret."""

SHAPES = re.compile(
    r"""(?<![A-Za-z0-9])(?:
      sk-(?:\w+-){0,4}?(?=[A-Za-z_]*\d)\w{16,}[\w-]* | (?:sk|rk)_(?:live|test)_\w{16,} | gsk_\w{20,} | nvapi-[\w-]{20,}
    | hf_[A-Za-z0-9]{20,} | gh[opsur]_\w{20,} | github_pat_\w{20,} | glpat-[\w-]{20,} | npm_\w{30,}
    | (?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Za-z0-9]) | AIza[\w-]{30,} | xox[a-z]-[\w-]{10,} | eyJ[\w-]{8,1000}\.[\w-]{8,}\.[\w-]*
    | r8_\w{30,} | pypi-[\w-]{40,} | (?i:bearer)\s+(?=[\w.~+/=-]*\d)[\w.~+/=-]{16,} | (?i:basic)\s+(?=[\w+/=]*\d)[\w+/=]{16,}
    )|-----BEGIN[A-Z ]*PRIVATE[ ]KEY-----(?:[^-]*-----END[A-Z ]*-----)?""",
    re.VERBOSE | re.ASCII,
)
"""What keys of well-known services look like, tokens of the web, and private keys."""
IN_ADDRESS = re.compile(
    r"(?P<before>://)[^/\s@:]*:[^/\s@]+(?=@)|(?P<name>[?&](?:[\w-]{0,40}(?:key|token|secret|signature|passw\w{0,10})|sig|auth)=)[^&\s#]+",
    re.IGNORECASE,
)
"""A password, or a key as a parameter, inside an address."""
GIVEN = re.compile(
    r"(?<!\S)(?:-*([A-Za-z][\w.-]*)=\S|--([A-Za-z][\w-]*)\s+[^-\s]|((?i:[\w-]*authorization|cookie|x-[\w-]+)):\s*\S)"
)
"""In a line: a setting, an option or a header with its value."""
NAMED = re.compile(
    r"(api|access|secret|private|auth|account|subscription|encryption|signing)key|secret|passwor[dt]|passwd|passphrase|pwd\Z"
    r"|authori[sz]ation|credential|cookie|bearer|(?<!eos)(?<!bos)(?<!pad)(?<!unk)(?<!sep)(?<!cls)(?<!mask)token\Z|\Akey\Z"
)
"""Names of what is secret, in small letters without signs between words."""
ELSEWHERE = re.compile(r"(file|path|folder|dir|variable|var|env|name)\Z")
"""Names of where it is to be found."""
HOW = (
    "a key stands in an environment variable or a file, and a plan names that (engines of endpoints: key_variable or key_file)"
)

_known: set[str] = set()


class NoKey(ValueError):
    """A key that is not where it should be, or not fit to be used; says where, never what."""


def read(variable: str | None, file: Path | None, wanted_for: str) -> str | None:
    """The key that an environment variable or a file holds; None where neither is named."""
    if file is not None:
        return from_file(file, wanted_for)
    return None if variable is None else from_variable(variable, wanted_for)


def from_variable(name: str, wanted_for: str) -> str:
    """The key that an environment variable holds.

    Raises:
        NoKey: it is not set, or holds no key.
    """
    key = os.environ.get(name, "").strip()
    if not key:
        raise NoKey(f"the environment variable {name} is not set; put the key for {wanted_for} into it")
    return _kept(key, f"the environment variable {name}")


def from_file(path: Path, wanted_for: str) -> str:
    """The key that a file holds; white space around it is dropped.

    Like ssh, it refuses a file of one's own that others may read.

    Raises:
        NoKey: there is no such file, others may read it, or it holds no key.
    """
    path = path.expanduser()
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:  # a pipe would be waited for
            about = os.fstat(file.fileno())
            if not stat.S_ISREG(about.st_mode):
                raise NoKey(f"{path} is no file; put the key for {wanted_for} into one")
            if about.st_uid == os.getuid() and about.st_mode & 0o077:
                raise NoKey(f"{path} holds a key and others may read it; close it with: chmod 600 {path}")
            held = file.read(LARGEST + 1)
    except (OSError, ValueError) as error:
        if isinstance(error, NoKey):
            raise
        reason = error.strerror if isinstance(error, OSError) else "it is no path"
        raise NoKey(f"the key for {wanted_for} cannot be read from {path}: {reason}") from None
    if len(held) > LARGEST:
        raise NoKey(f"{path} is larger than a key can be")
    text = held.decode("ascii", "replace").strip()
    if not text:
        raise NoKey(f"{path} is empty; put the key for {wanted_for} into it")
    return _kept(text, str(path))


def _kept(key: str, where: str) -> str:
    """The key, from now on never shown."""
    if not (key.isascii() and key.isprintable()) or " " in key:  # it becomes a line of a request
        raise NoKey(f"{where} holds no key: a key is one line of visible ASCII characters without spaces")
    if len(key) >= SHORTEST:
        _known.add(key)
    return key


def masked(text: str) -> str:
    """A text with ``***`` in place of every key that has been read, and of all that looks like one."""
    for key in sorted(_known, key=len, reverse=True):
        for form in (key, quote(key), quote(key, safe=""), quote(key, safe="/+="), key.replace("/", r"\/")):
            text = text.replace(form, "***")
    return IN_ADDRESS.sub(lambda match: (match["before"] or match["name"]) + "***", SHAPES.sub("***", text))


def secret(name: object) -> bool:
    """Whether what has this name is a key or a password: ``api_key``, ``X-Api-Key``, ``--password``, ``accessToken``."""
    plain = re.sub(r"[^a-z0-9]", "", str(name).lower())
    return bool(NAMED.search(plain)) and not ELSEWHERE.search(plain)


def _count(name: object, value: Any) -> bool:
    """Whether this says how many: ``max_token``, misspelt."""
    return isinstance(value, (int, float)) and str(name).lower().endswith("token")


def found_in(value: Any, loc: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], str]]:
    """(where, what is wrong) of everything in a tree of settings that looks like a key; never the key itself."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if masked(str(key)) != str(key):
                yield loc, f"a name in it looks like a key; {HOW}"
            elif secret(key) and inner not in (None, "", True, False) and not _count(key, inner):
                yield (*loc, key), f"a key or a password, by its name; {HOW}"
            else:
                yield from found_in(inner, (*loc, key))
    elif isinstance(value, (list, tuple)):
        for place, inner in enumerate(value):
            option = value[place - 1] if place else None
            if isinstance(option, str) and option.startswith("-") and "=" not in option and secret(option):
                yield (
                    (*loc, place),
                    f"is what {option} asks for: a key or a password; let the program read it from its environment",
                )
            else:
                yield from found_in(inner, (*loc, place))
    elif isinstance(value, str):
        named = next((name for found in GIVEN.finditer(value) if (name := found[found.lastindex or 0]) and secret(name)), None)
        if masked(value) != value:
            yield loc, f"looks like a key; {HOW}"
        elif named:
            yield loc, f"gives {named} a key or a password; {HOW}"
