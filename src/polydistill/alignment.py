"""Where the tokens of two tokenizers begin and end in the same text, in bytes."""

import json
import re
from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate
from typing import Any, NamedTuple

from .batch import Tokens
from .records import Text
from .template import Template

END = b"\xff end"
"""Stands for the end of an answer. No text in UTF-8 has its first byte."""
LEVEL = [*range(33, 127), *range(161, 173), *range(174, 256)]
LETTERS = {chr(byte): byte for byte in LEVEL} | {
    chr(256 + number): byte for number, byte in enumerate(byte for byte in range(256) if byte not in LEVEL)
}
"""The letter that byte-level tokenizers write for each byte: itself where it can be seen, else one from 256 on."""


class NotAligned(ValueError):
    """A row whose answer two tokenizers do not write as the same bytes, and from where on."""


class TokenBytes:
    """The bytes of text that each token of a tokenizer stands for; special ones and the unknown token stand for none.

    Raises:
        ValueError: it writes its tokens in a way that is not known here.
    """

    def __init__(self, template: Template):
        self.template, tokenizer = template, template.tokenizer
        self.of = _pieces(tokenizer)
        begins = b"".join(self.of.get(id, b"") for id in tokenizer.encode("a", add_special_tokens=False))
        self.before = b" " if begins == b" a" else b""
        """What it writes before a text of its own accord."""

    def each(self, ids: Sequence[int], row: str) -> list[bytes]:
        """The bytes of each token of an answer, `END` for the end of the turn.

        Raises:
            NotAligned: a token of it stands for no text.
        """
        ended = ids[-1:] and ids[-1] in self.template.ends
        some = ids[:-1] if ended else ids
        if unknown := [id for id in some if id not in self.of]:
            word = self.template.tokenizer.convert_ids_to_tokens(unknown[0])
            raise NotAligned(f"row {row} cannot be aligned: token {unknown[0]} ({word!r}) in its answer stands for no text")
        return [*(self.of[id] for id in some), *([END] if ended else [])]


def _pieces(tokenizer: Any) -> dict[int, bytes]:
    backend = getattr(tokenizer, "backend_tokenizer", None)
    decoder = backend.decoder.__getstate__().decode() if backend and backend.decoder else "null"
    kinds = set(re.findall(r'"type":"(\w+)"', json.dumps(json.loads(decoder), separators=(",", ":"))))
    level, spaced = "ByteLevel" in kinds, "▁" in decoder and not kinds & {"WordPiece", "BPEDecoder", "CTC"}
    if not level and not spaced:
        way = ", ".join(sorted(kinds)) or "no decoder of its own"
        raise ValueError(f"which bytes the tokens of {tokenizer.name_or_path} stand for is not known ({way})")
    found, added = {}, tokenizer.added_tokens_decoder
    for word, id in tokenizer.get_vocab().items():
        if id == tokenizer.unk_token_id:
            continue
        if id in added:
            if not added[id].special:
                found[id] = added[id].content.encode()
        elif level:
            if LETTERS.keys() >= set(word):
                found[id] = bytes(LETTERS[letter] for letter in word)
        elif byte := "ByteFallback" in kinds and re.fullmatch("<0x([0-9A-F]{2})>", word):
            found[id] = bytes.fromhex(byte[1])
        else:
            found[id] = word.replace("▁", " ").encode()
    return found


def cut(ours: Sequence[bytes], theirs: Sequence[bytes]) -> tuple[list[int], list[int]]:
    """The number of the span that each token of two writings of the same bytes is in.

    A span ends wherever a token of both does. A token of no bytes is in the span that ends where it stands, at the very
    front in the first one.
    """
    ends = [list(accumulate(map(len, side))) for side in (ours, theirs)]
    shared = sorted({*ends[0]} & {*ends[1]} - {0})
    one, other = ([bisect_left(shared, end) for end in side] for side in ends)
    return one, other


class Aligned(NamedTuple):
    """A row as the teacher's tokenizer and template write it, and its answer in spans."""

    tokens: Tokens
    own: list[int]
    """The span of each token of the student's answer."""
    of: list[int]
    """The span of each token of the teacher's answer."""
    alike: list[bool]
    """For each span, whether it is one token against one of equal bytes."""


def aligned(row: Tokens, student: TokenBytes, teacher: TokenBytes) -> Aligned:
    """A row of the student's for the teacher: the same question in the teacher's own template, and the bytes of the answer.

    Raises:
        NotAligned: the teacher's tokenizer writes other bytes, or it is no text in UTF-8.
        ValueError: the row's text is not known here.
    """
    if row.payload is None:
        raise ValueError(f"only the tokens of row {row.id} are known, not its text, which another tokenizer must read")
    ours = student.each(row.ids[len(row.ids) - row.learned :], row.id)
    ended, one = ours[-1:] == [END], _trimmed(ours, student.before)
    try:
        text = b"".join(one[: len(one) - ended]).decode()
    except UnicodeDecodeError as error:
        raise NotAligned(f"row {row.id} cannot be aligned: byte {error.start} of its answer is no UTF-8") from None
    answer = teacher.template.answer(text) + [teacher.template.end_of_turn] * ended
    theirs = teacher.each(answer, row.id)
    # Where both write the same space before the answer, it is a part of it.
    if b"".join(ours) == b"".join(theirs):
        one, other = ours, theirs
    else:
        other = theirs if b"".join(theirs) == b"".join(one) else _trimmed(theirs, teacher.before)
    _refuse_other_bytes(row.id, b"".join(one), b"".join(other))
    own, of = cut(one, other)
    pairs: list[tuple[list[bytes], list[bytes]]] = [([], []) for _ in {*own}]
    for side, spans, pieces in ((0, own, ours), (1, of, theirs)):
        for span, piece in zip(spans, pieces, strict=True):
            pairs[span][side].append(piece)
    prompt = teacher.template.start if isinstance(row.payload, Text) else teacher.template.prompt(row.payload.asked)
    tokens = Tokens([*prompt, *answer], len(prompt), row.rich, row.kind, row.id)
    return Aligned(tokens, own, of, [len(mine) == 1 and mine == others for mine, others in pairs])


def _refuse_other_bytes(row: str, one: bytes, other: bytes) -> None:
    if one != other:
        at = next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
        ours, theirs = (side[at : at + 12].partition(END[:1])[0] for side in (one, other))
        raise NotAligned(
            f"row {row} cannot be aligned: from byte {at} on its answer is {ours!r} to the student's tokenizer and "
            f"{theirs!r} to the teacher's"
        )


def _trimmed(pieces: Sequence[bytes], before: bytes) -> list[bytes]:
    """The same without what the tokenizer puts before a text."""
    first = pieces[:1]
    return [*(piece.removeprefix(before) for piece in first), *pieces[1:]]


def outcomes(student: TokenBytes, teacher: TokenBytes, widths: tuple[int, int]) -> tuple[list[int], list[int]]:
    """The tokens that both vocabularies can name, as the student's ids and the teacher's: of equal bytes, and the end.

    Of several ids that stand for the same bytes the last one counts.
    """
    ours, theirs = (
        {piece: id for id, piece in sorted(side.of.items()) if piece and id < width} | {END: side.template.end_of_turn}
        for side, width in zip((student, teacher), widths, strict=True)
    )
    both = [piece for piece in ours if piece in theirs]
    return [ours[piece] for piece in both], [theirs[piece] for piece in both]
