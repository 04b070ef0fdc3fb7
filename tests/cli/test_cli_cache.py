"""``glyph cache``: what the kept pages take, and how they are removed."""

from __future__ import annotations

import json

import pytest

from glyph_shared.rendering import (
    Renderer,
    default_images,
    default_store,
    image_folder,
    keep_image,
    render,
)


@pytest.fixture
def store():
    store = default_store()
    for text in ("Reader, I married him.", "Call me Ishmael."):
        list(store.render(Renderer(), text))
    return store


def test_entries_size_limit_and_folder_are_shown(run, store):
    shown = run("cache").stdout
    size = f"{store.usage().size_bytes / 1e6:,.1f} MB of at most 1,073.7 MB"
    assert shown == f"pages of 2 texts, {size}, in {store.folder.path}\n"


def test_an_absent_folder_holds_nothing_and_is_not_made(run):
    assert "pages of 0 texts, 0.0 MB" in run("cache").stdout
    assert not default_store().folder.path.exists()


@pytest.mark.parametrize("how", ["clear", "--clear"])
def test_clear_removes_all_and_tells_how_much(run, store, how):
    assert run("cache", how).stdout.startswith("removed the pages of 2 texts, ")
    assert store.usage().entries == 0
    assert "pages of 0 texts" in run("cache").stdout


def test_json_holds_the_same_figures(run, store):
    shown = json.loads(run("cache", "--json").stdout)
    size = store.usage().size_bytes
    assert shown == {
        "folder": str(store.folder.path),
        "limit_bytes": 2**30,
        "entries": 2,
        "size_bytes": size,
        "images": {"folder": str(default_images().path), "entries": 0, "size_bytes": 0},
    }
    cleared = json.loads(run("cache", "clear", "--json").stdout)
    assert cleared["removed"] == {"entries": 2, "size_bytes": size}
    assert cleared["entries"] == 0


@pytest.fixture
def image():
    folder = image_folder(None)
    path = keep_image(render("Call me Ishmael.")[0], folder)
    (folder / "notes.txt").write_text("mine", encoding="utf-8")
    return path


def test_page_images_are_counted_too(run, image):
    shown = run("cache").stdout.splitlines()[1]
    assert shown == f"1 page image, 0.0 MB, which indexes may name, in {image.parent}"
    assert json.loads(run("cache", "--json").stdout)["images"] == {
        "folder": str(image.parent),
        "entries": 1,
        "size_bytes": image.stat().st_size,
    }


def test_clear_removes_page_images_too_and_nothing_of_others(run, image):
    half = image.with_name(f"{image.stem[:16]}.abc.tmp")
    half.write_bytes(b"half an image of a dead process")
    assert f"removed 1 page image, 0.0 MB, from {image.parent}" in run("cache", "clear").stdout
    assert [path.name for path in image.parent.iterdir()] == ["notes.txt"]
    assert "image" not in run("cache").stdout


def test_a_store_that_is_off_says_so(run, monkeypatch):
    monkeypatch.setenv("GLYPH_CACHE_DIR", "off")
    assert "GLYPH_CACHE_DIR is off" in run("cache").stdout
    assert json.loads(run("cache", "--clear", "--json").stdout) == {"folder": None}


def test_another_action_is_refused(run):
    result = run("cache", "burn")
    assert result.exit_code == 2
    assert "burn" in result.stderr
