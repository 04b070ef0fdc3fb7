"""The check before a change lands does not pass where it could not check everything."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

RUN = Path(__file__).parents[1] / ".ci" / "run"
BASH = shutil.which("bash")


@pytest.mark.skipif(BASH is None, reason="no bash here")
@pytest.mark.parametrize(("programs", "code"), [((), 1), (("pdftoppm",), 0)])
def test_what_the_reference_is_drawn_with_must_be_there(tmp_path, programs, code):
    for name in ("make", *programs):
        program = tmp_path / name
        program.write_text(f"#!{BASH}\necho make $*\n", encoding="utf-8")
        program.chmod(0o755)
    (tmp_path / "dirname").symlink_to(str(shutil.which("dirname")))
    done = subprocess.run(
        (BASH, RUN), env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == code
    assert ("make test" in done.stdout) == (code == 0)
    assert ("poppler-utils" in done.stderr) == (code == 1)
