"""The few types that everything passes around: languages, rows and what rows hold."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from functools import cache, cached_property
from itertools import islice
from typing import Annotated, Any, Literal, TypeVar

import langcodes
from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import core_schema

from .component import nearest

T = TypeVar("T")

NO_LANGUAGE = ("und", "mul", "mis", "zxx")
"""ISO 639-2 codes for an undetermined language, several, an uncoded one and none."""


class Lang(str):
    """A language, as ISO 639-3 with script and region only where they say something.

    ``Lang("es")``, ``Lang("spa")`` and ``Lang("spa_Latn")`` are equal; ``Lang("pt-BR")`` keeps its region. BCP-47 or
    ISO 639 go in; `bcp47` gives BCP-47 back.

    Raises:
        ValueError: the code names no language.
    """

    def __new__(cls, code: str) -> "Lang":
        if isinstance(code, Lang):
            return code
        return _parse_lang(str(code))

    @cached_property
    def _tag(self) -> langcodes.Language:
        return langcodes.get(self)

    @property
    def alpha3(self) -> str:
        """ISO 639-3, such as ``spa``."""
        return str(self).split("-")[0]

    @property
    def bcp47(self) -> str:
        """The shortest BCP-47 tag, such as ``es`` or ``pt-BR``."""
        return langcodes.standardize_tag(self)

    @property
    def language(self) -> str:
        """The language part of the BCP-47 tag: two letters where they exist."""
        return self._tag.language or str(self)

    @property
    def script(self) -> str:
        """ISO 15924, the likely one when none was given, such as ``Latn``."""
        return self._tag.maximize().script or "Zyyy"

    @property
    def region(self) -> str | None:
        """ISO 3166, only where it was given."""
        return self._tag.territory

    @property
    def english_name(self) -> str:
        """The name in English, such as ``Spanish``."""
        return _display_name(self.bcp47, "en") or str(self)

    @property
    def own_name(self) -> str:
        """The language's name for itself, such as ``español``; the English one where that is not known."""
        return _display_name(self.bcp47, self.bcp47) or self.english_name

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        # YAML 1.1 readers turn Norwegian's `no` into False; ours does not, but Python callers may.
        return core_schema.no_info_plain_validator_function(
            lambda value: cls(value), serialization=core_schema.to_string_ser_schema()
        )


@cache
def _parse_lang(code: str) -> Lang:
    try:
        tag = langcodes.get(code.strip())
        if not code.strip() or not tag.is_valid() or (tag.language or "und") in NO_LANGUAGE:
            raise ValueError
        tag = tag.prefer_macrolanguage()
        parts = [tag.to_alpha3()]
    except (LookupError, ValueError):
        raise ValueError(
            f"'{code}' is no language code; give ISO 639-3 (spa) or BCP-47 (es, pt-BR){_lang_hint(code)}"
        ) from None
    likely = langcodes.Language.make(language=tag.language, territory=tag.territory).maximize().script
    parts += [part for part in (tag.script if tag.script != likely else None, tag.territory) if part]
    return str.__new__(Lang, "-".join(parts))


def _lang_hint(name: str) -> str:
    from babel import Locale

    wanted, known = name.strip().lower(), Locale("en").languages
    codes = {code: code for code in known if "_" not in code and code not in NO_LANGUAGE}
    codes |= {english.lower(): code for code, english in known.items() if code not in NO_LANGUAGE}
    near = wanted if wanted in codes or len(wanted) < 3 else nearest(wanted, codes)
    code = codes.get(near or "")
    if code is None or not langcodes.tag_is_valid(code):
        return ""
    return f"; for {name.strip()} that is {Lang(code)}" if near == wanted else f"; did you mean {Lang(code)} ({known[code]})?"


@cache
def _display_name(tag: str, shown_in: str) -> str | None:
    from babel import Locale, UnknownLocaleError

    language, _, variant = tag.partition("-")
    try:
        inside = Locale.parse(shown_in.partition("-")[0])
        if variant:
            return Locale.parse(tag, sep="-").get_display_name(inside)
    except (UnknownLocaleError, ValueError):
        inside = Locale("en")
    return inside.languages.get(language) or Locale("en").languages.get(language)


