"""What would stop a plan, found without loading weights."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import reduce
from typing import TYPE_CHECKING, Any

from .devices import present
from .engines import Engine
from .losses import Sizes
from .pages import pages
from .sources import BadInput, Languages, Source
from .statistics.sizes import check_promise
from .surgeries import Surgery

if TYPE_CHECKING:
    from .plan import Plan

TRAINED = ("model", "mix.model", "train.model", "choose.model")
"""Where only a model can stand that is trained here."""


def problems(plan: "Plan") -> Iterator[str]:
    """One sentence for everything that would stop the run, with the setting it is about."""
    found, surgeries = list[str](), list[Surgery]()
    for number, one in enumerate(plan.by_round, 1):
        in_round = f"round {number}: " if number > 1 else ""
        said = [sentence for where, look in _looks(one, surgeries) if (sentence := _problem(where, look))]
        found += [f"{in_round}{sentence}" for sentence in said if sentence not in found]
        surgeries = [*surgeries, *one.train.surgeries]
    return iter(found)


def _problem(where: str, look: Callable[[], object]) -> str:
    try:
        look()
    except UnicodeDecodeError as error:
        return f"{where}: its file is not UTF-8 (byte {error.start})"
    except (ValueError, OSError, LookupError, ImportError) as error:
        return f"{where}: {error}"
    return ""


def _looks(plan: "Plan", surgeries: Sequence[Surgery]) -> Iterator[tuple[str, Callable[[], object]]]:
    """What is looked at; the surgeries are those of the rounds before."""
    languages = Languages(plan.rich, plan.to, plan.model)
    translator = plan.translate.translator
    for where, model in _models(plan).items():
        asks = plan.ask.source.name() == "self_ask" and model == plan.ask.model
        yield where, lambda model=model, asks=asks, where=where: _model(model, asks, where in TRAINED)
    yield "ask.source", lambda: plan.ask.source.check(languages)
    yield "answer.by", lambda: _referred(plan, languages)
    for target in plan.to:
        yield "translate.translator", lambda target=target: translator.check(plan.rich, target)
    for number, source in enumerate(plan.mix.texts):
        yield f"mix.texts[{number}]", lambda source=source: _text(source, languages)
    yield "mix", lambda: _learns_something(plan)
    yield "mix.page_answers", lambda: _has_pages(plan, languages)
    for builder in (*plan.mix.builders, *plan.mix.filters):
        yield f"mix.{builder.name()}", lambda builder=builder: builder.check(languages)
    yield "train.device", lambda: present(plan.train.device)
    if not _problem("", lambda: plan.train.model.located):  # or else that is said of the model
        if plan.train.surgeries:
            yield "train.surgeries", lambda: _cut(plan, (*surgeries, *plan.train.surgeries))
        yield "train.objective", lambda: _taught(plan, surgeries)
    for teacher, wants in plan.train.asks().items():
        yield f"train.{teacher.name()}", lambda teacher=teacher, wants=wants: teacher.check(plan.train.model, wants)
    yield "choose", lambda: plan.choose.check(plan.train.candidates)
    yield "choose.scales", lambda: _scales(plan)
    for evaluator in plan.choose.evaluators:
        yield f"choose.{evaluator.name()}", lambda evaluator=evaluator: evaluator.check(tuple(languages))
    if retain := plan.choose.retain:
        language = plan.choose.rule.language
        yield "choose.retain", lambda: check_promise(retain, language, plan.evaluate.evaluators, tuple(languages))
    for evaluator in plan.evaluate.evaluators:
        yield f"evaluate.{evaluator.name()}", lambda evaluator=evaluator: evaluator.check(tuple(languages))


def _models(plan: "Plan") -> dict[str, Engine]:
    """The plan's model, and each that a section has of its own."""
    sections = {name: getattr(plan, name) for name in ("ask", "answer", "mix", "train", "choose", "evaluate")}
    own = {f"{name}.model": section.model for name, section in sections.items() if section.model != plan.model}
    return {"model": plan.model, **own}


def _model(model: Engine, asks: bool, trains: bool) -> None:
    if trains and not model.trains:
        model.trainable()  # says why not
    model.check(asks=asks)


def _text(source: Source, languages: Languages) -> None:
    if source.name() == "self_ask":
        raise BadInput("self_ask gives questions, not texts by people; give a file's texts: [{parallel: {path: pairs.tsv}}]")
    source.check(languages)


def _referred(plan: "Plan", languages: Languages) -> None:
    if plan.answer.by == "model":
        return
    source = plan.ask.source
    if source.name() == "self_ask" or all(
        row.payload.type != "chat" or not row.payload.answer for row in source.read(languages)
    ):
        raise BadInput(
            f"there are no reference answers: {source.name()} gives questions alone. Give questions with answers: "
            "ask.source='{file: {path: questions.jsonl}}', or ask.source='{page_questions: {pages: ..., translated_into: ...}}'"
        )


def _has_pages(plan: "Plan", languages: Languages) -> None:
    if any(builder.name() == "page_answers" for builder in plan.mix.builders):
        rows = (row for source in plan.mix.texts for row in source.read(languages))
        if next(pages(rows), None) is None:
            raise BadInput(
                "no page with title and description among mix.texts; give documentation: mix.texts='[{mallard: {folder: ...}}]'"
            )


def _cut(plan: "Plan", surgeries: Sequence[Surgery]) -> Mapping[str, Any]:
    """What the plan's model says of itself after these."""
    from .vocabulary import config_of

    return reduce(lambda config, surgery: surgery.check(config), surgeries, config_of(plan.train.model.located))


def _taught(plan: "Plan", surgeries: Sequence[Surgery]) -> None:
    train = plan.train
    if not train.model.trains or not (asks := train.asks()):
        return
    whole, student = (Sizes.of(_cut(plan, some)) for some in (surgeries, (*surgeries, *train.surgeries)))
    train.objective.check(student, {teacher: teacher.sizes_beside(whole, student) for teacher in asks})


def _scales(plan: "Plan") -> None:
    if plan.train.surgeries and plan.choose.scales != (1.0,):
        raise BadInput("a student with other layers has no weights between itself and the untouched model; give scales=[1.0]")


def _learns_something(plan: "Plan") -> None:
    if not any(sum(builder.shares().values()) for builder in plan.mix.builders):
        raise BadInput("no builder has a share of the training tokens; give at least one: mix.builders=[language_pairs]")
    if not plan.translate.translator.translates and not plan.mix.texts:
        raise BadInput(
            f"no row would be in {' or '.join(plan.to)}: translate.translator is none, and mix.texts has no source. "
            "Choose a translator (polydistill list translators), or give texts: mix.texts='[{parallel: {path: pairs.tsv}}]'"
        )
