import pytest

from polydistill.evaluators._harness_tasks import guarded, name_in
from polydistill.records import Lang
from polydistill.sources import BadInput

ENG, SPA, SWA, ZHO, TUR = (Lang(code) for code in ("eng", "spa", "swa", "zho", "tur"))
NAMES = [
    "belebele", "belebele_eng_Latn", "belebele_spa_Latn", "belebele_swh_Latn", "belebele_zho_Hans", "belebele_zho_Hant",
    "belebele_spa_prompt_1", "xcopa_sw", "xcopa_tr", "include_english", "include_spanish", "include_spanish_history",
    "flores_en-es", "flores_es-en", "flores_en-fr", "copa",
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "lang", "expected"),
    [
        ("belebele_{lang}", ENG, ("belebele_eng_Latn", "eng_Latn")),
        ("belebele_{lang}", SPA, ("belebele_spa_Latn", "spa_Latn")),
        ("belebele_{lang}", SWA, ("belebele_swh_Latn", "swh_Latn")),
        ("belebele_{lang}", ZHO, ("belebele_zho_Hans", "zho_Hans")),
        ("belebele_{lang}", Lang("zho-Hant"), ("belebele_zho_Hant", "zho_Hant")),
        ("belebele_{lang}_prompt_1", SPA, ("belebele_spa_prompt_1", "spa")),
        ("include_{lang}", SPA, ("include_spanish", "spanish")),
        ("xcopa_{lang}", TUR, ("xcopa_tr", "tr")),
        ("xcopa_{lang}", ENG, (None, "")),
        ("flores_{rich}-{lang}", SPA, ("flores_en-es", "es")),
        ("flores_{lang}-{rich}", SPA, ("flores_es-en", "es")),
        ("flores_{rich}-{lang}", ENG, (None, "")),
        ("copa", ENG, ("copa", "")),
        ("copa", SPA, (None, "")),
    ],
)
def test_a_tasks_name_in_each_language(name, lang, expected):
    assert name_in(name, lang, [ENG, SPA], NAMES) == expected


@pytest.mark.parametrize(
    ("name", "lang", "sentence"),
    [
        ("xcopa_{lang}", SPA, r"task xcopa_{lang} has no Spanish \(spa\); it has sw, tr"),
        ("flores_{rich}-{lang}", SWA, r"has no Swahili \(swa\); it has es, fr"),
        ("belebel_{lang}", SPA, "no task named 'belebel_{lang}' in lm-evaluation-harness; did you mean belebele"),
        ("copo", ENG, "did you mean copa"),
        ("zzzzzz", ENG, r"no task named 'zzzzzz' in lm-evaluation-harness \(lm_eval ls tasks\)"),
    ],
)
def test_what_there_is_not(name, lang, sentence):
    with pytest.raises(BadInput, match=sentence):
        name_in(name, lang, [ENG, SPA], NAMES)


def test_everything_is_as_before_afterwards():
    pytest.importorskip("lm_eval")
    import logging

    import datasets
    import huggingface_hub
    from lm_eval import utils
    from lm_eval.api import task

    def state():
        log = logging.getLogger("lm_eval").disabled
        return utils.env, task.tqdm, datasets.config.HF_HUB_OFFLINE, huggingface_hub.constants.HF_HUB_OFFLINE, log

    before = state()
    with guarded(download=False):
        assert datasets.config.HF_HUB_OFFLINE is True
        assert huggingface_hub.constants.HF_HUB_OFFLINE is True
        assert utils.env is not before[0]
        assert set(utils.env.filters) >= set(before[0].filters)
    assert state() == before
    with guarded(download=True):
        assert before[2] == datasets.config.HF_HUB_OFFLINE
