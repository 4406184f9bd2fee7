"""How translation systems name languages."""

import pytest

from polydistill.records import Lang
from polydistill.translators._codes import flores


@pytest.mark.parametrize(
    ("lang", "code"), [("ar", "arb_Arab"), ("sw", "swh_Latn"), ("zh-Hant", "zho_Hant"), ("ko", "kor_Hang"), ("nv", "nav_Latn")]
)
def test_flores_codes(lang: str, code: str) -> None:
    assert flores(Lang(lang)) == code
