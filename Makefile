# Two commands for everybody:
#   make demo    trains a small language model in remote cells of a notebook, on this computer
#   make test    checks and tests everything but what is `long`; says what it had to leave out
# Both set up their own environment the first time. Another Python: make test PYTHON=python3.12

PYTHON ?= python3
export PYTHON
SHELL = /bin/sh

.PHONY: demo test test-long lint test-versions clean env-test env-demo

demo: env-demo
	@.venv-demo/bin/python -m examples.demo

test: env-test
	@sh scripts/lint.sh .venv-test; lint=$$?; sh scripts/test.sh .venv-test $(ARGS) && exit $$lint

# With the tests marked `long` too: every row of the benchmarks, more seeds. An hour.
test-long: env-test
	@LONG=1 sh scripts/test.sh .venv-test $(ARGS)

lint: env-test
	@sh scripts/lint.sh .venv-test

# The suite's core on the other Pythons found here, and on Colab's kernel packages.
test-versions: env-test
	@sh scripts/test-versions.sh .venv-test

env-test:
	@sh scripts/setup-env.sh .venv-test test,dev,demo,torch wanted

env-demo:
	@sh scripts/setup-env.sh .venv-demo demo,torch required

clean:
	rm -rf .venv-test .venv-demo .venv-versions build dist demo-output
	find . -name __pycache__ -not -path './.venv*' -prune -exec rm -rf {} +
