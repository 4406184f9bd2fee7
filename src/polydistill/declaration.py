"""The Universal Declaration of Human Rights, shipped to be measured on."""

from importlib.resources import files

from .records import Lang


def declaration(lang: Lang) -> dict[str, str]:
    """The Declaration's paragraphs in a language by number; nothing where it is not shipped."""
    file = files("polydistill") / "data" / "udhr" / f"{lang.alpha3}.txt"
    lines = file.read_text("utf-8").splitlines() if file.is_file() else []
    return {f"udhr/{number:02d}": line for number, line in enumerate(lines, 1)}
