"""What a run's models are compared on, and models that read it."""

import json
import re
from pathlib import Path

import pytest
from tiny_analyses import World, engine


def test_distances_are_sums_over_an_answer_of_the_untouched_models_tokens(analysed: World):
    """One answer's golden distance, from whole logits."""
    import torch

    from polydistill.analyses._models import answers, compared, of_engine
    from polydistill.batch import padded
    from polydistill.component import read_component
    from polydistill.engines import Engine

    held = answers(analysed.run, 5)
    models = [read_component(Engine, engine(path)) for path in (analysed.untouched, analysed.other)]
    with of_engine(held, models[0]) as one, of_engine(held, models[1]) as other:
        rows = held.rows["spa"]
        (found,) = compared(one, other, rows, lambda p, q: (p.softmax(-1) * (p.log_softmax(-1) - q.log_softmax(-1))).sum(-1))
        for row, distance in zip(rows, found, strict=True):
            ids = torch.tensor([row.ids])
            p, q = (model.base(input_ids=ids).logits[0, row.prompt - 1 : -1].log_softmax(-1) for model in (one, other))
            assert distance == pytest.approx((p.exp() * (p - q)).sum().item(), rel=1e-9)
        assert len(padded(rows).targets) == sum(row.learned for row in rows)


def test_where_a_run_has_no_text_by_people_it_is_the_declaration(analysed: World, tmp_path: Path):
    from polydistill.analyses._models import people

    plan = (analysed.run / "plan.yaml").read_text()
    (tmp_path / "plan.yaml").write_text(re.sub(r"(?m)^  texts:\n  - parallel:\n.*$", "  texts: []", plan, count=1))
    assert people(analysed.run, 3).rows["eng"][0].id != people(tmp_path, 3).rows["eng"][0].id
    assert people(tmp_path, 3).rows["eng"][0].id.startswith("udhr/")


def test_a_later_round_began_as_the_student_of_the_one_before(analysed: World, tmp_path: Path):
    from polydistill.analyses._models import began_as
    from polydistill.plan import read_plan

    plan = read_plan(str(analysed.run))
    assert began_as(analysed.run, plan) == plan.model
    further = read_plan(str(analysed.run), ["rounds=[{train: {epochs: 1}}]"])
    with pytest.raises(ValueError, match="has not come to its last round yet; finish it with"):
        began_as(tmp_path, further)
    stages = [["choose", f"choose-{number}", False] for number in (1, 2)]
    (tmp_path / "stages.json").write_text(json.dumps(stages))
    found = began_as(tmp_path, further)
    assert (found.path, found.dtype) == (str(plan.runs / "stages/choose-1/model"), plan.model.dtype)
