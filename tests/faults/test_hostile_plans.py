"""Plans, changes on the command line and arms that strangers wrote: settings or sentences, nothing else."""

from pathlib import Path

import pytest
from tiny_hostile import bounded
from tiny_plan import GOOD

from polydistill.arms import changes_of
from polydistill.component import ALLOWED
from polydistill.plan import read_plan
from polydistill.yaml_tree import MAX_BYTES, PlanError

pytestmark = pytest.mark.faults

TOKENS = "max_tokens: 12"


def with_tokens(value: str) -> str:
    return GOOD.replace(TOKENS, f"max_tokens: {value}")


# The text, and what the first sentence says.

REFUSED: dict[str, tuple[str | bytes, str]] = {
    "empty": ("", "holds no settings"),
    "a comment": ("# no\n", "holds no settings"),
    "null": ("null\n", "holds no settings"),
    "a list": ("- a\n", "holds no settings"),
    "a word": ("a\n", "holds no settings"),
    "large": ("# " + "x" * MAX_BYTES, "larger than a plan"),
    "deep lists": ("a: " + "[" * 100_000, "nested more than 20 deep"),
    "deep maps": ("a: " + "{a: " * 40_000, "nested more than 20 deep"),
    "deep blocks": ("".join(f"{' ' * n}a:\n" for n in range(500)), "nested more than 20 deep"),
    "many values": ("a: [" + "1," * 90_000 + "]", "more than 5000 values"),
    "many keys": ("".join(f"k{n}: 1\n" for n in range(9000)), "more than 5000 values"),
    "laughs": ("a: &a [x]\nb: [*a, *a]\n", "anchors and aliases"),
    "an anchor": (GOOD.replace("m\n", "&m m\n", 1), "anchors and aliases"),
    "an alias of nothing": ("a: *b\n", "anchors and aliases"),
    "an object": ("a: !!python/object/apply:os.system [touch canary]\n", "tags (!!python/object/apply:os.system)"),
    "a name": ("a: !!python/name:os.system\n", "tags"),
    "a module": ("!!python/module:os {}\n", "tags"),
    "a tag of one's own": ("a: !x 1\n", "tags"),
    "a binary": ("name: !!binary aGk=\n", "tags"),
    "a set": ("a: !!set {x, y}\n", "tags"),
    "a float by tag": ("a: !!float .inf\n", "tags"),
    "a merge": (GOOD + "<<: {name: x}\n", "merging"),
    "a merge inside": (GOOD.replace("report: {}", "report: {<<: {examples: 3}}"), "merging"),
    "a key twice": (GOOD + "name: a\nname: b\n", 'found duplicate key "name"'),
    "a directive": ("%YAML 1.1\n---\n" + GOOD, "directives"),
    "a later version": ("%YAML 9.9\n---\n" + GOOD, "incompatible YAML"),
    "a tag directive": ("%TAG ! tag:yaml.org,2002:python/\n---\na: !object:x y\n", "directives"),
    "two documents": (GOOD + "---\na: 1\n", "expected a single document"),
    "tabs": ("model:\tm\n\tfrom: eng\n", "cannot start any token"),
    "a zero": (GOOD + "name: a\0b\n", "unacceptable character"),
    "a bell": (GOOD + "name: \x07\n", "unacceptable character"),
    "an escape": (GOOD + "name: \x1b[2J\n", "unacceptable character"),
    "half a pair": (GOOD + 'name: "\\ud800"\n', "name: a zero character, or half a character"),
    "beyond unicode": (GOOD + 'name: "\\U00110000"\n', "cannot be read"),
    "a bad escape": (GOOD + 'name: "\\xZZ"\n', "escape sequence"),
    "utf-16": (GOOD.encode("utf-16"), "is not UTF-8"),
    "utf-32": (GOOD.encode("utf-32"), "is not UTF-8"),
    "latin": (b"\xe9: 1\n", "is not UTF-8 (byte 0)"),
    "a list for a key": ("? [a, b]\n: 1\n", "is missing"),
    "a map in a map for a key": (GOOD + "name: {a: b, {c: {d: e}}}\n", "cannot be read"),
    "a map for a key": ("? {a: b}\n: 1\n", "is missing"),
    "a long key": ("k" * 190_000 + ": 1\n", "mapping values are not allowed"),
    "null for a key": (GOOD + "~: 1\n", "no setting named"),
    "a huge number": (with_tokens("1" + "0" * 5000), "cannot be read"),
    "a huge hexadecimal": (with_tokens("0x" + "f" * 5000), "a number that large"),
    "a large number": (with_tokens("1" + "0" * 30), "a number that large"),
    "a time": (with_tokens("1:30"), "valid integer"),
    "a date": (with_tokens("2001-01-01"), "valid integer"),
    "no date": (with_tokens("2001-99-99"), "a number, a date or a name that cannot be read"),
    "infinite": (GOOD.replace(TOKENS, "temperature: .inf"), "finite number"),
    "no number": (GOOD.replace(TOKENS, "temperature: .nan"), "not nan"),
    "too large a float": (GOOD.replace(TOKENS, "temperature: 1e999"), "finite number"),
    "less than nothing": (with_tokens("-1"), "greater than or equal to 1"),
    "text for a number": (with_tokens("'; rm -rf /'"), "valid integer"),
    "many languages": (GOOD.replace("[spa]", "[" + "aa," * 4000 + "]"), "give at most 200"),
    "a recipe elsewhere": (GOOD + "recipe: ../../../etc/passwd\n", "no recipe named"),
    "a class": (GOOD + "__class__: x\n", "no setting named '__class__'"),
    "what only python has": (GOOD.replace(TOKENS, "model_config: {extra: allow}"), "no setting named 'model_config'"),
    "a component elsewhere": (GOOD.replace("language_pairs", "../../evil"), "no builder named"),
    "a component of one's own": (GOOD.replace("language_pairs", "os.path"), "runs only with --allow os.path"),
    "a component of the standard library": (GOOD.replace("language_pairs", "subprocess"), "no builder named"),
    "another kind's": (GOOD.replace("language_pairs", "next_token"), "no builder named"),
    "its helper": (GOOD.replace("language_pairs", "__init__"), "no builder named"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_plans_that_are_refused(name: str, tmp_path: Path):
    content, said = REFUSED[name]
    with bounded(tmp_path) as folder:
        path = folder / "plan.yaml"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        with pytest.raises(PlanError) as refused:
            read_plan(str(path))
        assert said in str(refused.value)
        assert all(0 < len(mistake) < 2000 for mistake in refused.value.mistakes)
        assert len(refused.value.mistakes) < 50


READ: dict[str, tuple[str, int]] = {
    "a byte order mark": ("\ufeff" + GOOD, 12),
    "carriage returns": (GOOD.replace("\n", "\r"), 12),
    "both": (GOOD.replace("\n", "\r\n"), 12),
    "an octal number": (with_tokens("0o14"), 12),
    "what was octal": (with_tokens("014"), 14),
    "an underscore": (with_tokens("1_2"), 12),
    "no line end": (GOOD.rstrip("\n"), 12),
}


@pytest.mark.parametrize("name", READ)
def test_plans_that_are_read(name: str, tmp_path: Path):
    text, tokens = READ[name]
    with bounded(tmp_path) as folder:
        (folder / "plan.yaml").write_text(text, "utf-8", newline="")
        assert read_plan(str(folder / "plan.yaml")).answer.max_tokens == tokens


CHANGES: dict[str, str] = {
    "": "is no setting", "=": "is no setting", "a": "is no setting", "=1": "is no setting", "a=": "no setting named 'a'",
    "answer.x.y=1": "no setting named 'x'", "answer=[": "flow node", "answer=*a": "aliases",
    "answer=!!python/name:os.system": "tags", "answer.max_tokens=" + "9" * 6000: "cannot be read",
    "answer.max_tokens.x=1": "is a value", "answer.temperature=.nan": "nan", "name=../x": "a run's name",
    "name=/etc": "a run's name", "name=.": "a run's name", "name=..": "a run's name", "name=.ssh": "a run's name",
    "name=~": "valid string", "name=~root": "a run's name", "name=-rf": "a run's name", "name=a/b": "a run's name",
    "name=a\u202eb": "a run's name", "name=a\0b": "unacceptable character", "name=stages": "all runs share",
    "name=store": "all runs share", "name=" + "x" * 5000: "a run's name", 'name="a\\nb"': "a run's name",
    "name='x '": "a run's name", "runs=a\0b": "unacceptable character", 'runs="a\\x1b[2J"': "that can be shown",
    'runs="a\\0b"': "a zero character", "to=\udc80es": "half a character", "to=": "no language code",
    "to=../x": "no language code",
    "to=" + "a," * 300: "at most 200", "from=\0": "a zero character", "model={os.system: {}}": "--allow os.system",
    "model={../x: {}}": "no engine named", "model={}": "give a name", "mix.builders=" + "[" * 60: "nested more",
    "mix.builders=[{a: 1, b: 2}]": "give a name", "mix.tokens=1" + "0" * 28: "that large", "recipe=x": "no recipe named",
    "recipe=../../../etc/passwd": "no recipe named",
    "recipe=[a]": "no recipe named", "rounds.x.train=1": "there are none", "rounds.2=1": "holds parts of a plan",
    "train.learning_rate=.inf": "finite", "__class__.__init__=1": "no setting named",
    "evaluate.evaluators=[{text_bits: {label: '../../x'}}]": "match pattern",
    "ask.source=../../etc/passwd": "no source named",
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: ascii(change[:30]))
def test_changes_that_are_refused(change: str, tmp_path: Path):
    with bounded(tmp_path) as folder:
        (folder / "plan.yaml").write_text(GOOD)
        with pytest.raises(PlanError) as refused:
            read_plan(str(folder / "plan.yaml"), [change])
        assert CHANGES[change] in str(refused.value)
        assert len(str(refused.value)) < 10_000


@pytest.mark.parametrize("given", ["", "\0", "x" * 10_000, "/dev/zero", "/etc/passwd", "../", "\x1b[2J", "/proc/self/mem", "-"])
def test_what_is_no_plan_is_said(given: str):
    with pytest.raises(PlanError) as refused:
        read_plan(given)
    assert len(refused.value.mistakes) == 1


@pytest.mark.parametrize(
    "text",
    ["", "changes: 1\n", "changes: [1]\n", "a: 1\n", "changes: [[a]]\n", "changes: &a [b]\n", "- a\n", "changes: {a: b}\n"],
)
def test_arms_that_are_refused(text: str, tmp_path: Path):
    with bounded(tmp_path) as folder:
        (folder / "arm.yaml").write_text(text)
        with pytest.raises(PlanError):
            changes_of(str(folder / "arm.yaml"), "plan")


def test_a_module_is_not_imported_before_it_is_allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with bounded(tmp_path) as folder:
        (folder / "evil").mkdir()
        (folder / "evil" / "part.py").write_text("raise SystemExit('it ran')\n")
        monkeypatch.syspath_prepend(str(folder))
        (folder / "plan.yaml").write_text(GOOD.replace("language_pairs", "evil.part"))
        with pytest.raises(PlanError, match=r"only with --allow evil\.part"):
            read_plan(str(folder / "plan.yaml"))
        token = ALLOWED.set(frozenset({"evil.part"}))
        try:
            with pytest.raises(SystemExit, match="it ran"):  # so this test can see it
                read_plan(str(folder / "plan.yaml"))
        finally:
            ALLOWED.reset(token)
