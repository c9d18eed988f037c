"""The files around the code: continuous integration, forms, citation, links."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import sklearn_sed

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(
    not (ROOT / ".github").is_dir(), reason="there is no repository around this package"
)
yaml = pytest.importorskip("yaml")

PAGES = sorted(ROOT.glob("*.md")) + sorted(
    (ROOT / "docs" / "contributing").glob("*.rst")
)
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))


def read_yaml(path: Path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def commands(workflow: dict) -> list[str]:
    """Return the shell commands of all jobs."""
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    return [step["run"] for step in steps if "run" in step]


def targets() -> set[str]:
    """Return what can be made."""
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    return set(re.findall(r"^([a-z-]+):.*##", text, flags=re.MULTILINE))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_make_what_can_be_made(path):
    workflow = read_yaml(path)
    made = re.findall(r"^make ([a-z-]+)", "\n".join(commands(workflow)), re.MULTILINE)
    assert made
    assert set(made) <= targets()
    for job in workflow["jobs"].values():
        assert job["timeout-minutes"] <= 90


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_pages_name_only_what_can_be_made(path):
    named = re.findall(r"`make ([a-z -]+?)`", path.read_text(encoding="utf-8"))
    assert {target for names in named for target in names.split()} <= targets()


def test_every_supported_python_is_tested():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    supported = re.findall(r"Python :: (\d\.\d+)", str(project))
    jobs = read_yaml(ROOT / ".github" / "workflows" / "tests.yml")["jobs"]
    assert jobs["test"]["strategy"]["matrix"]["python"] == supported
    tried = [
        row["python"] for row in jobs["dependencies"]["strategy"]["matrix"]["include"]
    ]
    assert tried == [supported[0], supported[-1]]


def test_oldest_dependencies_are_those_of_the_package():
    script = ROOT / ".github" / "oldest.py"
    printed = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, check=True
    )
    oldest = dict(line.split("==") for line in printed.stdout.splitlines())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    for requirement in project["project"]["dependencies"]:
        name, _, floor = requirement.partition(">=")
        if floor:
            assert oldest.pop(name) == floor
    assert not oldest


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.name)
def test_issue_forms_ask_each_question_once(path):
    form = read_yaml(path)
    if path.name == "config.yml":
        assert set(form) <= {"blank_issues_enabled", "contact_links"}
        return
    assert {"name", "description", "body"} <= set(form)
    questions = [field["id"] for field in form["body"] if field["type"] != "markdown"]
    assert questions
    assert len(questions) == len(set(questions))
    assert all(field["attributes"] for field in form["body"])


def test_citation_names_this_version_and_the_paper():
    citation = read_yaml(ROOT / "CITATION.cff")
    assert citation["cff-version"] == "1.2.0"
    assert {"message", "title", "authors"} <= set(citation)
    assert citation["version"] == sklearn_sed.__version__
    (paper,) = citation["references"]
    assert [author["family-names"] for author in paper["authors"]] == [
        "Pellegrini",
        "Cances",
    ]
    assert paper["identifiers"][0]["value"] == "arXiv:1901.03146"


@pytest.mark.parametrize("path", sorted(ROOT.glob("*.md")), ids=lambda path: path.name)
def test_links_between_files_lead_somewhere(path):
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", path.read_text(encoding="utf-8"))
    lost = [link for link in links if ":" not in link and not (ROOT / link).exists()]
    assert not lost
