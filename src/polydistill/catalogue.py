"""Writes docs/components.md and docs/papers.md from the components' own docstrings."""

import inspect
import re
from pathlib import Path

from .component import KINDS, find, names, words
from .plan import RECIPES

DOCS = Path(__file__).parents[2] / "docs"


def components() -> str:
    """Every component with its settings."""
    parts = ["# Components\n\nGenerated from the code by `make docs`; a name here is a name in a plan.\n"]
    for kind in KINDS:
        for name in names(kind):
            cls = find(kind, name)
            parts.append(f"\n## {name}\n\nOne of the {kind}. {_text(inspect.getdoc(cls) or '')}\n")
            rows = []
            for setting, field in cls.model_fields.items():
                default = (
                    "must be given" if field.is_required() else f"`{_short(field.get_default(call_default_factory=True))}`"
                )
                rows.append(f"| `{setting}` | {default} | {_cell(field.description or '')} |")
            if rows:
                parts.append("\n| setting | default | |\n|---|---|---|\n" + "\n".join(rows) + "\n")
    return "".join(parts)


def papers() -> str:
    """Every recipe and every component that comes from a paper, with what departs and what was checked."""
    parts = ["# Papers\n\nGenerated from the code by `make docs`.\n\n## Recipes\n"]
    for path in sorted(RECIPES.glob("*.yaml")):
        head = [line.lstrip("# ").rstrip() for line in path.read_text("utf-8").splitlines() if line.startswith("#")]
        parts.append(f"\n### {path.stem}\n\n" + "\n".join(line or "" for line in head) + "\n")
    parts.append("\n## Components\n\n| component | paper | departs | checked |\n|---|---|---|---|\n")
    for kind in KINDS:
        for name in names(kind):
            fields = _fields(inspect.getdoc(find(kind, name)) or "")
            if "Paper" in fields:
                row = (f"{words(name)} ({kind})", *(fields.get(field, "") for field in ("Paper", "Departs", "Checked")))
                parts.append("| " + " | ".join(_cell(cell) for cell in row) + " |\n")
    return "".join(parts)


def _fields(doc: str) -> dict[str, str]:
    """The `Paper:`, `Departs:` and `Checked:` paragraphs of a docstring."""
    found = re.findall(r"^(Paper|Departs|Checked): (.+?)(?=^\w+: |\n\n|\Z)", doc, re.MULTILINE | re.DOTALL)
    return {field: " ".join(text.split()) for field, text in found}


def _text(doc: str) -> str:
    return doc.replace("``", "`")


def _cell(text: str) -> str:
    return " ".join(_text(text).split()).replace("|", "/")


def _short(value: object) -> str:
    text = repr(str(value) if isinstance(value, Path) else value)
    return text if len(text) <= 60 else text[:57] + "..."


def main() -> None:
    """Writes both pages."""
    DOCS.mkdir(exist_ok=True)
    (DOCS / "components.md").write_text(components(), "utf-8")
    (DOCS / "papers.md").write_text(papers(), "utf-8")


if __name__ == "__main__":
    main()
