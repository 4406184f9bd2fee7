"""Texts that say first why, and then what the answer is."""

import regex

_ANSWER = regex.compile(
    r"""(?:^|[\s"'“(*_])                             # begins a word
    (?:(?:so|therefore|thus|hence|and|then)[,\s]+)?
    (?:(?:the|my)\s+(?:final\s+)?answer(?:\s+is\b|\s*:)|(?:final\s+)?answer\s*:)
    [\s:*_"]*""",
    regex.IGNORECASE | regex.VERBOSE,
)


def parted(text: str) -> tuple[str, str]:
    """(why, the answer) of a text such as "Ten less four is six. So the answer is 6."; for any text at all.

    The answer is what follows the last "(So) the (final) answer is" or "Answer:" up to the end of its line, without a full
    stop and quotation marks. It is empty where a text says no such thing, or nothing after it; "why" then is all of the text.
    """
    *_, last = [None, *_ANSWER.finditer(text)]
    if last is None:
        return text.strip(), ""
    line, *_ = [*text[last.end() :].splitlines(), ""]
    answer = line.strip().strip("*_\"“”'").removesuffix(".").strip("*_\"“”'").strip()
    return (text[: last.start()].strip(), answer) if answer else (text.strip(), "")
