"""Files, folders and standard input become documents."""

from __future__ import annotations

import io
import os
import sys

import pytest

from glyph_shared.documents import Skipped, document_of_bytes, read_document, read_files
from glyph_shared.errors import InputError, PdfError


def make(folder, files):
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


@pytest.mark.parametrize(
    "name", ["a.txt", "a.md", "a.rst", "a.py", "a.rs", "Makefile", "a.unknown"]
)
def test_text_and_source_files_are_read_as_they_are(tmp_path, name):
    content = "# a\r\n\tb  c\n\n\x0cd"
    document = read_document(make(tmp_path, {name: content}) / name)
    assert document.text == content
    assert document.name == name


@pytest.mark.parametrize("name", ["a.txt", "a.html", "a.json", "a.csv"])
def test_bytes_are_read_as_the_file_of_their_name_would_be(tmp_path, name):
    content = '["<b>one</b>,two\\n"]'
    read = read_document(make(tmp_path, {name: content}) / name)
    assert document_of_bytes(content.encode(), name) == read


@pytest.mark.parametrize(
    ("data", "error"), [(b" \n", InputError), (b"\0\1\2" * 99, InputError), (b"%PDF-", PdfError)]
)
def test_bytes_without_text_are_refused_by_name(data, error):
    with pytest.raises(error, match="note"):
        document_of_bytes(data, "note")


def test_a_folder_is_one_document_with_a_header_per_file(tmp_path):
    make(tmp_path, {"b.txt": "bee", "a/z.py": "zed\n", "a.txt": "ay\n", "a/A.md": "A\n"})
    document = read_document(tmp_path)
    assert document.text == (
        "=== a/A.md ===\nA\n\n=== a/z.py ===\nzed\n\n=== a.txt ===\nay\n\n=== b.txt ===\nbee\n"
    )
    assert str(document.locate(document.text.index("zed"))) == "a/z.py:1"
    assert document.locate(len(document.text) - 1).path == "b.txt"
    assert document.locate(document.text.index("=== b.txt")).path == "b.txt"


def test_gitignore_files_count_at_every_level(tmp_path):
    files = {
        ".gitignore": "*.log\nbuild/\n/top.txt\n",
        "keep.txt": "k",
        "x.log": "-",
        "top.txt": "-",
        "build/out.txt": "-",
        "sub/top.txt": "only the top one is ignored",
        "sub/.gitignore": "!important.log\nlocal.txt\n",
        "sub/important.log": "i",
        "sub/other.log": "-",
        "sub/local.txt": "-",
        "sub/deep/local.txt": "-",
        "local.txt": "not below sub",
    }
    document = read_document(make(tmp_path, files))
    assert sorted({origin.path for origin in document.origins}) == [
        ".gitignore",
        "keep.txt",
        "local.txt",
        "sub/.gitignore",
        "sub/important.log",
        "sub/top.txt",
    ]


def test_a_file_in_an_ignored_folder_cannot_be_kept(tmp_path):
    make(tmp_path, {".gitignore": "build/\n!build/keep.txt\n", "build/keep.txt": "-", "a": "a"})
    assert "keep.txt ===" not in read_document(tmp_path).text


def test_the_repositorys_rules_hold_in_its_subfolders(tmp_path):
    files = {".git/HEAD": "ref", ".gitignore": "*.tmp\nout/\n", "src/a.tmp": "-", "src/b.py": "b"}
    make(tmp_path, {**files, "out/c.txt": "c"})
    assert "a.tmp" not in read_document(tmp_path / "src").text
    assert read_document(tmp_path / "out").text.endswith("c\n")


def test_version_control_is_skipped(tmp_path):
    make(tmp_path, {".git/config": "-", ".hg/x": "-", "sub/.svn/x": "-", "a.txt": "a"})
    assert {origin.path for origin in read_document(tmp_path).origins} == {"a.txt"}


def test_what_cannot_be_read_is_listed_and_the_rest_is_read(tmp_path):
    make(tmp_path, {"a.txt": "a", "b.png": b"\x89PNG\0\0", "c.pdf": b"<html>", "empty.txt": ""})
    document = read_document(tmp_path)
    assert document.text == "=== a.txt ===\na\n"
    assert [skipped.path for skipped in document.skipped] == ["b.png", "c.pdf"]
    assert "NUL" in document.skipped[0].reason


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_links_are_not_followed(tmp_path):
    secret = make(tmp_path / "elsewhere", {"secret.txt": "secret", "more/x.txt": "secret"})
    root = make(tmp_path / "root", {"a.txt": "a"})
    (root / "file").symlink_to(secret / "secret.txt")
    (root / "folder").symlink_to(secret / "more")
    (root / "again").symlink_to(root / "a.txt")
    (root / "loop").symlink_to(root)
    (root / "dangling").symlink_to(root / "gone.txt")
    (root / "itself").symlink_to(root / "itself")
    os.mkfifo(root / "pipe")
    document = read_document(root)
    assert document.text == "=== a.txt ===\na\n"
    reasons = {skipped.path: skipped.reason for skipped in document.skipped}
    assert sorted(reasons) == ["again", "dangling", "file", "folder", "itself", "loop", "pipe"]
    assert "leaves the folder" in reasons["folder"]
    assert reasons["dangling"] == reasons["itself"] == "symbolic link to nothing"


