#!/usr/bin/env bash
# Makes an environment that reads verl's settings and data with its own classes, and trains nothing:
# tests/stacks/verl.sh VENV TRAIN
# verl asks for CUDA builds and for older transformers; torch, transformers and datasets come from
# the environment TRAIN instead.
set -euo pipefail
venv=$1
site() { "$1/bin/python" -c "import sysconfig; print(sysconfig.get_paths()['purelib'])"; }
echo "import site; site.addsitedir('$(realpath "$(site "$2")")')" > "$(site "$venv")/train.pth"
"$venv/bin/python" -m pip install --quiet --progress-bar off --disable-pip-version-check --no-deps \
    "verl==0.9.1" "hydra-core==1.3.2" "omegaconf==2.4.0" "antlr4-python3-runtime==4.9.3" \
    "ray==2.60.0" "tensordict==0.15.3" "qwen-vl-utils==0.0.14" "av==18.1.0" codetiming torchdata \
    msgpack requests urllib3 certifi jsonschema jsonschema-specifications referencing rpds-py attrs \
    pyvers cloudpickle importlib_metadata orjson pylatexenc click filelock
