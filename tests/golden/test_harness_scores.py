import json
from types import SimpleNamespace

import pytest

from polydistill.records import Lang

pytest.importorskip("lm_eval")

from polydistill.evaluators._harness_model import AskedAsChat
from polydistill.evaluators._harness_scores import _kind, told

MODEL = AskedAsChat(SimpleNamespace(), {"t": Lang("eng")})


def asked(text):
    return json.dumps([{"role": "user", "content": text}])


def task(output_type):
    return SimpleNamespace(OUTPUT_TYPE=output_type, task_name="t")


def choice(arguments, nats, target):
    return {"arguments": arguments, "resps": [[(nat, False)] for nat in nats], "target": target}


@pytest.mark.parametrize(
    ("sample", "expected"),
    [
        (choice([(asked("q"), "A"), (asked("q"), "B")], (-2, -1), 0), ("q", "B", "A")),
        (choice([(asked("q"), "A"), (asked("q"), "B")], (-1, -2), "B"), ("q", "A", "B")),
        (choice([(asked("q"), "A"), (asked("q"), "B")], (-1, -2), [1, 0]), ("q", "A", "B")),
        # With the options alone after them, which are likelier than any answer.
        (choice([(asked("q"), "A"), (asked("q"), "B"), ("", "A"), ("", "B")], (-3, -2, -1, 0), 0), ("q", "B", "A")),
        # The choice is in the question, as in Winograd schemas.
        (choice([(asked("Ann"), "fell"), (asked("Bob"), "fell")], (-2, -1), "fell"), ("Ann", "Bob", "fell")),
    ],
)
def test_what_was_asked_chosen_and_right(sample, expected):
    assert told(sample, task("multiple_choice"), MODEL) == expected


@pytest.mark.parametrize(
    ("response", "target", "expected"),
    [("one", "1", ("q", "one", "1")), (["one"], ["1", "uno"], ("q", "one", "1"))],
)
def test_what_was_answered(response, target, expected):
    sample = {"arguments": [(asked("q"), {})], "filtered_resps": [response], "target": target}
    assert told(sample, task("generate_until"), MODEL) == expected


def test_a_text_that_is_only_scored():
    sample = {"arguments": [("a text",)], "target": "a text"}
    assert told(sample, task("loglikelihood_rolling"), MODEL) == ("", "", "a text")


@pytest.mark.parametrize(
    ("metric", "values", "whole", "kind"),
    [
        ("acc", [1.0, 0.0], 0.5, "mean"), ("median", [1.0, 0.0, 0.0], 0.0, None), ("chrf", [("a", "b")], 3.0, "chrf"),
        ("bits_per_byte", [(-2.0, 1)], 2.9, "bits_per_byte"), ("word_perplexity", [(-2.0, 1)], 7.4, None),
        ("f1", [(1, 0)], 0.5, None), ("exact_match", [True, False], 0.5, "mean"),
    ],
)  # fmt: skip
def test_how_documents_make_a_metric(metric, values, whole, kind):
    found = SimpleNamespace(task=task("multiple_choice"))
    results = {"t": {f"{metric},none": whole}}
    assert _kind(metric, [(found, {metric: value}) for value in values], results, "none") == kind
