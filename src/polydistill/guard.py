"""One guard around every translator: what goes in is cut and protected, what comes out is checked and put back together.

A translator sees single sentences, each once. Code, formulas, links, placeholders, paths and markup do not reach it: inside a
sentence a token such as ``XQAX`` stands for each. Where the translator loses one, the sentence is translated again in parts
around them. A text with anything wrong in it gets one of the `faults.REASONS`.
"""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from . import faults, progress, protected
from .languages import language_id, segments
from .records import Lang
from .storage.store import Failed, Store
from .translators import FailedTranslation, OpenTranslator

GIVE_UP_AFTER = 3
"""When so many sentences fail one by one and none has ever succeeded, the fault is not theirs: the error is raised."""


Paid = dict[str, str | None]
"""A translation for each sentence, None where the translator failed."""
Pay = Callable[[Sequence[str]], Paid]


class Guarded(NamedTuple):
    """A translated text."""

    text: str
    pieces: tuple[str, ...]
    """One for each piece of the source, in order; they join to ``text``."""
    reason: str
    """Why it must not be used, one of `faults.REASONS`; empty where it is fine."""


def split(text: str) -> list[str]:
    """The text in pieces that join back to it exactly: sentences, and what must not be translated (code blocks, list markers,
    line breaks, white space) as pieces of their own."""
    return [piece.text for piece in segments.pieces(text)]


def translate(
    translator: OpenTranslator, texts: Sequence[str], source: Lang, target: Lang, store: Store | None = None, what: Any = None
) -> list[Guarded]:
    """Translates texts of any length and shape, in order; the same language on both sides gives them back.

    Args:
        translator: An open translator.
        texts: Texts in the source language.
        source: Their language.
        target: The wanted language.
        store: Where paid-for sentences are kept; without it each is kept for this call only.
        what: The translator's identity, part of the key under which they are kept.
    """
    cut = [segments.pieces(text) for text in texts]
    if source == target:
        return [Guarded(text, tuple(piece.text for piece in one), "") for text, one in zip(texts, cut, strict=True)]

    def pay(sentences: Sequence[str]) -> Paid:
        wanted = list(dict.fromkeys(sentences))
        key = {"translator": what, "source": source, "target": target}
        if store is None:
            found = _ask(translator, wanted, source, target)
        else:
            found = store.through(key, wanted, lambda some: _ask(translator, some, source, target))
        return {sentence: None if isinstance(one, Failed) else one for sentence, one in zip(wanted, found, strict=True)}

    akin = language_id.akin(source, target)  # there a right translation may be the source's own words
    done = _sentences(list(dict.fromkeys(piece.text for one in cut for piece in one if piece.sentence)), pay, akin)
    return [_assembled(one, done, target, akin) for one in cut]


def _ask(translator: OpenTranslator, sentences: list[str], source: Lang, target: Lang) -> list[str | Failed]:
    """The translations, a failure for each sentence that makes the translator fail; it is found by halving."""
    failures = successes = 0

    def some(lot: list[str]) -> list[str | Failed]:
        nonlocal failures, successes
        try:
            found: list[str | Failed] = list(translator.translate(lot, source, target))
        except FailedTranslation as error:
            if len(lot) == 1:
                progress.say(f"a sentence has no translation: {error}")
                failures += 1
                if failures >= GIVE_UP_AFTER and not successes:
                    raise
                return [Failed(str(error), lasting=False)]
            half = len(lot) // 2
            return some(lot[:half]) + some(lot[half:])
        if len(found) != len(lot):
            raise RuntimeError(f"{type(translator).__name__} gave {len(found)} translations for {len(lot)} sentences")
        successes += len(lot)
        return found

    return some(sentences) if sentences else []


# Sentences.


class _Sentence(NamedTuple):
    text: str | None
    """None where there is none that could be used."""
    reason: str


def _sentences(sources: Sequence[str], pay: Pay, akin: bool) -> dict[str, _Sentence]:
    """The translation of each sentence: first with tokens for what is protected, then in parts where a token was lost."""
    masked = {source: _masked(source) for source in sources}
    paid = pay([mask for mask, _ in masked.values()])
    done, cut = {}, {}
    for source, (mask, kept) in masked.items():
        raw = paid[mask]
        whole = None if raw is None else _unmasked(_clean(raw), kept)
        if raw is None:
            done[source] = _Sentence(None, "failed")
        elif whole is not None and _marks(whole) == _marks(source):
            done[source] = _Sentence(whole, faults.of_sentence(source, whole, akin))
        else:
            cut[source] = _cut(source)
    paid = pay([part.strip() for parts in cut.values() for part in parts[::2] if _spoken(part)])
    for source, parts in cut.items():
        done[source] = _rejoined(source, parts, paid, akin)
    return done


