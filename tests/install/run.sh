#!/usr/bin/env bash
# Builds the wheel and installs it the ways users do, each in a clean environment: the core, each
# light extra without the other framework, both of them, and these at their lower bounds. openai is
# 3.x for the core and LangChain, 2.x beside LlamaIndex, 2.0 at the lower bounds of the core.
#
#   tests/install/run.sh PYTHON_WITH_BUILD      about 5 minutes, 600 MB at a time
set -euo pipefail
cd "$(dirname "$0")/../.."

build_python=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$build_python" -m build --wheel --outdir "$work/dist" . >"$work/build.log" || { cat "$work/build.log"; exit 1; }
wheel=$(ls "$work"/dist/*.whl)
echo "built $(basename "$wheel"), $(du -k "$wheel" | cut -f1) KB"

# Outside the checkout, so that what is imported is what was installed.
check() {
    local name=$1 extras=$2
    shift 2
    "${PYTHON:-python3}" -m venv "$work/venv"
    "$work/venv/bin/pip" install --quiet --progress-bar off "$wheel$extras" "$@"
    "$work/venv/bin/pip" check >/dev/null
    cp tests/install/check.py "$work/check.py"
    (cd "$work" && PATH="$work/venv/bin:$PATH" venv/bin/python -W error check.py "$extras")
    echo "ok: $name, $(du -ms "$work/venv" | cut -f1) MB, openai $("$work/venv/bin/python" -c 'import openai; print(openai.__version__)')"
    rm -rf "$work/venv"
}

lowest() { "$build_python" tests/install/lowest.py "$wheel" "$@"; }

check core ""
check "core at its lower bounds" "" -c <(lowest)
check llama-index "[llama-index]"
check langchain "[langchain]"
check "both frameworks" "[llama-index,langchain]"
check "both at their lower bounds" "[llama-index,langchain]" -c <(lowest llama-index langchain)
