"""What hides in a text is seen; what a script is written with stays."""

import pytest

from polydistill.privacy.visible import seen, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("abc\u202edef\u202c", "abc⟦RLO⟧def⟦PDF⟧"),
        ("\u2066a\u2069", "⟦LRI⟧a⟦PDI⟧"),
        ("a\x00b\x1b[1m", "a⟦U+0000⟧b⟦U+001B⟧[1m"),
        ("a\ud800b", "a⟦U+D800⟧b"),
        ("a\u2028b", "a⟦U+2028⟧b"),
        ("two\r\nlines\tand a tab", "two\nlines\tand a tab"),
        (
            "क्\u200dष می\u200cخواهم ไทย\u200bไทย \u200fא",
            "क्\u200dष می\u200cخواهم ไทย\u200bไทย \u200fא",
        ),  # as these scripts are written
    ],
)
def test_what_hides_or_turns_text_is_seen(text: str, shown: str):
    assert visible(text) == shown


def test_every_text_in_a_value_is_seen_keys_too():
    assert seen({"a\u202e": ["\u202d", 1, None, ("x",)]}) == {"a⟦RLO⟧": ["⟦LRO⟧", 1, None, ["x"]]}
