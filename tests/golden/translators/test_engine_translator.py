import pytest
import tiny_translators as tiny
from pydantic import ValidationError

from polydistill.component import find
from polydistill.engines import BadModel
from polydistill.records import Lang
from polydistill.translators import NoTranslation

ENG, SPA = Lang("eng"), Lang("spa")
Engine = find("translators", "engine")


def test_each_sentence_is_asked_for_in_a_chat_of_its_own() -> None:
    engine = Engine(engine=tiny.ShoutingEngine(), prompt="{source} {target}: {text} {{text}}")
    chat = engine.asked("a {source}", ENG, SPA)
    assert [(turn.role, turn.text, turn.lang) for turn in chat.turns] == [
        ("user", "English Spanish: a {source} {a {source}}", ENG)
    ]


def test_what_does_not_end_or_fit_has_no_translation() -> None:
    with Engine(engine=tiny.ShoutingEngine()).open() as translator:
        assert translator.translate(["one", "CUT", "two", "LONG", ""], ENG, SPA) == ["ONE", None, "TWO", None, ""]
        assert translator.translate(["LONG"], ENG, SPA) == [None]


def test_an_answer_of_several_lines_becomes_one() -> None:
    with Engine(engine=tiny.ShoutingEngine(), prompt="{text}").open() as translator:
        assert translator.translate(["one  two"], ENG, SPA) == ["ONE TWO"]


@pytest.mark.parametrize(
    ("prompt", "said"), [("{source}", "{text} is missing"), ("{text} {langauge}", "{langauge} stands for nothing")]
)
def test_a_prompt_must_hold_the_text_and_nothing_unknown(prompt: str, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Engine(engine=tiny.ShoutingEngine(), prompt=prompt)


@pytest.mark.parametrize("error", [BadModel("it is a pickle"), FileNotFoundError("no model at x")])
def test_a_model_that_cannot_be_used_is_no_translation(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def check(self: object, asks: bool = False) -> None:
        raise error

    monkeypatch.setattr(tiny.ShoutingEngine, "check", check)
    with pytest.raises(NoTranslation, match=f"cannot be used: {error}"):
        Engine(engine=tiny.ShoutingEngine()).check(ENG, SPA)


def test_the_prompt_and_the_model_decide() -> None:
    one = Engine(engine=tiny.ShoutingEngine())
    assert one.identity() != Engine(engine=tiny.ShoutingEngine(), prompt="{text}").identity()
    assert "tiny_translators" in str(one.identity())
