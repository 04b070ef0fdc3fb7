"""The check before a change lands does not pass where it could not check everything."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

RUN = Path(__file__).parents[1] / ".ci" / "run"
BASH = shutil.which("bash")


@pytest.mark.skipif(BASH is None, reason="no bash here")
@pytest.mark.parametrize(
    ("programs", "absent"),
    [
        ((), ("poppler-utils", "fontconfig", "fonts-noto-core", "fonts-noto-cjk")),
        (("pdftoppm",), ("fonts-wqy-zenhei",)),
        (("fc-list",), ("poppler-utils",)),
        (("pdftoppm", "fc-list"), ()),
    ],
)
def test_what_the_reference_and_all_scripts_are_drawn_with_must_be_there(
    tmp_path, programs, absent
):
    for name in ("make", *programs):
        program = tmp_path / name
        program.write_text(f"#!{BASH}\necho make $*\n", encoding="utf-8")
        program.chmod(0o755)
    (tmp_path / "dirname").symlink_to(str(shutil.which("dirname")))
    done = subprocess.run(
        (BASH, RUN), env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == int(bool(absent))
    assert ("make test" in done.stdout) == (not absent)
    assert all(package in done.stderr for package in absent)
