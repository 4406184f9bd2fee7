"""Named tasks of lm-evaluation-harness, on the untouched and the lifted model."""

from collections.abc import Iterable, Sequence
from importlib.metadata import PackageNotFoundError, version
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import Field

from ..component import Count
from ..engines import OpenEngine
from ..languages.language_files import by_content
from ..records import Lang, Row
from . import Evaluator, Score, choose
from ._harness_tasks import Found, find_tasks, guarded, label


class Harness(Evaluator):
    """The scores of tasks such as ``belebele_{lang}``, ``global_mmlu_{lang}``, ``xcopa_{lang}``, ``xstorycloze_{lang}``,
    ``mgsm_direct_{lang}``, ``xlsum_{lang}`` and ``spanish_bench_flores_{rich}-{lang}``, one item a document.

    Prompts, answers looked for and metrics are the task's; asking is ours: every prompt becomes a chat in the model's own
    template (few-shot examples as turns before it), options are scored as whole answers, answers are greedy. So numbers of
    before and after compare with each other, and with the harness run with ``--apply_chat_template --fewshot_as_multiturn``;
    not with those of plain prompts. Of each task ``items`` documents are chosen by hash, the same places in every language.
    A group is the mean over its tasks' documents. Metrics that are means over documents, bits per byte, chrF++ (for
    ``chrf``) and BLEU are given; others are left out and named. Needs the extra ``lm-eval``.

    Paper: Biderman et al. 2024, arXiv 2405.14782.
    Departs: white space with which a template ends is prompt here, but part of every option in the harness's own transformers
    model; only its accuracy by length (``acc_norm``) can differ by that.
    Checked: item by item against the harness's own transformers model.
    """

    version: ClassVar[int] = 2

    tasks: tuple[str, ...] = Field(min_length=1)
    """Tasks, groups or tags. ``{lang}`` stands for each language, by whatever code or English name the task list has for
    it, and ``{rich}`` for the rich one; a name without ``{lang}`` is measured in the rich language."""
    items: Count = 200
    """Documents a language of each name in ``tasks``."""
    shots: Annotated[int, Field(ge=0)] | None = None
    """Worked examples before each question; by default as many as the task says."""
    group_by: str = ""
    """The column that dependent documents share; by default ``link`` where documents have it (BELEBELE: the passage that
    questions are about), else each place in the data is one draw."""
    folder: Path | None = None
    """Copies of data sets under their hub names: ``facebook/belebele`` as it is downloaded, or ``test.jsonl`` in a folder
    ``facebook/belebele/spa_Latn``. And YAML files of your own tasks with their data files. Tasks with ``!function`` run only
    with ``--allow`` and that module's name."""
    download: bool = False
    """Whether data that are neither in the folder nor in the hub's cache are fetched, as they are that day."""

    def __call__(self, engine: OpenEngine, languages: Sequence[Lang], heldout: Iterable[Row]) -> list[Score]:
        with guarded(self.download):
            from lm_eval.evaluator import evaluate

            from ._harness_model import AskedAsChat
            from ._harness_scores import scores_of

            found = find_tasks(self.tasks, languages, self._held, self.shots)
            samples = self._chosen(found)
            tasks = {each.task.task_name: each.task for each in found if each.task.task_name in samples}
            model = AskedAsChat(engine, {each.task.task_name: each.lang for each in found})
            done = evaluate(
                model, {"tasks": tasks}, samples=samples, bootstrap_iters=0, apply_chat_template=True, fewshot_as_multiturn=True
            )
            scores = []
            for (name, lang), group in groupby(found, key=lambda each: (each.name, each.lang)):
                measured = [each for each in group if each.task.task_name in samples]
                scores += scores_of(name, lang, measured, done, model, self.group_by)
        return sorted(scores, key=lambda score: languages.index(score.lang))

    @property
    def _held(self) -> Path | None:
        return self.folder and self.folder.expanduser()

    def _chosen(self, found: Sequence[Found]) -> dict[str, list[int]]:
        """Places in the data of each task that is measured."""
        chosen: dict[str, list[int]] = {}
        for _, group in groupby(found, key=lambda each: (each.name, each.lang)):
            places = {f"{each.alike}#{at}": (each, at) for each in group for at in range(len(each.task.eval_docs))}
            for each, at in (places[key] for key in choose(places, [], self.items)):
                chosen.setdefault(each.task.task_name, []).append(at)
        return {name: sorted(places) for name, places in chosen.items()}

    def sizes(self, languages: Sequence[Lang]) -> dict[str, tuple[str, int]]:
        return {label(name): ("chrF++" if "{rich}" in name else "share", self.items) for name in self.tasks}

    def check(self, languages: Sequence[Lang]) -> None:
        with guarded(self.download):
            find_tasks(self.tasks, languages, self._held, self.shots)

    def identity(self) -> Any:
        try:
            harness = version("lm_eval")
        except PackageNotFoundError:
            harness = ""
        folder = self._held
        inside = {str(file.relative_to(folder)): file for file in sorted(folder.rglob("*")) if file.is_file()} if folder else {}
        # What a download leaves in hidden folders is no data.
        seen = {name: file for name, file in inside.items() if not name.startswith(".") and "/." not in name}
        whole = by_content(super().identity(), "folder", seen) if seen else super().identity()
        return {"harness": {**whole["harness"], "lm_eval": harness}, "version": self.version}
