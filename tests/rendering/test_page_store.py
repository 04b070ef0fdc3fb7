"""What the page store promises: the same pages, drawn once, whole or not at all."""

from __future__ import annotations

import errno
import gc
import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import islice

import pytest

import glyph_shared.rendering.page_key as page_key_module
from glyph_shared.errors import CacheWarning, ConfigError, FontError, InputError
from glyph_shared.rendering import PageStore, RenderConfig, Renderer, default_store
from glyph_shared.rendering.font_files import FontFile, bundled_folder
from glyph_shared.rendering.fonts import load_font
from glyph_shared.rendering.page_key import page_key, renderer_version
from glyph_shared.rendering.page_record import read_entry

SMALL = RenderConfig(page_size=(140, 112), margin_x=3, margin_y=3, frame_padding=0)
TEXT = "\n".join(f"line {number} of a text with a café" for number in range(150))
OTHER = TEXT.replace("line", "word")


class CountingRenderer(Renderer):
    """Counts the pages it draws."""

    def __init__(self, *args, **settings):
        super().__init__(*args, **settings)
        self.drawn = 0

    def render(self, text):
        for page in super().render(text):
            self.drawn += 1
            yield page


@pytest.fixture
def renderer():
    return CountingRenderer(SMALL)


@pytest.fixture
def store(tmp_path):
    return PageStore(tmp_path / "pages")


NAMES = ("index", "size_px", "char_span", "replaced", "theta_hash", "digest", "png")


def facts(pages):
    return [tuple(getattr(page, name) for name in (*NAMES, "visual_tokens")) for page in pages]


EXPECTED = facts(Renderer(SMALL).render(TEXT))


def entries(store):
    return sorted(store.folder.path.glob("*.pages"))


def temporaries(store):
    return sorted(store.folder.path.glob("*.tmp"))


def test_a_second_question_draws_nothing_and_gets_the_same_pages(store, renderer):
    first = facts(store.render(renderer, TEXT))
    gc.collect()
    again = list(PageStore(store.folder.path).render(renderer, TEXT))
    assert first == facts(again) == EXPECTED
    assert renderer.drawn == len(EXPECTED)


def test_a_folder_may_be_named_by_a_string(store, renderer):
    list(PageStore(str(store.folder.path)).render(renderer, TEXT))
    assert len(entries(store)) == 1


def test_a_stored_page_knows_its_lines_and_pixels(store, renderer):
    list(store.render(renderer, TEXT))
    gc.collect()
    drawn = renderer.drawn
    for stored, fresh in zip(
        store.render(renderer, TEXT), Renderer(SMALL).render(TEXT), strict=True
    ):
        assert stored.line_texts == fresh.line_texts
        assert stored.lines == fresh.lines
        assert (stored.pixels == fresh.pixels).all()
    assert renderer.drawn == drawn


def test_colored_pages_come_back_as_they_were(store):
    renderer = CountingRenderer(SMALL.model_copy(update={"font_color": "#c02020"}))
    list(store.render(renderer, "red"))
    gc.collect()
    [stored], [fresh] = store.render(renderer, "red"), Renderer(renderer.config).render("red")
    assert renderer.drawn == 1
    assert stored.pixels.shape == (*stored.size_px[::-1], 3)
    assert (stored.pixels == fresh.pixels).all()


@pytest.mark.fault(28, 67)
def test_text_theta_missing_rule_fonts_and_renderer_each_make_another_key(monkeypatch):
    keys = {
        page_key(Renderer(SMALL), "abc"),
        page_key(Renderer(SMALL), "abd"),
        page_key(Renderer(SMALL, missing="replace"), "abc"),
        page_key(Renderer(SMALL.model_copy(update={"dpi": 96})), "abc"),
        page_key(Renderer(SMALL.model_copy(update={"font_path": "DejaVuSerif.ttf"})), "abc"),
    }
    assert len(keys) == 5
    assert page_key(Renderer(SMALL), "abc") in keys
    monkeypatch.setattr(page_key_module, "renderer_version", lambda: "another FreeType")
    assert page_key(Renderer(SMALL), "abc") not in keys


