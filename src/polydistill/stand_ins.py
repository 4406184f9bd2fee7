"""Training rows of a plan before it has any."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import islice

from .endings import WouldRun
from .plan import Plan
from .records import Chat, Lang, Lineage, Preference, Row, kept
from .rounds import rows_of
from .sources import Languages
from .stage import Workspace, working


def training_rows(plan: Plan, chats: Sequence[Chat], count: int) -> list[Row]:
    """The first of the finished mixture; else what the plan's builders make of these chats, in turn by their shares.

    The chats stand in for their translations, and their answers read backwards for the model's own in the target languages.
    """
    with suppress(WouldRun), working(Workspace(plan.runs, only_look=True)):
        return list(islice(rows_of(plan)[-1], count))
    pool = [row for number, chat in enumerate(chats) for row in _of_question(plan, str(number), chat)]
    pool += texts_of(plan, count)
    shares = {group: share for builder in plan.mix.builders for group, share in builder.shares().items()}
    made = dict[str, list[Row]]()
    for row in built(plan, pool):
        made.setdefault(row.lineage.builder, []).append(row)
    taken = dict.fromkeys(made, 0)
    rows = []
    while made and len(rows) < count:
        group = max(made, key=lambda group: shares[group] / (taken[group] + 1))
        rows.append(made[group][taken[group] % len(made[group])])
        taken[group] += 1
    return rows or [row for row in pool if row.payload.type == "chat"][:count]


def texts_of(plan: Plan, count: int) -> list[Row]:
    """The first texts by people of each of the plan's sources."""
    languages = Languages(plan.rich, plan.to, plan.model)
    return [row for source in plan.mix.texts for row in islice(kept(source.read(languages)), count)]


def built(plan: Plan, pool: Sequence[Row]) -> Iterator[Row]:
    """What the plan's builders make of these, where it has a share."""
    for builder in plan.mix.builders:
        shares = builder.shares()
        yield from (row for row in builder(kept(pool)) if shares.get(row.lineage.builder))


def _of_question(plan: Plan, question: str, chat: Chat) -> list[Row]:
    """A question in every language, and what the model might have said itself where a builder needs to know."""

    def row(id: str, payload: Chat | Preference) -> Row:
        return Row(id=id, lineage=Lineage(question=question, source="stand-in"), payload=payload)

    rows = [row(f"{question}-{lang}", _said_in(chat, lang)) for lang in (plan.rich, *plan.to)]
    if any(builder.needs_rivals for builder in plan.mix.builders):
        for lang in plan.to:
            said = _said_in(chat, lang)
            pair = Preference(chat=said.asked, chosen=said.answer.text, rejected=said.answer.text[::-1])
            rows.append(row(f"{question}-{lang}-rival", pair))
    return rows


def _said_in(chat: Chat, lang: Lang) -> Chat:
    """The same words as if they were of another language."""
    return chat.model_copy(update={"turns": tuple(turn.model_copy(update={"lang": lang}) for turn in chat.turns)})