LETTERS = "ABCDEFGHIJKLMNOPRSTUVWYZ"
"""Tokens count in letters: translators cut digits off a word, and their number is checked."""
_TOKEN = re.compile(r"(\s?)X ?Q ?([A-PR-WYZ]{1,3}) ?X(\s?)", re.IGNORECASE)


def _token(number: int) -> str:
    high, low = divmod(number, len(LETTERS))
    return f"XQ{LETTERS[high - 1] if high else ''}{LETTERS[low]}X"


def _masked(sentence: str) -> tuple[str, list[tuple[str, bool, bool]]]:
    """The sentence with tokens, and what each stands for with whether a space was put before and after it."""
    found = protected.spans(sentence)
    starts = {start for start, _ in found}
    text, kept, at = "", [], 0
    for number, (start, end) in enumerate(found):
        text += sentence[at:start]
        before = text[-1:].isalnum()
        after = sentence[end : end + 1].isalnum() or end in starts
        text += " " * before + _token(number) + " " * after
        kept.append((sentence[start:end], before, after))
        at = end
    return text + sentence[at:], kept


def _unmasked(text: str, kept: list[tuple[str, bool, bool]]) -> str | None:
    """The text with what the tokens stand for, None unless each is there once."""
    if not kept:
        return text
    left = {_token(number): span for number, span in enumerate(kept)}

    def put(match: re.Match[str]) -> str:
        span, before, after = left.pop(f"XQ{match[2].upper()}X", ("", False, False))
        lost.append(not span)
        return ("" if before else match[1]) + span + ("" if after else match[3])

    lost: list[bool] = []
    whole = _TOKEN.sub(put, text)
    return None if left or any(lost) else whole


def _clean(raw: str) -> str:
    """One line, without space around it."""
    return re.sub("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+", " ", raw).strip()


def _cut(sentence: str) -> list[str]:
    """What stands between protected spans and marks (even places), and these (odd places)."""
    parts, at = [], 0
    for start, end in sorted({*protected.spans(sentence), *protected.marks(sentence)}):
        parts += [sentence[at:start], sentence[start:end]]
        at = end
    return [*parts, sentence[at:]]


def _spoken(part: str) -> bool:
    return any(character.isalpha() for character in part)


def _rejoined(source: str, parts: list[str], paid: Paid, akin: bool) -> _Sentence:
    """The translated parts with what stands between them."""
    whole = ""
    for number, part in enumerate(parts):
        if number % 2 or not _spoken(part):
            whole += part
            continue
        bare = part.strip()
        raw = paid[bare]
        if raw is None:
            return _Sentence(None, "failed")
        if not _spoken(raw):
            return _Sentence(None, "empty")
        before, _, after = part.partition(bare)
        whole += before + _clean(raw) + after
    if _marks(whole) != _marks(source):
        return _Sentence(whole, "lost_protected")
    return _Sentence(whole, faults.of_sentence(source, whole, akin))


def _marks(sentence: str) -> list[tuple[str, bool]]:
    """The markup of a sentence in order; emphasis with whether a space follows where it opens, or precedes where it closes."""
    found, count = [], Counter[str]()
    for start, end in protected.marks(sentence):
        mark = sentence[start:end]
        beside = sentence[end : end + 1] if count[mark] % 2 == 0 else sentence[max(0, start - 1) : start]
        count[mark] += 1
        found.append((mark, mark[0] in "*_~" and (not beside or beside.isspace())))
    return found


# Texts.


def _assembled(source: Sequence[segments.Piece], done: dict[str, _Sentence], target: Lang, akin: bool) -> Guarded:
    """A text from its pieces; a sentence that has no translation stays as it was."""
    found = [done[piece.text] if piece.sentence else _Sentence(piece.text, "") for piece in source]
    pieces = tuple(piece.text if one.text is None else one.text for piece, one in zip(source, found, strict=True))
    reason = next((one.reason for one in found if one.reason), "")
    if not reason:
        sentences = [place for place, piece in enumerate(source) if piece.sentence]
        before = " ".join(segments.bare(source[place].text) for place in sentences)
        after = " ".join(segments.bare(pieces[place]) for place in sentences)
        reason = faults.of_text(before, after, target, akin)
    return Guarded("".join(pieces), pieces, reason)
