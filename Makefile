.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := pip install --quiet --progress-bar off --disable-pip-version-check
# On Linux the default index may offer a CUDA build of 3 GB; any build of this version will do.
TORCH := torch==2.13.0

help: ## Show this list
	@grep -hE '^[a-z][a-z0-9-]*:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 18

# ---- environments: each is made once, and again when its requirements change ----

$(VENV)/core: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/$(PIP) -e .
	touch $@

$(VENV)/dev: $(VENV)/core tests/dev_requirements.py
	$(BIN)/$(PIP) -e ".[compare,langchain]" -r <($(BIN)/python tests/dev_requirements.py dev langchain)
	touch $@

$(VENV)/browser: $(VENV)/dev
	$(BIN)/$(PIP) "selenium>=4.20"
	touch $@

# LlamaIndex holds the environment above at openai 2.x; what does without it takes 3.x.
.venv-openai3/ready: pyproject.toml tests/dev_requirements.py
	$(PYTHON) -m venv .venv-openai3
	.venv-openai3/bin/$(PIP) -e ".[langchain]" "openai>=3,<4" \
		-r <($(PYTHON) tests/dev_requirements.py dev langchain)
	touch $@

.venv-train/ready: pyproject.toml
	$(PYTHON) -m venv .venv-train
	.venv-train/bin/$(PIP) $(TORCH)
	.venv-train/bin/$(PIP) -e ".[train]" $(TORCH) "pytest>=8.4"
	tests/stacks/torchvision.sh .venv-train
	touch $@

.venv-ray/ready: pyproject.toml
	$(PYTHON) -m venv .venv-ray
	.venv-ray/bin/$(PIP) -e ".[ray]" "pytest>=8.4"
	touch $@

# ms-swift caps transformers and TRL below the versions of the stages.
.venv-swift/ready: tests/stacks/torchvision.sh
	$(PYTHON) -m venv .venv-swift
	.venv-swift/bin/$(PIP) $(TORCH)
	.venv-swift/bin/$(PIP) "ms-swift==4.6.0" msgspec $(TORCH)
	tests/stacks/torchvision.sh .venv-swift
	touch $@

# verl's own classes beside the packages of the stages: enough to read what is written for it.
.venv-verl/ready: .venv-train/ready tests/stacks/verl.sh
	$(PYTHON) -m venv .venv-verl
	tests/stacks/verl.sh .venv-verl .venv-train
	touch $@

apt: ## Install the system packages that the tests use (Debian)
	@missing=$$(bash .ci/missing_packages | xargs); [ -z "$$missing" ] \
		|| { apt-get update -qq && apt-get install -y -qq $$missing; } \
		|| { sudo -n apt-get update -qq && sudo -n apt-get install -y -qq $$missing; } \
		|| echo "install $$missing yourself: tests that need it are skipped" >&2

# ---- what people run ----

demo: $(VENV)/core ## Plant facts in a long document and let the embedded reader find them
	$(BIN)/glyph demo

compare-demo: $(VENV)/dev ## Compare RAG with full context on made-up facts (about a minute)
	$(BIN)/python -m llama_index_glyph.compare.demo

demo-rate: $(VENV)/core ## Count what the demo finds with 20 seeds (an hour at most)
	$(BIN)/python -m training.reader.evaluate --demos 20

train-debug: .venv-train/ready ## Run the three stages on a small model (five minutes)
	.venv-train/bin/python -m training.data --config training/configs/data_debug.yaml
	.venv-train/bin/python -m training.pretrain --config training/configs/pretrain_debug.yaml
	.venv-train/bin/python -m training.sft --config training/configs/sft_debug.yaml
	.venv-train/bin/python -m training.rl --config training/configs/rl_debug.yaml

test: $(VENV)/dev apt ## Run the tests that need neither GPU nor network
	$(BIN)/python -m pytest -m "not slow and not gpu and not server and not browser"

test-slow: $(VENV)/dev apt ## Run the slow tests too
	$(BIN)/python -m pytest -m "not gpu and not server and not browser"

lint: $(VENV)/dev ## Check style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(VENV)/dev ## Rewrite files in style
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

type: $(VENV)/dev ## Check types
	$(BIN)/mypy

# As make type, which knows neither torch nor TRL; a minute or two at first.
type-train: $(VENV)/dev .venv-train/ready ## Check the types of the training stages too
	$(BIN)/mypy --python-executable .venv-train/bin/python --cache-dir .venv-train/mypy \
		-p training.stages -p training.reader $(patsubst training/%.py,-m training.%,$(wildcard training/[a-z]*.py))

