"""The whole method in one screen."""

from .answer import answer
from .ask import ask
from .choose import choose
from .evaluate import evaluate
from .mix import mix
from .plan import Plan
from .report import Report, report
from .train import train
from .translate import translate


def run(plan: Plan) -> Report:
    """Lifts a model; call it inside ``with working(Workspace(plan.runs)):``, and again to go on."""
    questions = ask(plan.ask)  # in the rich language: a file, a data set, or the model's own
    answers = answer(plan.answer, questions)  # the model's own answers
    translated = translate(plan.translate, answers)  # both sides, into every target language
    mixture = mix(plan.mix, answers, translated)  # what the student will see, how often, and why each row is there
    candidates = train(plan.train, mixture)  # checkpoints of the same model
    student = choose(plan.choose, candidates)  # best in the targets, within what the rich language may lose
    scores = evaluate(plan.evaluate, plan.model, student, answers, translated)  # before and after, on the same held-out items
    return report(plan.report, scores, mixture, candidates, student)
