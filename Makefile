# The README's two commands are `make demo` and `make test`; the rest is for those who work on the code.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed

.PHONY: demo test bench lint install debian-packages clean

# The environment: made once, made anew when the dependencies change.
$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test,dev,bench,postgres]'
	touch $@

install: $(STAMP)

# A day of simulated playbacks through a running Dagster. HEADLESS=1 waits, checks, stops and exits 0 or 1.
demo: $(STAMP)
	$(BIN)/mta demo $(if $(HEADLESS),--headless) $(DEMO)

# Under ten minutes on two cores; SLOW=1 runs the long ones too, as CI does.
test: $(STAMP) lint
	$(BIN)/python -m pytest -q -n 2 --dist loadgroup $(if $(SLOW),,-m 'not slow') $(TEST)

bench: $(STAMP)
	$(BIN)/python -m benchmarks

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Debian packages that some tests use (a browser for the pages, PostgreSQL for the catalog, a verifier of FITS
# files); needs root.
debian-packages:
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium postgresql fitsverify >/dev/null

clean:
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache
