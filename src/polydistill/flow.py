"""The whole method in one screen."""

from collections.abc import Sequence
from functools import reduce

from .answer import answer, wanted
from .arms import Arm, named
from .ask import ask
from .choose import choose
from .comparison import Comparison, ComparisonSettings, comparison
from .evaluate import Evaluation, evaluate
from .matched import matched
from .mix import mix
from .plan import Plan
from .progress import say
from .report import Report, report
from .rounds import further, rows_of
from .stage import Rows
from .train import train
from .translate import translate


def run(plan: Plan) -> Report:
    """Lifts a model; call it inside ``with working(Workspace(plan.runs)):``, and again to go on."""
    questions = ask(plan.ask)  # in the rich language: a file, a data set, or the model's own
    answers = answer(plan.answer, questions)  # the model's own answers
    translated = translate(plan.translate, answers)  # both sides, into every target language
    rivals = wanted(plan.mix.builders, plan.rivals, translated)  # its own answers in those languages, to prefer others to
    mixture = mix(plan.mix, answers, translated, *rivals)  # what the student will see, how often, and why each row is there
    candidates = train(plan.train, mixture)  # checkpoints of the same model
    student = choose(plan.choose, candidates)  # best in the targets, within what the rich language may lose
    mixture, candidates, student = reduce(further, plan.rounds, (mixture, candidates, student))  # where there are more rounds
    scores = evaluate(plan.evaluate, plan.model, student, answers, translated)  # before and after, on the same held-out items
    return report(plan.report, scores, mixture, candidates, student)


def compare(settings: ComparisonSettings, plan: Plan, arms: Sequence[Arm]) -> Comparison:
    """The plan beside its controls: all learn from equally many tokens and are measured on the same held-out items."""
    answers, translated, _ = rows_of(plan)
    mixtures = [rows_of(arm.plan)[-1] for arm in arms]
    matched(settings.tokens, settings.lead, arms, mixtures)  # before anything is trained
    scores = [student_of(arm, mixture, answers, translated) for arm, mixture in zip(arms, mixtures, strict=True)]
    return comparison(settings, *mixtures, *scores)


def student_of(arm: Arm, mixture: Rows, answers: Rows, translated: Rows) -> Evaluation:
    """One arm trained and measured."""
    say(f"arm {arm.name}, seed {arm.plan.train.seed}")
    with named(arm):
        candidates = train(arm.plan.train, mixture)
        first = mixture, candidates, choose(arm.plan.choose, candidates)
        *_, student = reduce(further, arm.plan.rounds, first)
        return evaluate(arm.plan.evaluate, arm.plan.model, student, answers, translated)
