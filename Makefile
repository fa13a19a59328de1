# Everything that one does with this project is a target here; `make help` lists them.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.ONESHELL:
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

bin := .venv/bin
broker := .rocketmq/default
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help setup demo test check lint broker lock clean

help: ## this list
	@sed -nE 's/^([a-z]+):.*## (.*)/  make \1\t\2/p' Makefile | expand -t 16

setup: .venv/ready ## make .venv and install what requirements.lock pins; PYTHON=... chooses the interpreter

demo: setup ## half a minute of a fleet at work on an embedded broker
	@$(bin)/python -m demo

test: lint ## all checks and all tests; those on a real RocketMQ where java and mvn are there
	$(bin)/pytest

check: lint ## format, lint, types, layers, architecture: the fast part of `make test`
	$(bin)/pytest -q tests/architecture

lint: setup
	$(bin)/ruff check .
	$(bin)/ruff format --check .
	$(bin)/mypy
	$(bin)/lint-imports --no-cache

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