@pytest.mark.fault(67)
def test_the_renderers_version_names_its_code_and_its_libraries(monkeypatch):
    mine = renderer_version.__wrapped__()
    assert renderer_version.__wrapped__() == mine
    monkeypatch.setattr(page_key_module.freetype, "version", lambda: (1, 0, 0))
    assert renderer_version.__wrapped__() != mine
    monkeypatch.undo()
    monkeypatch.setattr(page_key_module, "_version", lambda package: "0")
    assert renderer_version.__wrapped__() != mine


def test_a_font_that_stands_in_for_some_chars_is_part_of_the_key(monkeypatch):
    only_in_stix = "\u2a6f"
    renderer = Renderer(SMALL)
    fallback = FontFile(bundled_folder() / "STIXGeneral.ttf")
    before = {text: page_key(renderer, text) for text in ("plain", only_in_stix)}

    def changed(font):
        return replace(load_font(font), content=b"other") if font == fallback else load_font(font)

    monkeypatch.setattr("glyph_shared.rendering.renderer.load_font", changed)
    assert page_key(renderer, "plain") == before["plain"]
    assert page_key(renderer, only_in_stix) != before[only_in_stix]


def test_the_key_does_not_depend_on_the_texts_drawn_before():
    script = (
        "import sys; from glyph_shared.rendering import Renderer;"
        "from glyph_shared.rendering.page_key import page_key;"
        "r = Renderer(missing='replace');"
        "[list(r.render(t)) for t in sys.argv[1:]];"
        "print(page_key(r, 'plain \\u2a6f \\U000e1234'))"
    )
    runs = [(), ("\u2a6f \u4e2d \U000e1234",)]
    keys = {
        subprocess.run(
            [sys.executable, "-c", script, *texts], capture_output=True, check=True
        ).stdout
        for texts in runs
    }
    assert len(keys) == 1


@pytest.mark.fault(64)
@pytest.mark.parametrize("place", [0, 20, 60, 0.3, 0.5, 0.9, -1])
def test_a_corrupt_entry_is_rendered_anew_and_replaced(store, renderer, place):
    list(store.render(renderer, TEXT))
    gc.collect()
    [entry] = entries(store)
    good = entry.read_bytes()
    position = int(place * len(good)) if isinstance(place, float) else place
    bad = bytearray(good)
    bad[position] ^= 0x10
    entry.write_bytes(bad)
    assert facts(store.render(renderer, TEXT)) == EXPECTED
    assert renderer.drawn == 2 * len(EXPECTED)
    assert entry.read_bytes() == good


@pytest.mark.fault(64)
@pytest.mark.parametrize("kept", [0, 5, 30, 0.5, 0.999])
def test_a_truncated_entry_is_rendered_anew_and_replaced(store, renderer, kept):
    list(store.render(renderer, TEXT))
    gc.collect()
    [entry] = entries(store)
    good = entry.read_bytes()
    entry.write_bytes(good[: int(kept * len(good)) if isinstance(kept, float) else kept])
    assert facts(store.render(renderer, TEXT)) == EXPECTED
    assert entry.read_bytes() == good


@pytest.mark.fault(58)
def test_one_hundred_concurrent_requests_render_once(store, renderer):
    start = threading.Barrier(100)

    def ask(_):
        start.wait()
        return list(store.render(renderer, TEXT))

    with ThreadPoolExecutor(100) as pool:
        answers = list(pool.map(ask, range(100)))
    assert renderer.drawn == len(EXPECTED)
    assert all(facts(answer) == EXPECTED for answer in answers)
    # One page in memory for all who hold it.
    assert len({id(page) for answer in answers for page in answer}) == len(EXPECTED)
    assert not temporaries(store)


def test_one_thread_may_read_a_text_twice_at_once(store, renderer):
    one, other = store.render(renderer, TEXT), store.render(renderer, TEXT)
    mixed = [page for pair in zip(one, other, strict=True) for page in pair]
    assert facts(mixed[::2]) == facts(mixed[1::2]) == EXPECTED
    assert renderer.drawn == len(EXPECTED)


def test_pages_come_while_the_rest_is_still_to_be_drawn(store, renderer):
    pages = store.render(renderer, TEXT)
    next(pages)
    assert renderer.drawn == 1
    assert not entries(store)


def test_a_reader_who_leaves_early_leaves_nothing_behind(store, renderer):
    pages = store.render(renderer, TEXT)
    list(islice(pages, 3))
    assert len(temporaries(store)) == 1
    pages.close()
    assert not temporaries(store)
    assert not entries(store)
    assert facts(store.render(renderer, TEXT)) == EXPECTED


def test_a_reader_who_only_counts_keeps_nothing_and_spares_the_encoding(store, renderer):
    pages = list(store.render(renderer, TEXT, wanted=lambda: False))
    assert renderer.drawn == len(EXPECTED)
    assert all("png" not in vars(page) for page in pages)
    assert not store.usage().entries


def test_readers_of_a_drawing_that_another_gives_up_still_get_their_pages(store, renderer):
    wants = [True]
    one = store.render(renderer, TEXT, wanted=lambda: wants[0])
    other = store.render(renderer, TEXT)
    begun, followed = list(islice(one, 4)), list(islice(other, 2))
    wants[0] = False
    rest = list(one)
    assert facts(begun + rest) == EXPECTED
    assert facts(followed + list(other)) == EXPECTED


def test_a_drawing_that_fails_does_not_look_finished_to_others(store):
    class Failing(Renderer):
        def render(self, text):
            yield from islice(super().render(text), 2)
            raise MemoryError

    renderer = Failing(SMALL)
    one, other = store.render(renderer, TEXT), store.render(renderer, TEXT)
    with pytest.raises(MemoryError):
        list(one)
    with pytest.raises(MemoryError):
        list(other)
    assert not entries(store)
    assert not temporaries(store)


def test_the_text_is_checked_before_the_first_page(store):
    with pytest.raises(InputError, match="nothing to draw"):
        store.render(Renderer(SMALL), " \n")
    with pytest.raises(FontError):
        store.render(Renderer(SMALL), "\U000e1234")


def test_what_was_used_longest_ago_is_dropped_and_drawn_again(store, renderer):
    list(store.render(renderer, TEXT))
    list(store.render(renderer, OTHER))
    size = store.usage().size_bytes
    [oldest, recent] = sorted(entries(store), key=lambda path: path.stat().st_mtime_ns)
    os.utime(oldest, (1, 1))
    os.utime(recent, (2, 2))
    small = PageStore(store.folder.path, limit_bytes=int(size * 1.2))
    list(small.render(renderer, TEXT))  # a read makes it the one used last
    list(small.render(renderer, TEXT + "!"))
    assert oldest.exists()
    assert not recent.exists()
    drawn = renderer.drawn
    assert len(list(small.render(renderer, OTHER))) == renderer.drawn - drawn
    assert small.usage().size_bytes <= size * 1.2


def test_many_small_texts_do_not_look_through_the_folder_each_time(store, renderer, monkeypatch):
    looks = []
    listdir = os.listdir
    monkeypatch.setattr(os, "listdir", lambda path: looks.append(path) or listdir(path))
    for number in range(50):
        list(store.render(renderer, f"text {number}"))
    assert len(looks) == 1
    looks.clear()
    size = store.usage().size_bytes
    small = PageStore(store.folder.path, limit_bytes=size)
    for number in range(50, 100):
        list(small.render(renderer, f"text {number}"))
        assert small.folder.limit_bytes >= sum(path.stat().st_size for path in entries(store))
    assert len(looks) < 25


@pytest.mark.parametrize("limit", [0, -1])
def test_a_store_without_room_is_refused(tmp_path, limit):
    with pytest.raises(ConfigError, match=f"limit_bytes must be positive; got {limit}"):
        PageStore(tmp_path, limit_bytes=limit)


