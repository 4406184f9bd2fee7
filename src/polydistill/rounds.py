"""What a run goes through once, and again in each further round."""

from .answer import answer, wanted
from .ask import ask
from .choose import Model, choose
from .mix import mix
from .plan import Plan, Round
from .progress import say
from .stage import Rows, workspace
from .train import Candidates, train
from .translate import translate


def rows_of(plan: Plan) -> tuple[Rows, Rows, Rows]:
    """What a plan learns from: answers, their translations and the mixture."""
    answers = answer(plan.answer, ask(plan.ask))
    translated = translate(plan.translate, answers)
    rivals = wanted(plan.mix.builders, plan.rivals, translated)
    return answers, translated, mix(plan.mix, answers, translated, *rivals)


Made = tuple[Rows, Candidates, Model]
"""The mixture, the candidates and the student of a round."""


def further(made: Made, later: Round) -> Made:
    """One more round, from the student of the one before."""
    say("a further round, from the student of the one before")
    workspace().next_round()
    plan = later.after(made[-1].engine(later.plan.model))
    _, _, mixture = rows_of(plan)
    candidates = train(plan.train, mixture)
    return mixture, candidates, choose(plan.choose, candidates)
