"""A small plan, for tests of what is read and of what would stop it."""

from pathlib import Path

from polydistill.plan import Plan, read_plan

GOOD = """\
model: m
from: eng
to: [spa]
ask: {source: {file: {path: questions.jsonl}}}
answer: {max_tokens: 12}
translate: {translator: {dictionary: {path: words.tsv, source: eng, target: spa}}}
mix:
  builders: [language_pairs]
  sampler: temperature
  tokens: 3000
train: {objective: next_token, schedule: cosine}
choose: {}
evaluate: {evaluators: [loops]}
report: {}
"""


def runnable(path: Path, model: str, *changes: str) -> Plan:
    """The plan with everything that it needs beside it."""
    folder = path.parent
    (folder / "questions.jsonl").write_text('{"question": "a"}\n')
    (folder / "words.tsv").write_text("dog\tperro\n")
    files = [f"ask.source.file.path={folder}/questions.jsonl", f"translate.translator.dictionary.path={folder}/words.tsv"]
    return read_plan(str(path), [*files, *changes], model=model)
