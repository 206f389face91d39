"""The documentation says what there is: every command, option, setting, problem and metric, and no broken link."""

from __future__ import annotations

import ast
import json
import re
import shlex
import tomllib
from pathlib import Path

import pytest

from garcom import errors
from garcom.http.meanings import MEANINGS
from garcom.http.metrics import Exposition
from garcom.http.problems import STATUSES
from garcom.serving.predictor import Predictor
from garcom.serving.runtime import Runtime
from garcom.serving.telemetry import Telemetry
from tests.documents import DOCS, README, README_PT, ROOT, anchors, blocks, follows, links, pages, prose
from tests.unit.docs import command_page

PAGES = pages()
REFERENCE = DOCS / "reference"
_IDS = [str(page.relative_to(ROOT)) for page in PAGES]
_LANGUAGES = {"console", "python", "text", "json", "toml", "sh", "ini", "nginx", "yaml", "dockerfile"}
#: What a block of `sh` may begin with: things a test cannot do word for word. Everything else is `console`, and is run.
_SH = {"make", ".", "git", "cd", "curl", "sudo", "journalctl", "mlflow", "docker"}


def _names_in_code(page: Path) -> set[str]:
    return set(re.findall(r"`([^`\n]+)`", prose(page)))


def _never(folder: Path, model: str, version: int) -> Predictor:
    raise AssertionError("nothing is registered, so nothing is loaded")


def test_command_page_is_what_the_commands_say() -> None:
    told = command_page.PAGE.read_text(encoding="utf-8")
    assert told == command_page.page(), "run: python -m tests.unit.docs.command_page"


def test_every_problem_is_documented_with_its_status() -> None:
    text = (REFERENCE / "problems.md").read_text(encoding="utf-8")
    for _, status, slug in STATUSES:
        assert f'<a id="{slug}"></a>`{slug}` | {status.value} |' in text


def test_no_problem_is_documented_that_does_not_exist() -> None:
    told = set(re.findall(r'<a id="([^"]+)">', (REFERENCE / "problems.md").read_text(encoding="utf-8")))
    # method-not-allowed comes from the router, not from an error of Garçom's own.
    assert told - {"method-not-allowed"} == {slug for _, _, slug in STATUSES}


def test_every_problem_has_a_meaning_for_the_page_of_the_server() -> None:
    assert set(MEANINGS) - {"method-not-allowed"} == {slug for _, _, slug in STATUSES}


def test_every_error_of_a_request_has_a_status() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.InputError)]
    assert all(any(issubclass(kind, known) for known, _, _ in STATUSES) for kind in kinds)


def test_every_metric_is_documented() -> None:
    told = _names_in_code(REFERENCE / "metrics.md")
    runtime = Runtime(_never, memory_budget_bytes=1, max_queued_rows=1)
    exposition = Exposition(Telemetry().snapshot, runtime, DOCS)
    names = {f"{metric.name}_total" if metric.type == "counter" else metric.name for metric in exposition.collect()}
    assert names <= told
    assert {name for name in told if name.startswith("garcom_") and name.isidentifier()} <= names


def test_every_file_of_a_bundle_is_documented() -> None:
    told = _names_in_code(REFERENCE / "bundle.md")
    written = re.findall(r'"(\w+)": (?:signature|proof|reference|metrics|lineage)', _source("model/pack.py"))
    assert written, "pack.py no longer writes its documents from one table"
    assert {f"{name}.json" for name in written} | {"manifest.json", "MODEL_CARD.md", "MLmodel"} <= told


def _source(name: str) -> str:
    return (ROOT / "src" / "garcom" / name).read_text(encoding="utf-8")


def test_every_make_target_in_a_page_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        told = {word for code in re.findall(r"`(make [^`]+)`", text) for word in code.split()[1:2]}
        for block in blocks(page):
            if block.language == "sh":
                told |= {
                    words[1]
                    for line in block.text.replace("\\\n", " ").splitlines()
                    if (words := shlex.split(line, comments=True))[:1] == ["make"]
                }
        assert told <= targets, page


@pytest.mark.parametrize("page", PAGES, ids=_IDS)
def test_links_resolve(page: Path) -> None:
    for link in links(page):
        if re.match(r"https?:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), f"{page}: {link}"
        if anchor and target.suffix == ".md":
            assert anchor in anchors(target), f"{page}: {link}; there are {sorted(anchors(target))}"


@pytest.mark.parametrize("page", PAGES, ids=_IDS)
def test_blocks_can_be_read(page: Path) -> None:
    """What runs is run elsewhere; here every block is at least whole and of a known kind."""
    for block in blocks(page):
        assert block.language in _LANGUAGES, f"{block}: a block without a known language would not be tested"
        if block.language == "python":
            ast.parse(block.text, str(block))
        elif block.language == "json":
            json.loads(block.text)
        elif block.language == "toml":
            tomllib.loads(block.text)
        elif block.language == "sh":
            first = [
                line.split()[0] for line in block.text.splitlines() if line.strip() and not line.startswith((" ", "#"))
            ]
            assert set(first) <= _SH, f"{block}: what a test can run belongs into a console block"


@pytest.mark.parametrize("page", PAGES, ids=_IDS)
def test_pages_name_no_path_of_a_machine(page: Path) -> None:
    assert not re.search(r"/(home|Users|root|work)/\w", page.read_text(encoding="utf-8"))


def test_every_page_is_reachable_from_the_index() -> None:
    linked = {(DOCS / link.partition("#")[0]).resolve() for link in links(DOCS / "index.md")}
    assert {page for page in PAGES if page.is_relative_to(DOCS) and page.name != "index.md"} <= linked


def test_pages_go_on_from_pages_that_exist() -> None:
    for page in PAGES:
        before = follows(page)
        assert before is None or before in PAGES


def test_both_readmes_have_the_same_blocks() -> None:
    english, portuguese = ([block[2:] for block in blocks(page)] for page in (README, README_PT))
    assert portuguese == english


def test_both_readmes_have_the_same_figures() -> None:
    between = re.compile(r"<!-- bench:start -->.*<!-- bench:end -->", re.DOTALL)
    english, portuguese = (between.search(page.read_text(encoding="utf-8")) for page in (README, README_PT))
    assert english is not None
    assert portuguese is not None
    numbers = re.compile(r"\d[\d.,×]*")
    assert numbers.findall(english[0]) == numbers.findall(portuguese[0])


def test_glossary_terms_are_sorted_and_linked_pages_use_them() -> None:
    text = (DOCS / "glossary.md").read_text(encoding="utf-8")
    terms = re.findall(r"^\*\*([^*]+)\*\*", text, re.MULTILINE)
    assert terms == sorted(terms, key=str.casefold)
    assert len(terms) == len(set(terms))
