"""Rows for tests, in few words."""

from polydistill.guard import split
from polydistill.records import Chat, Lang, Lineage, Parallel, Preference, Row, Split, Text, Turn, split_of

ENG, SPA, CAT = Lang("eng"), Lang("spa"), Lang("cat")


def chat(question: str, lang: Lang, asked: str, answer: str, ended: bool = True) -> Row:
    """An answered question; in another language than English a translation, in the pieces it was made in."""
    turns = (
        Turn(role="user", text=asked, lang=lang, pieces=tuple(split(asked)) if lang != ENG else ()),
        Turn(role="assistant", text=answer, lang=lang),
    )
    lineage = Lineage(question=question, source="file q.jsonl", author="tiny", translator="" if lang == ENG else "apertium 3")
    return Row(id=question if lang == ENG else f"{question}-{lang}", lineage=lineage, payload=Chat(turns=turns, ended=ended))


def rival(row: Row, own: str) -> Row:
    """A translated question with its answer and the model's own, which is not preferred."""
    said = row.payload
    return row.but(id=f"{row.id}-rival", payload=Preference(chat=said.asked, chosen=said.answer.text, rejected=own))


def pair(question: str, one: str, other: str, lang: Lang = SPA, note: str = "") -> Row:
    """An English text and its translation by people."""
    payload = Parallel(source=one, target=other, source_lang=ENG, target_lang=lang, note=note)
    name = "-".join(filter(None, (question, lang, note)))
    return Row(id=name, lineage=Lineage(question=question, source="parallel p.tsv"), payload=payload)


def text(question: str, said: str, lang: Lang = SPA) -> Row:
    """A text by people."""
    return Row(id=question, lineage=Lineage(question=question, source="text t.txt"), payload=Text(text=said, lang=lang))


def names_in(split: Split, count: int, prefix: str = "q") -> list[str]:
    """The first names of questions that fall into a split."""
    found = (f"{prefix}{number}" for number in range(100 * count))
    return [name for name in found if split_of(name) == split][:count]
