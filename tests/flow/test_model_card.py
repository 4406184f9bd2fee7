"""The card of a whole run holds what the stages noted."""

from typing import Any

from ruamel.yaml import YAML


def test_the_card_tells_where_rows_are_from_and_every_stages_settings(lifted: Any):
    card = (lifted.report.folder / "README.md").read_text("utf-8")
    plan = YAML(typ="safe").load(card.partition("```yaml\n")[2].removesuffix("\n```"))
    assert list(plan) == ["model", "from", "to", "ask", "answer", "translate", "mix", "train", "choose", "evaluate"]
    assert (plan["from"], plan["to"], plan["train"]["learning_rate"]) == ("eng", ["spa"], lifted.plan.train.learning_rate)
    assert plan["evaluate"].keys() == {"evaluators"}
    assert str(lifted.path.parent) not in card
    origins = card.partition("## Where the training rows are from")[2]
    assert "| file | the model itself | dictionary words.tsv |" in origins
    assert "| parallel | people |  |" in origins
    for part in ("| source file | path questions.jsonl | not stated |", "| source parallel | path parallel.tsv | not stated |"):
        assert part in card
