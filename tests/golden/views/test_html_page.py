"""One self-contained page: what is allowed."""

import base64
import hashlib
import json
import re

from polydistill.views.charts import bars
from polydistill.views.html_page import allowed, drawing, page

EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"


def test_the_policy_allows_exactly_this_code():
    assert allowed("x") == f"'sha256-{base64.b64encode(hashlib.sha256(b'x').digest()).decode()}'"


def test_the_drawing_code_is_whole_and_cannot_end_its_script():
    assert "vegaEmbed" in drawing()
    assert "</script" not in drawing().lower()


def written(**values: object) -> str:
    figures = {"rows": bars(EVIL, EVIL, {EVIL: 1.0})}
    return page("page.html", figures, {"answers": [{"before": EVIL}]}, **values)


def test_the_policy_forbids_all_but_what_the_page_holds():
    found = written()
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', found)
    assert policy
    assert policy[1].startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy[1]
    assert "http" not in policy[1]
    scripts = re.findall(r'<script type="module">(.*?)</script>', found, re.DOTALL)
    assert len(scripts) == 2
    for code in [*scripts, *re.findall(r"<style>(.*?)</style>", found, re.DOTALL)]:
        assert allowed(code) in policy[1]
    assert found.index("Content-Security-Policy") < found.index("<style>")


def test_data_cannot_leave_its_block():
    found = written()
    assert EVIL not in found
    blocks = re.findall(r'<script type="application/json" id="(\w+)">(.*?)</script>', found, re.DOTALL)
    assert [name for name, _ in blocks] == ["charts", "data"]
    assert json.loads(blocks[1][1]) == {"answers": [{"before": EVIL}]}
    assert not any("<" in text for _, text in blocks)
