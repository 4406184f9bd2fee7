"""Chat templates of strangers: the known ones pass at once, others are tried once in a process of their own."""

import hashlib
import json
from pathlib import Path

import pytest
import tiny
from tiny_hostile_models import TEMPLATES

from polydistill import models, template
from polydistill.engines import BadModel
from polydistill.foreign import template_trial
from polydistill.template import SHIPPED, Template, known_as, try_template


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(models, "CACHE", tmp_path)
    return tmp_path / "templates"


@pytest.mark.parametrize(("name", "says"), [
    ("a text of 10**10", "needs more than 512 MB"), ("loops in loops", "takes more than 2 seconds|does not end within"),
    ("the chat a hundred times", "writes more than 200000 letters"),
])  # fmt: skip
def test_a_template_that_takes_too_much_is_refused(name: str, says: str, cache: Path):
    source = TEMPLATES[name]
    digest = hashlib.sha256(source.encode()).hexdigest()[:12]
    with pytest.raises(
        BadModel, match=rf"the chat template of mine is refused \(SHA-256 {digest}\): it ({says}).*; give another"
    ):
        try_template("mine", source)
    assert not cache.exists()


def test_what_passed_is_not_tried_again(cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    tried: list[str] = []
    monkeypatch.setattr(template_trial, "fault", lambda source: tried.append(source) or "")
    said = try_template("mine", tiny.TEMPLATE)
    assert said.startswith("the chat template is none of the known ones (SHA-256 ")
    assert try_template("mine", tiny.TEMPLATE) == said
    assert try_template("mine", tiny.TEMPLATE + "\n").startswith("the chat template is none")  # the same, to Jinja
    assert tried == [tiny.TEMPLATE]
    assert Template(tiny.tokenizer()).not_known in capsys.readouterr().err
    try_template("mine", tiny.TEMPLATE + " ")
    assert len(tried) == 2
    monkeypatch.setattr(template_trial, "VERSION", 0)  # other limits
    try_template("mine", tiny.TEMPLATE)
    assert len(tried) == 3


def test_a_known_template_is_not_tried(monkeypatch: pytest.MonkeyPatch, cache: Path):
    monkeypatch.setattr(template_trial, "fault", None)
    plain = (SHIPPED / "plain.jinja").read_text("utf-8")
    assert known_as(plain) == "plain (polydistill)"
    assert try_template("mine", plain) == ""
    assert known_as(tiny.TEMPLATE) is None
    assert not cache.exists()


def test_only_digests_names_and_sources_are_kept():
    known = json.loads((SHIPPED / "known.json").read_text("utf-8"))
    assert len(known) > 100
    for digest, about in known.items():
        assert len(bytes.fromhex(digest)) == 32
        assert about.keys() == {"name", "from"}


def test_what_honest_templates_use_is_there():
    source = (
        "{% set ns = namespace(x=0) %}{% for m in messages %}{% if loop.index > 50 %}{% break %}{% endif %}"
        "{% generation %}{{ m | tojson }}{{ m.content.split('</think>')[-1] }}{% endgeneration %}{% set ns.x = ns.x + 1 %}"
        "{% endfor %}{{ strftime_now('%d') }}{{ dict(a=1).a }}{{ raise_exception('why') if ns.x > 99 }}{{ tools is none }}"
    )
    assert template_trial.try_all(source, template_trial.chats(), 10**6) == ""
    assert template_trial.try_all(source, template_trial.chats(), 10).startswith("it writes more than 10 letters")
    assert template._known()
