"""The model before and after, side by side in the terminal."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from .engines import OpenEngine, Sampling
from .languages.language_id import identify
from .plan import Plan
from .privacy.visible import visible
from .records import Chat, Turn


def side_by_side(plan: Plan, student: Path) -> None:
    """Reads one question after the other; each model keeps a conversation of its own."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    lifted = plan.model.model_copy(update={"path": str(student), "template": None})
    with ExitStack() as stack:
        engines = [stack.enter_context(engine.open()) for engine in (plan.model, lifted)]
        talks = [Chat(turns=()), Chat(turns=())]
        for question in questions(console):
            lang = identify(question)[0] or plan.to[0]
            turn = Turn(role="user", text=question, lang=lang)
            talks = [said(engine, Chat(turns=(*talk.turns, turn))) for engine, talk in zip(engines, talks, strict=True)]
            table = Table("before", "after", box=None, expand=True, padding=(0, 2, 0, 0))
            for column in table.columns:
                column.ratio = 1
            table.add_row(*(visible(talk.turns[-1].text).replace("[", r"\[") for talk in talks))
            console.print(table)


def said(engine: OpenEngine, chat: Chat) -> Chat:
    """The chat with the model's answer; a conversation that has outgrown the context begins anew."""
    if engine.room([chat])[0] < 200:
        chat = Chat(turns=chat.turns[-1:])
    answer = engine.answer([chat], Sampling(max_tokens=192))[0]
    return chat.answered(answer.text + ("" if answer.ended else " ..."), chat.question.lang)


def questions(console: object) -> Iterator[str]:
    """What the user types, until an empty line or the end."""
    while True:
        try:
            line = input("> ").strip()
        except EOFError:
            return
        if not line:
            return
        yield line