class Record(BaseModel):
    """A frozen value that is written as one JSON object."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Turn(Record):
    """One turn of a chat."""

    role: Literal["system", "user", "assistant"]
    text: str
    lang: Lang
    pieces: tuple[str, ...] = ()
    """In translated turns: the text in pieces, one for each piece of the source text (see `guard.split`)."""


class Chat(Record):
    """A conversation. It is a question while its last turn is the user's, and answered when that is the assistant's."""

    type: Literal["chat"] = "chat"
    turns: tuple[Turn, ...]
    ended: bool = True
    """False where the length limit cut the answer off."""

    @property
    def question(self) -> Turn:
        """The last turn of the user."""
        return next(turn for turn in reversed(self.turns) if turn.role == "user")

    @property
    def answer(self) -> Turn | None:
        """The final answer, None while there is none."""
        return self.turns[-1] if self.turns and self.turns[-1].role == "assistant" else None

    @property
    def asked(self) -> "Chat":
        """The same chat without its final answer."""
        return self if self.answer is None else Chat(turns=self.turns[:-1])

    def answered(self, text: str, lang: Lang, ended: bool = True, pieces: tuple[str, ...] = ()) -> "Chat":
        """The same chat with this final answer."""
        return Chat(turns=(*self.asked.turns, Turn(role="assistant", text=text, lang=lang, pieces=pieces)), ended=ended)


class Text(Record):
    """Plain text in one language."""

    type: Literal["text"] = "text"
    text: str
    lang: Lang


class Parallel(Record):
    """The same thing said in two languages by people."""

    type: Literal["parallel"] = "parallel"
    source: str
    target: str
    source_lang: Lang
    target_lang: Lang
    note: str = ""
    """What the pair is, where that matters: ``title``, ``description``, ``paragraph``."""


class Preference(Record):
    """A chosen and a rejected answer to the same chat."""

    type: Literal["preference"] = "preference"
    chat: Chat
    chosen: str
    rejected: str


class Labelled(Record):
    """A question with a known answer, among options where there are any."""

    type: Literal["labelled"] = "labelled"
    question: str
    answers: tuple[str, ...]
    options: tuple[str, ...] = ()
    context: str = ""
    lang: Lang


Payload = Annotated[Chat | Text | Parallel | Preference | Labelled, Field(discriminator="type")]


class Lineage(Record):
    """Where a row comes from; every later row keeps what the earlier ones knew."""

    question: str = ""
    """Id of the question (or page, or paragraph) that all rows made from it share. Splits go by it."""
    source: str = ""
    """Who asked: a source's name, with what it read."""
    author: str = ""
    """Who wrote the answer: an engine's name and the digest of its model."""
    template: str = ""
    """Digest of the chat template the answer was made with."""
    translator: str = ""
    """Who translated: a translator's name and version."""
    builder: str = ""
    """Which builder made the row."""
    marks: tuple[str, ...] = ()
    """What was done to it, such as ``cut_back``."""


class Row(Record):
    """What every stage reads and writes."""

    id: str
    lineage: Lineage
    payload: Payload
    rejected: str = ""
    """Why the row is out; empty while it is in. A rejected row stays in its file, with its reason."""

    def but(self, **changes: Any) -> "Row":
        """A copy with these fields changed; ``lineage`` may be a dict of the fields that change."""
        if isinstance(changes.get("lineage"), dict):
            changes["lineage"] = self.lineage.model_copy(update=changes["lineage"])
        return self.model_copy(update=changes)

    def to_json(self) -> str:
        """One line of JSON, without what is at its default; `Row.model_validate_json` reads it back."""
        written = self.model_dump(exclude_defaults=True)
        written["payload"] = {"type": self.payload.type, **written["payload"]}
        return json.dumps(written, ensure_ascii=False)

    def reject(self, reason: str) -> "Row":
        """A copy that is out, for this reason; the first reason stays."""
        return self if self.rejected else self.but(rejected=reason)


def kept(rows: Iterable[Row]) -> Iterator[Row]:
    """The rows that are still in."""
    return (row for row in rows if not row.rejected)


Split = Literal["train", "development", "test"]


def split_of(question: str) -> Split:
    """The split a question belongs to, from its id alone: 70 % train, 10 % development, 20 % test.

    Growing a run moves nothing across.
    """
    at = int(digest(question), 16) % 100
    return "train" if at < 70 else "development" if at < 80 else "test"


def batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Lists of ``size`` items in order, the last one shorter."""
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch


def digest(value: Any) -> str:
    """SHA-256 of a value's canonical JSON (sorted keys, UTF-8), 64 hexadecimal digits."""
    return hashlib.sha256(canonical(value).encode("utf-8", "surrogatepass")).hexdigest()


def canonical(value: Any) -> str:
    """JSON that is the same for equal values."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def seed_of(*parts: Any) -> int:
    """A 63-bit seed from whatever names the row; equal on every machine."""
    return int(digest(parts)[:16], 16) >> 1
