import json
import string
from importlib.resources import files

import pytest

from polydistill.prompts import language_name, prompt_language, prompts
from polydistill.records import Lang

SHIPPED = ["eng", "spa", "cat", "glg", "epo", "swa", "por", "fra", "deu", "ita"]
NEEDS = {
    "answer_in": ({"language"}, 4), "explain_in": ({"language"}, 4), "complete": ({"text"}, 5),
    "translate": ({"target", "text"}, 8),
    "translate_heldout": ({"source", "target", "text"}, 1), "documentation_qa": ({"title"}, 1), "capitals": ({"country"}, 1),
    "summarize": ({"text"}, 1), "page_questions": ({"title"}, 4),
}  # fmt: skip
"""What every paraphrase must hold, and how many there are at least."""


def test_every_file_is_known_here():
    names = {file.name for file in (files("polydistill") / "data" / "prompts").iterdir()}
    assert names == {f"{name}.json" for name in NEEDS}


@pytest.mark.parametrize("name", NEEDS)
@pytest.mark.parametrize("code", SHIPPED)
def test_paraphrases_hold_what_they_are_for(name, code):
    needed, least = NEEDS[name]
    found = prompts(name, Lang(code))
    assert prompt_language(name, Lang(code)) == code
    assert len(set(found)) == len(found) >= least
    for prompt in found:
        fields = {field for _, field, _, _ in string.Formatter().parse(prompt) if field is not None}
        assert needed <= fields <= needed | ({"source"} if name == "translate" else set())
        assert prompt == prompt.strip()
        assert "  " not in prompt
        if code in ("spa",) and "?" in prompt:
            assert "¿" in prompt


def test_no_two_languages_share_a_file_by_mistake():
    raw = json.loads((files("polydistill") / "data" / "prompts" / "complete.json").read_text("utf-8"))
    firsts = [tuple(paraphrases) for paraphrases in raw.values()]
    assert len(set(firsts)) == len(firsts)


def test_a_language_without_prompts_falls_back_to_english_and_says_so():
    assert prompts("complete", Lang("yor")) == prompts("complete", Lang("eng"))
    assert prompt_language("complete", Lang("yor")) == "eng"
    assert prompt_language("complete", Lang("pt-BR")) == "por-BR"
    assert prompts("complete", Lang("pt-BR")) == prompts("complete", Lang("por"))


def test_the_list_is_ones_own():
    prompts("complete", Lang("eng")).clear()
    assert prompts("complete", Lang("eng"))


@pytest.mark.parametrize(
    ("lang", "shown_in", "name"),
    [
        ("spa", "eng", "Spanish"), ("eng", "spa", "inglés"), ("eng", "deu", "Englisch"), ("eng", "swa", "Kiingereza"),
        ("spa", "epo", "la hispana"), ("epo", "epo", "Esperanto"), ("pt-BR", "spa", "portugués (Brasil)"),
        ("jpn", "hin", "जापानी"), ("spa", "tlh", "Spanish"),
    ],
)  # fmt: skip
def test_names_of_languages(lang, shown_in, name):
    assert language_name(Lang(lang), Lang(shown_in)) == name
