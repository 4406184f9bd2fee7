"""One settings tree: everything that a run needs."""

from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, field_validator, model_validator

from .answer import AnswerSettings
from .ask import AskSettings
from .checking import problems
from .choose import ChooseSettings
from .component import IDENTITIES, Beside, Settings, identity, write_component
from .engines import Engine
from .evaluate import EvaluateSettings
from .folder_names import folder_name, runs_folder
from .langs import same_language
from .mix import MixSettings
from .records import Lang, digest
from .report import ReportSettings
from .training import TrainSettings
from .translate import TranslateSettings

SECTIONS = {
    "ask": AskSettings, "answer": AnswerSettings, "translate": TranslateSettings, "mix": MixSettings, "train": TrainSettings,
    "choose": ChooseSettings, "evaluate": EvaluateSettings, "report": ReportSettings,
}  # fmt: skip
INHERITED = ("model", "rich", "targets")


class Round(Settings):
    """A further round: what it does in another way than the plan, from the student of the round before."""

    given: dict[str, Any]
    """The part of a plan that is written for it; what it names is done again with that student, and all that follows."""
    plan: "Plan"
    """The plan with this part laid over it."""

    @property
    def again(self) -> tuple[str, ...]:
        """The stages from the first that it names on."""
        names = tuple(SECTIONS)
        return names[min((names.index(name) for name in self.given if name in SECTIONS), default=names.index("train")) :]

    def after(self, student: Engine) -> "Plan":
        """Its plan with the student in the model's place, from the first stage that it names."""
        sections = {name: getattr(self.plan, name) for name in self.again if "model" in SECTIONS[name].model_fields}
        theirs = {
            name: section.model_copy(update={"model": student})
            for name, section in sections.items() if section.model == self.plan.model
        }  # fmt: skip
        return self.plan.model_copy(update=theirs)


class Plan(Settings):
    """Everything a run needs. Each stage's section holds its own settings; model and languages are stated once, on top."""

    model: Engine
    """The model to lift: a path or hub id, or an engine with its settings."""
    rich: Lang = Field(alias="from")
    """The language it is good in."""
    to: tuple[Lang, ...] = Field(min_length=1)
    """The languages it is to become good in."""
    ask: AskSettings
    answer: AnswerSettings
    translate: TranslateSettings
    mix: MixSettings
    train: TrainSettings
    choose: ChooseSettings
    evaluate: EvaluateSettings
    report: ReportSettings
    rounds: tuple[Round, ...] = ()
    """Further rounds, each a part of a plan that starts from the student of the round before; the last one's is the student."""
    name: Beside[Annotated[str, AfterValidator(folder_name)]] = ""
    """The run's name, a folder under `runs`; made of the recipe and the languages where none is given."""
    recipe: Beside[str] = ""
    """The recipe it began from."""
    runs: Beside[Annotated[Path, AfterValidator(runs_folder)]] = Path("runs")
    """Where results are kept; runs in one folder share what they have in common."""

    @field_validator("to")
    @classmethod
    def _each_once(cls, targets: tuple[Lang, ...]) -> tuple[Lang, ...]:
        if any(same_language(target, targets[:at]) for at, target in enumerate(targets)):
            raise ValueError("each target language once")
        return targets

    @model_validator(mode="after")
    def _targets_differ(self) -> "Plan":
        if target := same_language(self.rich, self.to):
            raise ValueError(f"the target {target} is the rich language {self.rich} itself; give another under `to`")
        return self

    def identity(self) -> Any:
        """A plan of one round is what it was before there were more."""
        return {name: value for name, value in super().identity().items() if name != "rounds" or value}

    @property
    def by_round(self) -> "tuple[Plan, ...]":
        """The plan of the first round, and that of each further one."""
        return (self, *(later.plan for later in self.rounds))

    @property
    def rivals(self) -> AnswerSettings:
        """How the student-to-be answers the questions in the target languages, as `answer.rivals` has it do."""
        return self.answer.model_copy(update={"model": self.mix.model, "by": "model"})

    @cached_property
    def folder(self) -> Path:
        """The run's own folder."""
        name = self.name or f"{self.recipe or 'plan'}-{'-'.join(self.to)}-{digest(identity(self))[:6]}"
        return self.runs / name

    def written(self) -> dict[str, Any]:
        """The plan as YAML would hold it, without what the sections inherit and what is at its default.

        A plan that began from a recipe is written whole: what is at its default here may not be so in the recipe.
        """
        short = not self.recipe
        sections = {
            name: getattr(self, name).model_dump(mode="json", exclude_defaults=short, exclude=self.inherited(name))
            for name in SECTIONS
        }
        about = self.model_dump(mode="json", include={"recipe", "name", "runs"}, exclude_defaults=True)
        return {
            **about, "model": write_component(self.model), "from": str(self.rich), "to": [str(lang) for lang in self.to],
            **{name: section for name, section in sections.items() if section},
            **({"rounds": [later.given for later in self.rounds]} if self.rounds or self.recipe else {}),
        }  # fmt: skip

    def inherited(self, section: str) -> set[str]:
        """The fields of a section that are as they are stated on top."""
        top = {"model": self.model, "rich": self.rich, "targets": self.to}
        own = SECTIONS[section].model_fields
        from_sections = {"parts", "retain"} if section == "report" else set()
        return {f for f in INHERITED if f in own and getattr(getattr(self, section), f) == top[f]} | from_sections

    def check(self) -> list[str]:
        """Everything that would stop the run, found without loading weights; empty when all is well."""
        token = IDENTITIES.set({})
        try:
            return list(problems(self))
        finally:
            IDENTITIES.reset(token)
