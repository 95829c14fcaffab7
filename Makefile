# Everything a newcomer needs: `make run` and `make test`. Each target sets up what it uses.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMPS := .stamps
NATIVE := CMakeLists.txt $(wildcard native/* native/*/*) pyproject.toml constraints.txt

# Containers tend to forbid Python to keep what it compiled. The tests start hundreds of processes.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run test check bench format lint types imports docs slow wheel clean tools docs-site integrations

help:  ## what there is
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(STAMPS)/tools:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "bakeoff needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version 2>&1)." \
	       "Name another: make PYTHON=python3.12 run" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
	  echo "bakeoff needs Python's venv module (Debian: apt-get install python3-venv)." >&2; exit 1; }
	@printf '#include <concepts>\nint main() { return 0; }\n' | \
	  $${CXX:-c++} -std=c++20 -x c++ -fsyntax-only - 2>/dev/null || { \
	  echo "bakeoff needs a C++20 compiler (GCC 10, Clang 12 or newer); $${CXX:-c++} is none." \
	       "Debian: apt-get install g++; macOS: xcode-select --install" >&2; exit 1; }
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/venv: $(STAMPS)/tools
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@touch $@

# Editable: Python files are used in place; a change of the kernels builds them again.
$(STAMPS)/installed: $(NATIVE) $(STAMPS)/venv
	$(BIN)/pip install --quiet --constraint constraints.txt scikit-build-core nanobind cmake ninja
	$(BIN)/pip install --quiet --constraint constraints.txt --no-build-isolation --editable .
	@touch $@

# baycomp comes as source only and wants a build environment of its own. Most of what tools bring is
# never imported: what is gets compiled then, which takes half of the time away.
$(STAMPS)/dev: $(STAMPS)/installed
	$(BIN)/pip install --quiet --no-compile --constraint constraints.txt baycomp
	$(BIN)/pip install --quiet --no-compile --constraint constraints.txt --no-build-isolation --editable '.[dev]'
	@touch $@

integrations: $(STAMPS)/integrations  ## the tools that studies meet, so that the tests meet them too

$(STAMPS)/integrations: $(STAMPS)/dev
	$(BIN)/pip install --quiet --no-compile --constraint constraints.txt --no-build-isolation --editable '.[dev,integrations,site]'
	@touch $@

run: $(STAMPS)/installed  ## run the embedded digits study
	$(BIN)/bakeoff run

test: $(STAMPS)/dev  ## the quick tests
	$(BIN)/pytest -n auto --dist loadfile -m 'not slow and not browser'

check: integrations format lint types imports docs test slow  ## everything CI checks

format: $(STAMPS)/dev  ## is the code formatted?
	$(BIN)/ruff format --check .
	$(BIN)/clang-format --dry-run --Werror $(shell git ls-files 'native/*.h' 'native/*.cpp' 'native/**/*.h' 'native/**/*.cpp' 'tests/native/*.cpp')

lint: $(STAMPS)/dev  ## ruff
	$(BIN)/ruff check .

types: $(STAMPS)/dev  ## mypy, strict
	$(BIN)/mypy

imports: $(STAMPS)/dev  ## do imports run downwards?
	$(BIN)/lint-imports

docs: $(STAMPS)/dev  ## are the generated pages current?
	$(BIN)/python docs/generate.py --check

slow: $(STAMPS)/integrations  ## the slow tests and the browser's
	$(BIN)/pytest -n auto --dist worksteal -m 'slow or browser'

docs-site: $(STAMPS)/dev  ## the documentation as a site in build/site
	$(BIN)/pip install --quiet --constraint constraints.txt --no-build-isolation --editable '.[dev,site]'
	$(BIN)/mkdocs build --quiet --strict
	@echo "open build/site/index.html; its search wants a server: $(BIN)/python -m http.server -d build/site"

bench: $(STAMPS)/installed  ## the benchmarks, beside their peers
	@test -x .venv-bench/bin/python || $(PYTHON) -m venv .venv-bench
	.venv-bench/bin/pip install --quiet --constraint constraints.txt scikit-build-core nanobind cmake ninja
	.venv-bench/bin/pip install --quiet --no-build-isolation --editable '.[bench]'
	.venv-bench/bin/python -m benchmarks

wheel: $(STAMPS)/dev  ## build the wheel and try it in an empty environment
	rm -rf dist
	$(BIN)/pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .
	$(PYTHON) -m venv --clear dist/venv
	dist/venv/bin/pip install --quiet --constraint constraints.txt dist/*.whl
	cd dist && venv/bin/bakeoff doctor && venv/bin/bakeoff run --store :memory: --no-report --quiet

clean:  ## forget what was built
	rm -rf build dist $(STAMPS) $(VENV) .venv-bench
