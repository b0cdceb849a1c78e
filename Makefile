# The same short commands for everyone. `make run` and `make test` need Python 3.11+ and make.
PYTHON ?= python3
BIN := .venv/bin
LANGUAGES := uk ru en pl

.PHONY: run test check bench install install-dev messages lock clean

run: .venv/run
	$(BIN)/helpline serve

test: .venv/dev
	$(BIN)/pytest -n auto --dist loadfile

check: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/helpline check

bench: .venv/dev
	$(BIN)/python -m benchmarks

install: .venv/run

install-dev: .venv/dev

.venv/run: requirements.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

.venv/dev: requirements-dev.lock .venv/run
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	touch $@

# After a sentence was added or changed: extract, merge, then translate what is empty.
messages: .venv/dev
	$(BIN)/pybabel -q extract -F babel.cfg -c "Translators:" --no-wrap --sort-by-file \
		--project "Małopolska Help Line" -o locales/bot.pot bot handlers
	for lang in $(LANGUAGES); do \
		$(BIN)/pybabel -q update --no-fuzzy-matching --ignore-obsolete --no-wrap \
			--init-missing -D bot -d locales -i locales/bot.pot -l $$lang; done
	$(BIN)/python -m locales.english
	$(BIN)/pybabel -q compile -D bot -d locales

lock:
	for name in requirements requirements-dev; do uv pip compile --no-config --universal \
		--python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate \
		--quiet $$name.in -o $$name.lock; done

clean:
	rm -rf .venv var
