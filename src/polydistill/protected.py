"""What inside a sentence must not be translated.

`spans` finds what must stay as it is (code, formulas, links, placeholders, paths); `marks` is the markup that must come out
in the same order. Every pattern is bounded, so that no input takes more than linear time.
"""

import functools
import re
from collections.abc import Callable

_START = r"(?<![A-Za-z0-9_])"
"""No letter before it; ``\\b`` would not begin after Chinese."""
_ENDINGS = (
    "py|js|ts|c|cpp|h|rs|go|java|rb|sh|txt|md|csv|tsv|json|jsonl|ya?ml|toml|xml|html?|css|pdf|png|jpe?g|gif|svg|zip|gz|tar|exe|ini"
    "|cfg|conf|log|ipynb|docx?|xlsx?|sql|db|mp[34]|wav"
)
_REST = r"[^\s<>\"`|\\^\u3000-\u303f\uff00-\uffef\u4e00-\u9fff]{1,2000}(?<![.,;:!?)\]}'*_…])"
_TERM = r"(?:\d{1,9}(?:[.,]\d{1,9})?%?|[A-Za-z](?:[\^_][\w{}()+-]{1,9}|\d)?(?![A-Za-z])|[A-Za-z]{2}[\^][\w{}()]{1,9})"
SPAN = re.compile(
    "|".join(
        (
            # code
            r"(?P<ticks>`{1,6})(?!`)[^\n]{1,500}?(?<!`)(?P=ticks)(?!`)",
            # formulas
            r"\$\$[^$\n]{1,500}\$\$",
            r"\\\([^\n]{1,500}?\\\)",
            r"\\\[[^\n]{1,500}?\\\]",
            r"(?<![\w$])\$(?:[A-Za-z]\w?|(?=[^$\n]{0,200}[\\^_={}<>+])[^\s$](?:[^$\n]{0,198}[^\s$])?)\$(?!\w)",
            r"\\[A-Za-z]{2,30}\*?(?:\{[^{}\n]{0,200}\}|\[[^\[\]\n]{0,100}\]){0,6}",
            # links
            r"!\[[^\[\]\n]{0,300}\]\((?:[^()\s]|\([^()\s]{0,100}\)){1,1000}\)",
            r"\]\((?:[^()\s]|\([^()\s]{0,100}\)){1,1000}(?:\s\"[^\"\n]{0,200}\")?\)",
            rf"{_START}[A-Za-z][A-Za-z0-9+.-]{{1,15}}://{_REST}",
            rf"{_START}(?:www\.|mailto:){_REST}",
            r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,4}",
            rf"{_START}[A-Za-z0-9-]{{1,63}}(?:\.[A-Za-z0-9-]{{1,63}}){{0,3}}\.(?:com|org|net|edu|gov|info|io|dev|app|ai|eu|uk|de|fr|es)"
            rf"(?![A-Za-z0-9])(?:/{_REST})?",
            # markup and placeholders
            r"<\|[^|<>\n]{1,40}\|>",
            r"</?[A-Za-z!][^<>\n]{0,300}>",
            r"&#?\w{2,8};",
            r"\{\{[^{}\n]{0,80}\}\}|[$#%]?\{[^{}\n]{0,80}\}",
            r"%\(\w{1,40}\)[a-z]|(?<![\d\w])%(?:\d\$)?[.\d]{0,4}[sdifxuc@](?!\w)",
            r"\[/?[A-Z][A-Z_]{1,20}\]",
            r"(?<!\w)[@#]\w{2,50}",
            r"(?<!\w)\$[A-Z_]{2,30}(?!\w)",
            r"(?i:X ?Q ?[A-PR-WYZ]{1,3} ?X)",  # the guard's own tokens
            # paths, files, options, names in programs
            r"(?<![\w/.])(?:~|\.{1,2})?/[\w.@%+-]{1,100}(?:/[\w.@%+-]{0,100}){0,20}(?<![.])",
            rf"{_START}[A-Za-z]:\\[^\s<>\"|?*]{{1,300}}(?<![.,;:!?)])",
            rf"{_START}[A-Za-z0-9_-]{{1,80}}(?:/[A-Za-z0-9_.-]{{1,80}}){{0,10}}\.(?:{_ENDINGS})(?![A-Za-z0-9])",
            r"(?<!\S)--[a-z][\w-]{1,40}(?:=[^\s,;]{1,100})?(?=[\s,.;:)]|\Z)",
            rf"{_START}[A-Za-z_][A-Za-z0-9_.]{{0,60}}\((?:\)|[^()\n]{{0,120}}[\"'=][^()\n]{{0,120}}\))",
            rf"{_START}[A-Za-z][A-Za-z0-9]{{0,60}}_[A-Za-z0-9_]{{1,60}}(?![A-Za-z0-9])",
            rf"{_START}[a-z]{{1,30}}[A-Z][A-Za-z0-9]{{0,60}}(?![A-Za-z0-9])",
            # a = b + 2
            rf"(?<![\w.]){_TERM}(?:(?:\s[=+×÷*/^<>≤≥≈≠]\s|[=+×÷*/^<>≤≥≈≠])[-−(]?{_TERM}\)?){{1,30}}(?!\w)",
        )
    )
)
LONGEST_REMEMBERED = 1000
"""Characters. The spans of a longer text are found anew each time."""
_MARK = re.compile(r"\*{1,3}|~~|__|(?<!\w)_(?=\w)|(?<=\w)_(?!\w)")
_LINK = re.compile(r"(?<!!)\[(?=[^\[\]\n]{1,300}\]\()")


def spans(sentence: str) -> list[tuple[int, int]]:
    """Start and end of each thing in a sentence that must stay as it is."""
    return list(_spans(sentence) if len(sentence) <= LONGEST_REMEMBERED else _spans.__wrapped__(sentence))


@functools.lru_cache(maxsize=8192)
def _spans(sentence: str) -> tuple[tuple[int, int], ...]:
    # The guard asks many times for the spans of one sentence, and finding them is most of its work.
    return tuple(match.span() for match in SPAN.finditer(sentence))


def without(sentence: str, stand_in: Callable[[int], str]) -> str:
    """The sentence with something else for each thing that must stay as it is; ``stand_in`` is given its length."""
    parts, at = [], 0
    for start, end in spans(sentence):
        parts += [sentence[at:start], stand_in(end - start)]
        at = end
    return "".join([*parts, sentence[at:]])


def marks(sentence: str) -> list[tuple[int, int]]:
    """Start and end of each piece of markup: emphasis, tags, and the two ends of a link; tags and links are `spans` too."""
    found = [(start, end) for start, end in spans(sentence) if sentence[start] in "<]"]
    plain = without(sentence, lambda length: "\0" * length)
    found += [match.span() for match in _MARK.finditer(plain)]
    found += [match.span() for match in _LINK.finditer(sentence)]
    return sorted(set(found))
