"""Asked language against answered language."""

from collections import Counter
from collections.abc import Iterable

from ..evaluators import Score
from ..records import Lang


def matrix(scores: Iterable[Score], name: str = "language_fidelity_lines") -> dict[Lang, dict[str, int]]:
    """How many answers were in which language, for each language that was asked for, in the order of the scores.

    Answered is an ISO 639-3 code, ``mixed`` (lines in several) or ``unknown`` (the identifier was not sure), the most frequent
    first; answers too short to judge are not counted. ``matrix(...)[asked][asked]`` are the answers in the right language. With
    the name ``identifier_on_people`` it is the identifier's own confusion on lines by people.
    """
    asked = [score for score in scores if score.name == name]
    return {
        score.lang: dict(Counter(item.answered_in for item in score.items if item.answered_in).most_common()) for score in asked
    }
