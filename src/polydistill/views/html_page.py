"""One self-contained HTML file: no address outside it, no code but its own, no text that could be markup.

The page's policy (Content-Security-Policy in a meta tag) forbids everything and then allows, by their SHA-256, its one style
sheet and its scripts. Texts go through Jinja's autoescape or, as data, into a JSON block with ``<`` escaped. Vega evaluates
its expressions with an interpreter, so no script makes code.
"""

import base64
import hashlib
from collections.abc import Mapping
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from ..component import words
from ..privacy.visible import seen, visible
from .charts import Figure
from .findings import label


@cache
def drawing() -> str:
    """Vega, Vega-Lite and Vega-Embed in one script."""
    import vl_convert

    return vl_convert.javascript_bundle().replace("</script", "<\\/script")


def allowed(code: str) -> str:
    """The source expression that allows exactly this script or style."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()}'"


def page(name: str, figures: Mapping[str, Figure], data: Mapping[str, Any], **values: Any) -> str:
    """A shipped template with its charts and the data of its answers' browser.

    Args:
        figures: by the name the template calls them.
        data: what page.js reads: ``answers`` and the ``labels`` of scores and languages.
    """
    pages = Environment(
        loader=PackageLoader("polydistill", "data/pages"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, finalize=lambda value: value if isinstance(value, Markup) else visible(str(value)),
    )  # fmt: skip
    pages.policies["json.dumps_kwargs"] = {"ensure_ascii": False, "separators": (",", ":")}
    pages.filters |= {"label": label, "words": words}
    loader = pages.loader
    assert loader is not None
    style, script = (loader.get_source(pages, file)[0].strip() for file in ("page.css", "page.js"))
    scripts = [drawing(), script]
    policy = (
        f"default-src 'none'; script-src {' '.join(map(allowed, scripts))}; style-src {allowed(style)}; "
        "base-uri 'none'; form-action 'none'"
    )
    return pages.get_template(name).render(
        **values, figures=figures, policy=Markup(policy), style=Markup(style), scripts=[Markup(script) for script in scripts],
        specs=seen({name: figure.spec for name, figure in figures.items()}), data=seen(data),
    )  # fmt: skip