bench: $(VENV)/dev apt ## Time the renderer beside the reference, a floor in C and kept pages; and imports
	$(BIN)/python -m tests.benchmarks.render_bench
	$(BIN)/python -m tests.benchmarks.kept_pages
	$(BIN)/python -m tests.benchmarks.picture_bench
	$(BIN)/python -m tests.benchmarks.import_cost

bench-loader: .venv-train/ready ## Time a training page's drawing beside the model's image processor
	OMP_NUM_THREADS=1 .venv-train/bin/python -m tests.benchmarks.loader_bench

bench-serving: $(VENV)/dev .venv-vllm/ready ## Time a second question on one text beside the first
	$(BIN)/python -m tests.benchmarks.second_question --vllm

bench-needles: $(VENV)/dev ## Measure how exactly UUIDs are read off pages (needs tesseract-ocr)
	$(BIN)/python -m tests.benchmarks.uuid_needles

bench-legibility: $(VENV)/dev ## Measure what OCR reads of smaller pages (needs tesseract-ocr)
	$(BIN)/python -m tests.benchmarks.legibility

bench-search: $(VENV)/dev ## Search published test functions beside random search (a minute)
	$(BIN)/python -m tests.benchmarks.search_functions

bench-million: $(VENV)/dev ## Plan a million text tokens, and let the embedded reader find facts in them
	$(BIN)/python -m tests.benchmarks.hybrid_recall
	$(BIN)/python -m tests.benchmarks.million_tokens

# Packages: tesseract-ocr tesseract-ocr-{ell,rus,ara,heb,hin,ben,tam,tha,kat,chi-sim,jpn,kor}
# fonts-symbola; what Tesseract has no language for is drawn and not read.
scripts: $(VENV)/dev apt ## Draw 13 scripts and read them back (needs tesseract-ocr-ell … -kor)
	$(BIN)/python -m tests.benchmarks.script_sheet --sheet docs/scripts.png

search-demo: $(VENV)/dev ## Search a denser look for prose (a minute or two; needs tesseract-ocr)
	$(BIN)/python -m training.search --config training/configs/search_debug.yaml

bench-looks: $(VENV)/dev ## Each parameter of θ alone, and a look for each kind (needs tesseract-ocr)
	$(BIN)/python -m training.search.sensitivity
	$(BIN)/python -m tests.benchmarks.adaptive_looks

picture: $(VENV)/dev ## Draw the README's picture again
	$(BIN)/python docs/make_picture.py

# ---- what needs more than an hour's patience or a network, each in its own environment ----

test-install: $(VENV)/dev ## Build the wheel and install it in clean environments (5 minutes)
	tests/install/run.sh $(CURDIR)/$(BIN)/python

test-openai3: .venv-openai3/ready ## Test client, servers, command and LangChain's face with openai 3.x
	.venv-openai3/bin/mypy --cache-dir .venv-openai3/mypy -p langchain_glyph
	.venv-openai3/bin/python -m pytest tests/asking tests/serving tests/cli tests/langchain

.venv-vllm/ready: tests/stacks/vllm.sh tests/stacks/vllm_constraints.txt
	tests/stacks/vllm.sh .venv-vllm

test-vllm: $(VENV)/dev .venv-vllm/ready ## Ask the reader's weights in a real vLLM on the CPU (half an hour at most)
	$(BIN)/python -m pytest -m "server and not glyph" tests/served

test-glyph: $(VENV)/dev ## Ask a served zai-org/Glyph, which GLYPH_BASE_URL names, the same
	$(BIN)/python -m pytest -rs -m glyph tests/served

test-train: .venv-train/ready ## Test the training recipe with torch on the CPU
	.venv-train/bin/python -m pytest tests/training tests/training_data

test-ray: .venv-ray/ready ## Draw training pages on a cluster of one machine with Ray Data
	.venv-ray/bin/python -m pytest tests/cluster

test-swift: .venv-train/ready .venv-swift/ready ## Run what is written for ms-swift, on two processes
	.venv-train/bin/python -m pytest -rs tests/training/test_swift.py

test-verl: .venv-train/ready .venv-verl/ready ## Read what is written for verl by verl's own classes
	.venv-train/bin/python -m pytest -rs tests/training/test_verl.py

test-browser: $(VENV)/browser ## Test the report in Chromium (needs chromium and chromium-driver)
	$(BIN)/python -m pytest -rs -m browser tests/llama_index/test_report_in_browser.py

all: format lint type test ## Everything before a commit

.PHONY: help apt demo compare-demo demo-rate train-debug test test-slow lint format type bench bench-loader \
	bench-serving bench-needles bench-legibility bench-search bench-million bench-looks \
	search-demo scripts picture \
	test-install test-openai3 test-vllm test-glyph test-train test-ray test-swift test-verl \
	test-browser all