def test_environment_files_of_a_folder_are_not_read(tmp_path):
    secrets = {".env": "KEY=canary", "sub/.env.local": "KEY=canary", ".envrc": "export K=canary"}
    make(tmp_path, {**secrets, "a.txt": "a", "env.txt": "no secret"})
    document = read_document(tmp_path)
    assert "canary" not in document.text
    assert "no secret" in document.text
    assert sorted(skipped.path for skipped in document.skipped) == sorted(secrets)


def test_an_environment_file_that_is_named_is_read(tmp_path):
    assert read_document(make(tmp_path, {".env": "A=1"}) / ".env").text == "A=1"


@pytest.mark.skipif(sys.platform == "win32", reason="no named pipes there")
def test_a_named_pipe_is_refused_without_waiting_for_a_writer(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="pipe is not a regular file"):
        read_document(tmp_path / "pipe")


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="no such device here")
def test_a_device_without_end_is_refused():
    with pytest.raises(InputError, match="not a regular file"):
        read_document("/dev/zero")


@pytest.mark.skipif(not os.path.exists("/dev/fd"), reason="no such folder here")
def test_a_pipe_that_the_shell_made_is_read():
    out, into = os.pipe()
    os.write(into, b"words")
    os.close(into)
    assert read_document(f"/dev/fd/{out}").text == "words"
    os.close(out)


def test_an_empty_path_is_no_folder():
    with pytest.raises(InputError, match="path is empty"):
        read_document("")


def test_a_closed_standard_input_is_an_input_error(monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(InputError, match="closed"):
        read_document("-")


def test_a_strange_file_name_cannot_forge_a_header(tmp_path):
    make(tmp_path, {"a ===\nb": "text"})
    assert read_document(tmp_path).text == "=== a ===\N{REPLACEMENT CHARACTER}b ===\ntext\n"


def test_standard_input_is_named_by_a_dash(monkeypatch):
    given = io.BytesIO("für\n".encode("cp1252"))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(given, encoding="utf-8"))
    document = read_document("-")
    assert document.text == "für\n"
    assert document.locate(0).path == document.name == "standard input"


@pytest.mark.parametrize("content", [b"", b" \n\t", b"\xef\xbb\xbf"])
def test_a_file_without_text_is_refused(tmp_path, content):
    with pytest.raises(InputError, match=r"a\.txt holds no text"):
        read_document(make(tmp_path, {"a.txt": content}) / "a.txt")


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(InputError, match="holds no text"):
        read_document(tmp_path)


def test_a_folder_of_unreadable_files_says_what_is_wrong(tmp_path):
    with pytest.raises(InputError, match=r"1 file could not be read, x.bin: "):
        read_document(make(tmp_path, {"x.bin": b"\0"}))


def test_a_binary_file_is_refused_by_name(tmp_path):
    with pytest.raises(InputError, match=r"a.docx is not text .* readable are text"):
        read_document(make(tmp_path, {"a.docx": b"PK\0\0"}) / "a.docx")


@pytest.mark.parametrize("name", ["missing.txt", "nul\0.txt", "x" * 300])
def test_a_path_that_is_none_is_an_input_error(tmp_path, name):
    with pytest.raises(InputError, match="cannot read"):
        read_document(tmp_path / name)


def test_reading_twice_gives_the_same(tmp_path):
    make(tmp_path, {"b/1.txt": "x", "a.txt": "y", "c.bin": b"\0"})
    assert read_document(tmp_path) == read_document(str(tmp_path))
    assert read_document(tmp_path).skipped == (
        Skipped("c.bin", read_document(tmp_path).skipped[0].reason),
    )


def test_the_files_of_a_folder_are_read_one_by_one(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "b.txt").write_text("b\n")
    (tmp_path / "a.txt").write_text("a\n")
    (tmp_path / "empty.txt").write_text("")
    (tmp_path / "none.bin").write_bytes(b"\0")
    a, none, b = read_files(tmp_path)
    assert [(one.name, one.text, one.origins[0].path) for one in (a, b)] == [
        ("a.txt", "a\n", "a.txt"), ("sub/b.txt", "b\n", "sub/b.txt"),
    ]  # fmt: skip
    assert none.path == "none.bin"
    assert "NUL" in none.reason


def test_one_file_is_read_as_ever(tmp_path):
    (tmp_path / "a.txt").write_text("a\n")
    assert list(read_files(tmp_path / "a.txt")) == [read_document(tmp_path / "a.txt")]


def test_a_folder_whose_files_are_all_unreadable_says_what_is_wrong(tmp_path):
    (tmp_path / "none.bin").write_bytes(b"\0")
    with pytest.raises(InputError, match=r"none\.bin"):
        list(read_files(tmp_path))
