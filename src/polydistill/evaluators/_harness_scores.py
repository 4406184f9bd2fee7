"""What lm-evaluation-harness measured of each document, as scores with items."""

from collections.abc import Iterator, Sequence
from importlib.metadata import version
from math import isclose, isfinite, log
from typing import Any

from .. import progress
from ..languages.stated_language import in_other_languages
from ..records import Lang
from ..sources import BadInput
from . import Item, Score, counted, mean, ratio
from ._harness_model import AskedAsChat
from ._harness_tasks import Found, label
from ._items import failed
from ._overlap import bleu, chrf

UNITS = {"exact_match": "share", "em": "share", "f1": "share", "bits_per_byte": "bits/byte", "chrf": "chrF++", "bleu": "BLEU"}
OVERLAPS = {"chrf": chrf, "bleu": bleu}


def scores_of(name: str, lang: Lang, found: Sequence[Found], done: Any, model: AskedAsChat, group_by: str) -> Iterator[Score]:
    """One score a metric and filter of the tasks that a name stands for in one language."""
    logged = [(each, sample) for each in found for sample in done["samples"][each.task.task_name]]
    measured = dict.fromkeys((metric, s["filter"]) for _, s in logged for metric in s["metrics"])
    filters = {filtered for _, filtered in measured}
    for metric, filtered in measured:
        some = [(each, s) for each, s in logged if s["filter"] == filtered and metric in s["metrics"]]
        higher = found[0].task.higher_is_better().get(metric)
        kind = None if higher is None else _kind(metric, some, done["results"], filtered)
        if kind is None:
            progress.say_once(f"{name}: {metric} is left out: it is no mean over documents, or not said which way is better")
            continue
        items = [_item(each, sample, metric, kind, model, group_by) for each, sample in some]
        first = found[0].task
        shots, edition = done["n-shot"][first.task_name], (first.config.metadata or {}).get("version")
        note = f"lm-eval {version('lm_eval')}, {len(found)} task{'s' * (len(found) > 1)}" + (
            f" of version {edition}" if edition else ""
        )
        note += f", asked as a chat with {shots} example{'s' * (shots != 1)}"
        lost, n = "", len(items)
        if kind in OVERLAPS:
            whole = OVERLAPS[kind]([item.answer for item in items], [item.reference for item in items])
            value, error, note = whole.value, whole.standard_error, f"{note}; {whole.signature}; error by bootstrap"
            items = [item.model_copy(update={"value": own}) for item, own in zip(items, whole.items, strict=True)]
        elif kind == "bits_per_byte":
            value, error = ratio([(item.value or 0.0) * item.weight for item in items], [item.weight for item in items])
        else:
            value, error, n = counted([item.value for item in items])
            lost = failed({item.id: item.value for item in items})
        yield Score(
            name="_".join([label(name), metric, *([filtered] if len(filters) > 1 else [])]).replace("-", "_"), lang=lang,
            value=value, unit=UNITS.get(metric, "accuracy" if metric.startswith("acc") else metric), n=n,
            higher_is_better=bool(higher), standard_error=error, note=note, items=tuple(items),
            combine="chrf" if kind == "chrf" else "bleu" if kind == "bleu" else "mean",
            warning="; ".join(filter(None, (_doubt(name, lang, items), lost))),
        )  # fmt: skip


def _doubt(name: str, lang: Lang, items: Sequence[Item]) -> str:
    """What is in another language than the task is said to be; a translation's prompt may be, and some tasks ask in English."""
    if "{lang}" not in name:
        return ""
    texts = {item.id: [item.reference] if "{rich}" in name else [item.prompt, item.reference] for item in items}
    try:
        return in_other_languages(texts, lang, name)
    except BadInput as error:
        return str(error)


def _item(each: Found, sample: Any, metric: str, kind: str, model: AskedAsChat, group_by: str) -> Item:
    at, doc, value = f"{each.alike}#{sample['doc_id']}", sample["doc"], sample[metric]
    if group_by and group_by not in doc:
        raise BadInput(f"task {each.task.task_name} has no column {group_by}; it has {', '.join(doc)}")
    prompt, answer, reference = told(sample, each.task, model)
    weight = 1.0
    if kind in OVERLAPS:
        reference, answer = (side[0] if isinstance(side, (list, tuple)) else str(side) for side in value)
        value = None  # of the whole corpus at once
    elif kind == "bits_per_byte":
        nats, weight = value
        value = -nats / weight / log(2)
    elif each.task.OUTPUT_TYPE == "multiple_choice" and not all(isfinite(response[0][0]) for response in sample["resps"]):
        value = None  # of nothing finite the harness still takes one for the likeliest
    return Item(
        id=f"{at}-{sample['doc_hash'][:8]}", value=None if value is None else float(value), weight=weight,
        group=str(doc.get(group_by or "link") or at), prompt=prompt, answer=answer, reference=reference,
    )  # fmt: skip


def _kind(metric: str, some: Sequence[tuple[Found, Any]], results: Any, filtered: str) -> str | None:
    """How documents make a metric: by their mean, or one of the others by name; None where it is neither."""
    values = [sample[metric] for _, sample in some]
    if metric in (*OVERLAPS, "bits_per_byte") and all(isinstance(value, (tuple, list)) for value in values):
        return metric
    if not all(isinstance(value, (int, float)) for value in values):
        return None
    for each in {id(each): each for each, _ in some}.values():
        own = [float(sample[metric]) for other, sample in some if other is each]
        if not isclose(results[each.task.task_name][f"{metric},{filtered}"], mean(own)[0], abs_tol=1e-9):
            return None
    return "mean"


def told(sample: Any, task: Any, model: AskedAsChat) -> tuple[str, str, str]:
    """What was asked last, what was answered or found likeliest, and what is right."""
    asked, target = [args[0] for args in sample["arguments"]], sample["target"]
    if task.OUTPUT_TYPE == "loglikelihood_rolling":
        return "", "", asked[0]
    prompts = [chat.question.text if (chat := model.read(each, task.task_name)[0]) else "" for each in asked]
    if task.OUTPUT_TYPE == "multiple_choice":
        options = [args[1] for args in sample["arguments"]]
        if len(set(options)) == 1:  # the choices stand in the questions, and the answer is one for all
            options = prompts
        nats = [response[0][0] for response in sample["resps"]]
        if "" in asked[1:] and asked[0]:  # the second half are the options alone, for mutual information
            nats = nats[: len(nats) // 2]
        first = target[0] if isinstance(target, (list, tuple)) and target else target
        right = options[first] if isinstance(first, int) and 0 <= first < len(options) else str(first)
        return prompts[0], options[nats.index(max(nats))] if all(map(isfinite, nats)) else "", right
    answer = sample["filtered_resps"][0]
    right = target[0] if isinstance(target, (list, tuple)) and target else target
    return prompts[0], str(answer[0] if isinstance(answer, list) and answer else answer), str(right)
