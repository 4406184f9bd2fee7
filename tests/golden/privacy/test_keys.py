"""Keys: read from where they belong, found where they do not, never shown."""

import os
import stat
from pathlib import Path
from urllib.parse import quote

import pytest

from polydistill.plan import RECIPES, read_plan
from polydistill.privacy import keys
from polydistill.privacy.keys import LARGEST, NoKey, found_in, from_file, from_variable, masked, secret
from polydistill.yaml_tree import PlanError, load, plain

A, D = "aB3dE5gH7jK9mN1pQ2rS4tU6vW8xY0zA", "1234567890123456"
LOOKS = {
    "openai": f"sk-{A}{D}",
    "openai project": f"sk-proj-{A}-x_{D}",
    "anthropic": f"sk-ant-api03-{A}-{D}",
    "stripe": f"sk_live_{A}",
    "groq": f"gsk_{A}",
    "nvidia": f"nvapi-{A}",
    "replicate": f"r8_{A}",
    "hugging face": f"hf_{A}",
    "github": f"ghp_{A}",
    "github app": f"ghs_{A}",
    "github fine": f"github_pat_{D}_{A}",
    "gitlab": f"glpat-{A}",
    "npm": f"npm_{A}",
    "pypi": f"pypi-AgEIcHlwaS5vcmc{A}",
    "aws": "AKIAIOSFODNN7EXAMPLE",
    "aws session": "ASIAIOSFODNN7EXAMPLE",
    "google": f"AIza{A}abc",
    "slack": "xoxb-123456789012-abcdef",
    "web token": f"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.{A}",
    "bearer": f"Bearer {A}",
    "basic": "Basic dXNlcjpwYXNzd29yZDEyMw==",
    "private key": "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----",
    "address": "http://me:hunter2@localhost:8000/v1",
    "parameter": "http://localhost/v1?api_key=hunter2&x=1",
}
INNOCENT = [
    "sk", "sk-SK", "models/sk-en-opus-mt-2021-08-04-big", "task-20240101-aaaaaaaaaaaaaaaaaaa",
    "hf_model", "basic questions 2024", "AsiaPacificLanguages2020", "http://localhost:8000/v1", "https://huggingface.co/a/b@main",
    "Answer in {target}: {text}", "0123456789abcdef0123456789abcdef01234567", "/home/me/models/Qwen3-0.6B", "a@b.org", "12:30",
    "risk-adjusted-2020-numbers",
    "max_tokens=5", "--max-tokens", "--tokenizer=bpe", "--key-file=/run/secrets/key", "the bearer of news",
]  # fmt: skip


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(keys, "_known", set())


# Where a key may stand


