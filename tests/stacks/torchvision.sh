#!/usr/bin/env bash
# Makes torchvision import beside a torch for CPUs: tests/stacks/torchvision.sh VENV
# Without what its build for another torch would pull in; only its Python part is used, see
# torchvision_ops.py.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
venv=$1
"$venv/bin/python" -m pip install --quiet --progress-bar off --no-deps torchvision==0.28.0
site=$("$venv/bin/python" -c "import sysconfig; print(sysconfig.get_paths()['purelib'])")
cp "$here/torchvision_ops.py" "$site/"
echo "import torchvision_ops" > "$site/torchvision_ops.pth"
