import pytest

from polydistill import models
from polydistill.component import ALLOWED
from polydistill.evaluators._harness_folder import local_data, refuse_code, where_from
from polydistill.sources import BadInput

pytest.importorskip("lm_eval")


@pytest.fixture
def refuse(tmp_path):
    def refuse(text, **more):
        folder = tmp_path / "tasks"
        folder.mkdir()
        for name, other in more.items():
            (folder / name).write_text(other, "utf-8")
        (folder / "a.yaml").write_text(text, "utf-8")
        refuse_code(folder / "a.yaml", folder)

    return refuse


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("task: a\ndoc_to_text: !function utils.ask", "code of your own: it runs only with --allow utils"),
        ("task: a\nmetric_list: [{metric: !function os.system}]", "--allow os"),
        ("%TAG !e! !func\n---\ntask: a\ndoc_to_text: !e!tion utils.ask", "--allow utils"),
        ("task: a\nclass: !function utils.Task", "--allow utils"),
        ("task: a\ndoc_to_text: !!python/object/apply:os.system [x]", "the tag .* is not read"),
        ("task: a\nmetric_list: [{metric: acc, hf_evaluate: true}]", "hf_evaluate runs code from elsewhere"),
        ("task: a\nmetric_list: [{metric: /tmp/own_metric}]", "no metric named '/tmp/own_metric'"),
        ("task: a\nmetric_list: [{metric: exact_mach}]", "no metric named 'exact_mach'; did you mean exact_match"),
        ("task: a\ndataset_kwargs: {trust_remote_code: true}", "trust_remote_code runs code from elsewhere"),
        ("task: a\nunsafe_code: true", "unsafe_code runs code from elsewhere"),
        ("task: a\ninclude: ../../elsewhere.yaml", "lies outside"),
        ("task: [", "is no task"),
        ("- a", "is no task"),
    ],
)
def test_what_would_run_code_is_refused(refuse, text, sentence):
    with pytest.raises(BadInput, match=sentence):
        refuse(text)


def test_what_is_included_is_looked_at_too(refuse):
    with pytest.raises(BadInput, match=r"base_yaml: !function utils\.ask"):
        refuse("task: a\ninclude: base_yaml", base_yaml="doc_to_text: !function utils.ask")


def test_a_task_of_plain_settings_is_fine(refuse):
    refuse(
        "task: a\ninclude: base_yaml\nmetric_list: [{metric: acc, aggregation: mean}]\ndoc_to_text: '{{question}}'",
        base_yaml="output_type: multiple_choice",
    )


def test_an_allowed_module_may_be_named(refuse):
    token = ALLOWED.set(frozenset({"utils"}))
    try:
        refuse("task: a\ndoc_to_text: !function utils.ask\nmetric_list: [{metric: !function utils.score}]")
    finally:
        ALLOWED.reset(token)


def test_where_the_data_of_a_task_lie(tmp_path, monkeypatch):
    monkeypatch.setattr(models, "CACHE", tmp_path / "cache")
    cached = {"cache_dir": str(tmp_path / "cache" / "datasets")}
    config = {"dataset_path": "owner/name", "dataset_name": "es", "dataset_kwargs": {"trust_remote_code": True}}
    assert local_data("t", config, None, False) == {"dataset_kwargs": {}}
    assert local_data("t", config, tmp_path, False) == {"dataset_kwargs": {}}
    copy = tmp_path / "owner/name"
    copy.mkdir(parents=True)
    with pytest.raises(BadInput, match=r"has no README.md that says its files, and no es/SPLIT.jsonl or .parquet"):
        local_data("t", config, tmp_path, False)
    (copy / "es").mkdir()
    for name in ("eval.jsonl", "test-00000-of-00002.jsonl", "test-00001-of-00002.jsonl"):
        (copy / "es" / name).write_text("{}")
    assert local_data("t", config, tmp_path, False) == {
        "dataset_path": "json",
        "dataset_name": None,
        "dataset_kwargs": {
            "data_files": {
                "eval": [f"{copy}/es/eval.jsonl"],
                "test": [f"{copy}/es/test-0000{n}-of-00002.jsonl" for n in (0, 1)],
            },
            **cached,
        },
    }
    (copy / "README.md").write_text("---\nconfigs: []\n---\n")
    assert local_data("t", config, tmp_path, False) == {"dataset_path": str(copy), "dataset_kwargs": cached}


def test_data_files_of_ones_own_lie_in_the_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(models, "CACHE", tmp_path / "cache")
    folder = tmp_path / "tasks"
    folder.mkdir()
    (folder / "a.jsonl").write_text("{}")
    (tmp_path / "b.jsonl").write_text("{}")

    def files(given):
        config = {"dataset_path": "json", "dataset_kwargs": {"data_files": given}}
        return local_data("t", config, folder, True)["dataset_kwargs"]["data_files"]

    assert files({"test": "a.jsonl"}) == {"test": str(folder / "a.jsonl")}
    assert files(["a.jsonl"]) == [str(folder / "a.jsonl")]
    for given in ("../b.jsonl", str(tmp_path / "b.jsonl"), "c.jsonl", None, "https://a.example/a.jsonl"):
        with pytest.raises(BadInput, match="task t: no file"):
            files(given)
    with pytest.raises(BadInput, match="lie outside"):
        local_data("t", {"dataset_path": str(tmp_path)}, folder, True)


def test_how_to_get_the_data(tmp_path):
    said = where_from({"dataset_path": "owner/name", "dataset_name": "es"}, tmp_path)
    assert f"`hf download --repo-type dataset owner/name --local-dir {tmp_path}/owner/name`" in said
    assert "owner/name, es" in said
    assert "FOLDER/owner/name" in where_from({"dataset_path": "owner/name"}, None)