def closed(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    path.chmod(0o600)
    return path


def test_a_key_comes_from_its_variable_or_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MINE", " abcdefgh1 ")
    assert from_variable("MINE", "it") == "abcdefgh1"
    assert from_file(closed(tmp_path / "key", "abcdefgh2\r\n"), "it") == "abcdefgh2"
    monkeypatch.setenv("HOME", str(tmp_path))
    assert from_file(Path("~/key"), "it") == "abcdefgh2"


@pytest.mark.parametrize("held", ["a b", "two\nlines", "tab\tinside", "é", "a\x00b", "a\x1b[31m"])
def test_what_cannot_be_a_key_is_not_sent_and_not_said(held: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(NoKey, match="one line of visible ASCII") as refused:
        from_file(closed(tmp_path / "key", f"secret{held}"), "it")
    assert "secret" not in str(refused.value)
    if "\x00" not in held:
        monkeypatch.setenv("MINE", f"secret{held}")
        with pytest.raises(NoKey, match="MINE holds no key") as refused:
            from_variable("MINE", "it")
        assert "secret" not in str(refused.value)


def test_no_key_is_said_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MINE", " ")
    with pytest.raises(NoKey, match="variable MINE is not set; put the key for it into it"):
        from_variable("MINE", "it")
    with pytest.raises(NoKey, match=r"cannot be read from .*: No such file"):
        from_file(tmp_path / "none", "it")
    with pytest.raises(NoKey, match="is empty"):
        from_file(closed(tmp_path / "empty", "\n"), "it")
    with pytest.raises(NoKey, match="larger than a key"):
        from_file(closed(tmp_path / "large", b"a" * (LARGEST + 1)), "it")
    with pytest.raises(NoKey, match="Is a directory"):
        from_file(tmp_path, "it")
    with pytest.raises(NoKey, match="it is no path"):
        from_file(Path("a\0b"), "it")


def test_a_pipe_is_not_waited_for(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(NoKey, match="is no file"):
        from_file(tmp_path / "pipe", "it")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o644])
def test_a_file_of_ones_own_that_others_may_read_is_refused(mode: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = closed(tmp_path / "key", "abcdefgh2")
    path.chmod(mode)
    with pytest.raises(NoKey, match=f"chmod 600 {path}"):
        from_file(path, "it")
    path.chmod(0o400)
    assert from_file(path, "it") == "abcdefgh2"
    path.chmod(mode)
    monkeypatch.setattr(os, "getuid", lambda: path.stat()[stat.ST_UID] + 1)  # mounted by the system, as in a container
    assert from_file(path, "it") == "abcdefgh2"


# What looks like one


@pytest.mark.parametrize("name", LOOKS)
def test_what_looks_like_a_key_is_found_and_masked(name: str):
    looks = LOOKS[name]
    for place in (looks, f" {looks}", f"x={looks}", f"'{looks}'", f"mt --with {looks} -x"):
        (found,) = found_in({"a": [1, place]})
        assert found[0] == ("a", 1)
        assert not set(found[1].split()) & set(looks.split())
        shown = masked(f"before {place} after")
        assert A not in shown
        assert "hunter2" not in shown
        assert shown.startswith("before ")
        assert shown.endswith(" after")
        assert "***" in shown


@pytest.mark.parametrize("text", INNOCENT)
def test_what_is_no_key_is_left_as_it_is(text: str):
    assert masked(text) == text
    assert list(found_in({"a": text, "program": ["mt", text, "x"]})) == []


@pytest.mark.parametrize(
    "name",
    [
        "api_key", "API-KEY", "apiKey", "x-api-key", "key", "token", "hub_token", "accessToken", "Authorization", "password",
        "passwd", "PWD", "client_secret", "secret", "credentials", "cookie", "Proxy-Authorization", "private_key",
    ],
)  # fmt: skip
def test_a_name_that_asks_for_a_key_is_refused_whatever_it_holds(name: str):
    assert secret(name)
    (found,) = found_in({"openai": {"extra": {"inner": [{name: "hunter2"}]}}})
    assert found[0] == ("openai", "extra", "inner", 0, name)
    assert "hunter2" not in found[1]
    for line in (f"--{name}=hunter2", f"{name}=hunter2", f"mt --{name} hunter2"):
        (found,) = found_in(["mt", line])
        assert found[0] == (1,)
        assert "hunter2" not in found[1]
    assert [loc for loc, _ in found_in(["mt", f"--{name}", "hunter2"])] == [(2,)]


@pytest.mark.parametrize(
    "header", ["Authorization: hunter2", "X-Api-Key:hunter2", "Cookie: a=hunter2", "proxy-authorization: x"]
)
def test_a_header_with_a_key_is_refused(header: str):
    assert [loc for loc, _ in found_in(["curl", "-H", header])] == [(2,)]


@pytest.mark.parametrize(
    "name",
    [
        "tokens", "max_tokens", "micro_tokens", "stop_token_ids", "skip_special_tokens", "eos_token", "pad_token",
        "key_variable",        "key_file", "password_file", "token_path", "api_key_env", "keyboard", "monkey", "author", "keys",
    ],
)  # fmt: skip
def test_names_that_ask_for_no_key(name: str):
    assert not secret(name)
    assert list(found_in({name: "some"})) == []


def test_a_key_as_a_name_is_found():
    assert [loc for loc, _ in found_in({"a": {LOOKS["openai"]: 1}})] == [("a",)]


def test_what_is_not_given_is_no_key():
    assert list(found_in({"token": None, "password": "", "secret": True, "cookie": False})) == []


def test_a_key_that_was_read_is_masked_in_every_form(monkeypatch: pytest.MonkeyPatch):
    key = "plain/word+x=1"
    monkeypatch.setenv("MINE", key)
    assert masked(key) == key
    from_variable("MINE", "it")
    assert (
        masked(f"a {key} b {quote(key, safe='')} c {quote(key)} d {key.replace('/', chr(92) + '/')}")
        == "a *** b *** c *** d ***"
    )
    monkeypatch.setenv("MINE", "EMPTY")
    from_variable("MINE", "it")
    assert masked("EMPTY") == "EMPTY"


def test_looking_takes_no_longer_for_texts_made_to_be_slow():
    for text in ("sk-" * 100_000, "://" + ":" * 300_000, "eyJ" + "a" * 300_000, "eyJ-" * 50_000, "?" + "passw" * 50_000,
                 "?" + "a" * 300_000, "bearer " + "a" * 300_000,
                 "-----BEGIN " * 30_000, "--" * 100_000, "a=" * 100_000, "x-" * 100_000):  # fmt: skip
        masked(text)
        list(found_in(text))


def test_no_recipe_and_no_example_looks_like_it_holds_a_key():
    for path in (*RECIPES.glob("*.yaml"), *(Path(__file__).parents[2] / "examples").glob("*.yaml")):
        assert list(found_in(plain(load(path)))) == [], path


def test_no_mistake_of_a_plan_repeats_one():
    looks = LOOKS["openai"]
    for given, changes in ((looks, []), ("sdrrl", [f"recipe={looks}"]), ("sdrrl", [looks]), ("sdrrl", [f"answer.{looks}=1"])):
        with pytest.raises(PlanError) as refused:
            read_plan(given, changes, model="m", source="eng", target="spa")
        assert A not in str(refused.value) + repr(refused.value) + repr(refused.value.mistakes)
