"""Stage three: both sides of every answered question, in every target language."""

from contextlib import ExitStack
from pathlib import Path

from . import guard
from .component import Settings, identity
from .records import Chat, Lang, Row
from .stage import Rows, map_rows, stage, workspace
from .storage.store import Store
from .translators import OpenTranslator, Translator

SHARD_ROWS = 256


class TranslateSettings(Settings):
    """Who translates."""

    translator: Translator
    """A component of translators."""
    rich: Lang
    """The language translated from."""
    targets: tuple[Lang, ...]
    """The languages translated into."""


@stage()
def translate(settings: TranslateSettings, answers: Rows, *, out: Path) -> Rows:
    """For each answered row one row a target language, in the order of ``targets``; none for a translator that is `none`."""
    with ExitStack() as stack:
        translator = stack.enter_context(settings.translator.open())
        store = Store(workspace().root / "store" / "translate.sqlite")
        stack.callback(store.close)
        return map_rows(lambda rows: translate_rows(settings, translator, store, rows), answers, out, SHARD_ROWS)


def translate_rows(settings: TranslateSettings, translator: OpenTranslator, store: Store, rows: list[Row]) -> list[Row]:
    """The translated rows of these; a row that is out is not translated."""
    if not settings.translator.translates:
        return []
    sources = [row for row in rows if not row.rejected]
    by_target = [_into(settings, translator, store, sources, target) for target in settings.targets]
    return [row for of_one_question in zip(*by_target, strict=True) for row in of_one_question]


def _into(settings: TranslateSettings, translator: OpenTranslator, store: Store, rows: list[Row], target: Lang) -> list[Row]:
    texts = [turn.text for row in rows for turn in row.payload.turns]
    what = identity(settings.translator)
    translated = iter(guard.translate(translator, texts, settings.rich, target, store=store, what=what))
    found = []
    for row in rows:
        turns, reason = [], ""
        for turn in row.payload.turns:
            done = next(translated)
            turns.append(turn.model_copy(update={"text": done.text, "lang": target, "pieces": done.pieces}))
            reason = reason or (f"{turn.role}_{done.reason}" if done.reason else "")
        chat = Chat(turns=tuple(turns), ended=row.payload.ended)
        made = row.but(id=f"{row.id}-{target}", payload=chat, lineage={"translator": describe(settings.translator)})
        found.append(made.reject(reason) if reason else made)
    return found


def describe(translator: Translator) -> str:
    """A translator's name and version for the lineage."""
    about = translator.about()
    return " ".join(str(part) for part in (about.get("name", translator.name()), about.get("version")) if part)
