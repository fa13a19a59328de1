# Everything that one does with this project is a target here; `make help` lists them.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.ONESHELL:
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

bin := .venv/bin
broker := .rocketmq/default
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help setup demo test chaos check lint bench simulate broker lock clean

help: ## this list
	@sed -nE 's/^([a-z]+):.*## (.*)/  make \1\t\2/p' Makefile | expand -t 16

setup: .venv/ready ## make .venv and install what requirements.lock pins; PYTHON=... chooses the interpreter

demo: setup ## half a minute of a fleet at work on an embedded broker
	@$(bin)/python -m demo

# The scenarios mostly wait, for a broker or a lease: side by side, and beside the others, they cost little time of their own. Each
# of the three runs has at most one broker that its tests share. What fails beside all that runs once more, alone, as CPython's
# `regrtest --rerun` does it: a fault fails again, a limit that a busy host broke does not.
test: lint ## all checks and all tests; those on a real RocketMQ where java and mvn are there
	@some() { $(bin)/pytest -o cache_dir=.pytest_cache/$$1 "$${@:2}"; }
	again() {
	  if [ $$2 -ne 1 ]; then return $$2; fi
	  echo "===== some of the $$1 failed beside all the others: once more, alone"
	  some $$1 --last-failed --last-failed-no-failures none "$${@:3}"
	}
	others=(tests --ignore=tests/scenarios)
	shared=(tests/scenarios -m "rocketmq and not fresh") apart=(tests/scenarios -m "fresh or not rocketmq")
	set -m # groups of their own, where Ctrl-C comes from us only
	some shared "$${shared[@]}" > >(sed -u 's/^/shared | /') 2>&1 & running=($$!)
	some apart "$${apart[@]}" > >(sed -u 's/^/apart | /') 2>&1 & running+=($$!)
	set +m
	trap 'kill -INT "$${running[@]}" 2> /dev/null; wait "$${running[@]}"; exit 130' INT TERM
	of_others=0 of_shared=0 of_apart=0 failed=0
	some others "$${others[@]}" || of_others=$$?
	wait "$${running[0]}" || of_shared=$$?
	wait "$${running[1]}" || of_apart=$$?
	again others $$of_others "$${others[@]}" || failed=$$?
	again shared $$of_shared "$${shared[@]}" || failed=$$?
	again apart $$of_apart "$${apart[@]}" || failed=$$?
	exit $$failed

chaos: setup ## a fleet under load on a real RocketMQ while its processes, master and broker are killed; MINUTES=2 SEED=
	@$(bin)/python -m tests.chaos --minutes $(or $(MINUTES),2) $(if $(SEED),--seed $(SEED))

check: lint ## format, lint, types, layers, architecture: the fast part of `make test`
	$(bin)/pytest -q tests/architecture

lint: setup
	$(bin)/ruff check .
	$(bin)/ruff format --check .
	$(bin)/mypy
	$(bin)/lint-imports --no-cache

bench: setup ## what it all costs beside the official clients, on a RocketMQ of its own; QUESTIONS="consume latency" ROUNDS=
	@$(bin)/python -m benchmarks $(if $(ROUNDS),--rounds $(ROUNDS)) $(QUESTIONS)

simulate: setup ## the autoscaler under 10,000 random load traces; TRACES=... says how many
	SYLPH_TEST_TRACES=$(or $(TRACES),10000) $(bin)/pytest -q tests/property/test_autoscaler_properties.py

broker: ## a real RocketMQ on 127.0.0.1:8081 until Ctrl-C (needs Java and Maven)
	@trap 'tests/rocketmq/broker.sh stop $(broker)' EXIT
	trap 'exit 0' INT TERM
	tests/rocketmq/broker.sh start $(broker)
	echo "make a topic: tests/rocketmq/broker.sh admin $(broker) updateTopic -c DefaultCluster -t orders"
	echo "Ctrl-C stops it; what it stored stays in $(broker)"
	sleep infinity & wait

lock: setup ## pin the newest versions that pyproject.toml allows
	CUSTOM_COMPILE_COMMAND="make lock" $(bin)/pip-compile --quiet --upgrade --extra=dev --strip-extras \
	  --generate-hashes --allow-unsafe --no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
	  --no-emit-options --output-file=requirements.lock pyproject.toml

clean: ## remove what the other targets made
	@for settings in .rocketmq/*/settings; do
	  if [ -f "$$settings" ]; then tests/rocketmq/broker.sh stop "$${settings%/settings}"; fi
	done
	rm -rf .venv .rocketmq .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build *.egg-info
	find . -name __pycache__ -prune -exec rm -rf {} +

.venv/ready: requirements.lock pyproject.toml
	@if [ ! -x $(bin)/pip ]; then
	  for python in $(PYTHON) python3.13 python3.12 python3.11 python3 ""; do
	    if "$$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2> /dev/null; then break; fi
	  done
	  if [ -z "$$python" ]; then
	    echo "no Python 3.11, 3.12 or 3.13 on the PATH; if it is elsewhere: make setup PYTHON=/path/to/python3" >&2
	    exit 1
	  fi
	  if ! "$$python" -c 'import ensurepip, venv' 2> /dev/null; then
	    echo "$$python comes without its venv module; on Debian and Ubuntu: apt-get install python3-venv" >&2
	    exit 1
	  fi
	  "$$python" -m venv .venv
	fi
	echo "installing into .venv what requirements.lock pins" >&2
	$(bin)/python -m pip install --quiet --require-hashes -r requirements.lock
	PYTHONWARNINGS=ignore $(bin)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@