@pytest.mark.fault(72)
@pytest.mark.parametrize("key", ["../../x", "a\0b", "f" * 300, "F" * 64, "", "f" * 64 + "\n"])
def test_a_key_that_could_name_another_file_is_refused(store, renderer, key):
    with pytest.raises(InputError, match="sha256"):
        store.keep(key, lambda: renderer.render(TEXT))
    assert not store.folder.path.exists()


def test_an_entry_beyond_half_the_store_is_drawn_each_time(tmp_path, renderer):
    store = PageStore(tmp_path / "pages", limit_bytes=20_000)
    for _ in range(2):
        assert facts(store.render(renderer, TEXT)) == EXPECTED
    assert renderer.drawn == 2 * len(EXPECTED)
    assert not store.usage().size_bytes


@pytest.mark.fault(63)
@pytest.mark.parametrize("refusal", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES])
def test_a_disk_that_refuses_is_told_once_and_done_without(store, renderer, monkeypatch, refusal):
    def refuse(*_):
        raise OSError(refusal, os.strerror(refusal))

    monkeypatch.setattr("tempfile.mkstemp", refuse)
    with pytest.warns(CacheWarning, match=os.strerror(refusal)):
        pages = list(store.render(renderer, TEXT))
    assert facts(pages) == EXPECTED
    # Warnings are errors here: a second one would end the drawing.
    assert facts(store.render(renderer, OTHER)) == facts(Renderer(SMALL).render(OTHER))


@pytest.mark.fault(63)
def test_a_disk_that_fills_up_midway_loses_no_page_and_keeps_no_file(store, renderer):
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    one, other = store.render(renderer, TEXT), store.render(renderer, TEXT)
    first = list(islice(other, 2))
    resource.setrlimit(resource.RLIMIT_FSIZE, (12_000, before[1]))
    try:
        with pytest.warns(CacheWarning, match="too large"):
            pages = list(one)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert facts(pages) == facts(first + list(other)) == EXPECTED
    assert not temporaries(store)
    assert not entries(store)


