"""Languages as values of one type."""

from collections.abc import Iterable
from functools import cache, cached_property
from typing import Any

import langcodes
from pydantic_core import core_schema

from .component import nearest

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
        return display_name(self.bcp47, "en") or str(self)

    @property
    def own_name(self) -> str:
        """The language's name for itself, such as ``español``; the English one where that is not known."""
        return display_name(self.bcp47, self.bcp47) or self.english_name

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        # YAML 1.1 readers turn Norwegian's `no` into False; ours does not, but Python callers may.
        return core_schema.no_info_plain_validator_function(
            lambda value: cls(value), serialization=core_schema.to_string_ser_schema()
        )


def same_language(lang: Lang, others: Iterable[Lang]) -> Lang | None:
    """The first of the others that is the same language and script; regions differ only where both are stated."""
    same = [one for one in others if (one.language, one.script) == (lang.language, lang.script)]
    return next((one for one in same if one.region == lang.region or not (one.region and lang.region)), None)


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
def display_name(tag: str, shown_in: str) -> str | None:
    from babel import Locale, UnknownLocaleError

    language, _, variant = tag.partition("-")
    try:
        inside = Locale.parse(shown_in.partition("-")[0])
        if variant:
            return Locale.parse(tag, sep="-").get_display_name(inside)
    except (UnknownLocaleError, ValueError):
        inside = Locale("en")
    return inside.languages.get(language) or Locale("en").languages.get(language)