@pytest.fixture
def full_disk(tmp_path):
    """A real disk of 32 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=32k,mode=0700", "none", str(folder)]
    try:
        made = subprocess.run(mount, capture_output=True).returncode == 0
    except FileNotFoundError:
        made = False
    if not made:
        pytest.skip("this user may mount nothing")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.fault(63)
def test_a_real_disk_that_is_full_is_told_once_and_left_empty(full_disk, renderer):
    store = PageStore(full_disk / "pages")
    with pytest.warns(CacheWarning, match=os.strerror(errno.ENOSPC)):
        pages = facts(store.render(renderer, TEXT))
    assert pages == EXPECTED
    assert facts(store.render(renderer, OTHER)) == facts(Renderer(SMALL).render(OTHER))
    assert not list(store.folder.path.iterdir())


@pytest.mark.fault(66)
def test_a_folder_that_others_can_write_to_is_not_used(store, renderer):
    list(store.render(renderer, TEXT))
    store.folder.path.chmod(0o777)
    with pytest.warns(CacheWarning, match="others can write"):
        assert facts(store.render(renderer, TEXT)) == EXPECTED
    assert renderer.drawn == 2 * len(EXPECTED)


@pytest.mark.fault(66)
def test_a_folder_that_is_a_link_is_not_used(tmp_path, renderer):
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    store = PageStore(tmp_path / "link")
    with pytest.warns(CacheWarning, match="link"):
        assert facts(store.render(renderer, TEXT)) == EXPECTED
    assert not list((tmp_path / "real").iterdir())


@pytest.mark.fault(66)
def test_the_folder_and_its_files_are_for_the_user_alone(store, renderer):
    list(store.render(renderer, TEXT))
    assert store.folder.path.stat().st_mode & 0o777 == 0o700
    assert entries(store)[0].stat().st_mode & 0o777 == 0o600


KEEP = """
import sys
from pathlib import Path
from glyph_shared.rendering import PageStore, Renderer
from tests.rendering.test_page_store import SMALL, TEXT
store, text = PageStore(Path(sys.argv[1])), TEXT * int(sys.argv[2])
print("ready", flush=True)
sys.stdin.readline()
print(hash(tuple(page.digest for page in store.render(Renderer(SMALL), text))) and "done")
"""


def keeping(store, times):
    return subprocess.Popen(
        [sys.executable, "-c", KEEP, str(store.folder.path), str(times)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.fault(65)
def test_a_process_killed_while_writing_leaves_no_torn_entry(store, renderer):
    with keeping(store, 40) as process:
        process.stdout.readline()
        process.stdin.write("\n")
        process.stdin.flush()
        deadline = time.monotonic() + 30
        while not any(path.stat().st_size > 50_000 for path in temporaries(store)):
            assert time.monotonic() < deadline
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert process.returncode == -signal.SIGKILL
    assert not entries(store)
    [left] = temporaries(store)
    fresh = facts(Renderer(SMALL).render(TEXT * 40))
    assert facts(store.render(renderer, TEXT * 40)) == fresh
    # It is swept once it can no longer be a living process's.
    assert left.exists()
    os.utime(left, (1, 1))
    assert facts(PageStore(store.folder.path).render(renderer, TEXT)) == EXPECTED
    assert not left.exists()


KILLED = """
import os, random, signal, sys, time
from pathlib import Path
from glyph_shared.rendering import PageStore, Renderer
from tests.rendering.test_page_store import SMALL, TEXT
folder, renderer, moments = Path(sys.argv[1]), Renderer(SMALL), random.Random(7)
PageStore(folder).render(renderer, TEXT)
for turn in range(20):
    child = os.fork()
    if not child:
        for number in range(10_000):
            for _ in PageStore(folder).render(renderer, f"{turn} {number} {TEXT[:600]}"): pass
    while len(list(folder.glob("*.pages"))) <= turn:
        time.sleep(0.001)
    time.sleep(moments.uniform(0, 0.02))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
"""


@pytest.mark.fault(65)
@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forked processes")
def test_twenty_kills_at_any_moment_leave_only_whole_entries(store):
    subprocess.run([sys.executable, "-c", KILLED, str(store.folder.path)], check=True)
    assert len(entries(store)) >= 20
    for entry in entries(store):
        with entry.open("rb") as file:
            assert list(read_entry(file))


@pytest.mark.fault(59)
def test_two_processes_keep_the_same_text_at_once(store, renderer):
    with keeping(store, 1) as one, keeping(store, 1) as other:
        for process in (one, other):
            process.stdout.readline()
        for process in (one, other):
            process.stdin.write("\n")
            process.stdin.flush()
        assert {one.stdout.read(), other.stdout.read()} == {"done\n"}
    assert facts(store.render(renderer, TEXT)) == EXPECTED
    assert renderer.drawn == 0
    assert not temporaries(store)


def test_clearing_removes_the_stores_files_and_no_other(store, renderer):
    list(store.render(renderer, TEXT))
    (store.folder.path / "notes.txt").write_text("mine")
    reading = store.render(renderer, OTHER)
    next(reading)
    assert store.clear().entries == 1
    assert [path.name for path in store.folder.path.iterdir()] == ["notes.txt"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rest = list(reading)
    assert facts(rest) == facts(Renderer(SMALL).render(OTHER))[1:]
    assert store.usage().size_bytes == 0


def test_the_folder_is_named_by_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("GLYPH_CACHE_DIR", str(tmp_path / "here"))
    assert default_store().folder.path == tmp_path / "here" / "pages"
    assert default_store() is default_store()
    monkeypatch.delenv("GLYPH_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_store().folder.path == tmp_path / "glyph-context" / "pages"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_store().folder.path == tmp_path / ".cache" / "glyph-context" / "pages"
    monkeypatch.setenv("GLYPH_CACHE_DIR", "off")
    assert default_store() is None
