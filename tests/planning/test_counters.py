"""Every count of text tokens has a name, and nothing is downloaded for it."""

from __future__ import annotations

import hashlib
import json
import sys
import threading
import types
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.machinery import ModuleSpec

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from glyph_shared.errors import BadResponse, ConfigError, ServerError
from glyph_shared.planning import (
    CompressionReport,
    EstimateCounter,
    FileTokenCounter,
    ServerTokenCounter,
    TiktokenCounter,
    counters,
    pick_counter,
)

KEY = "sk-canary-0123456789"


@pytest.fixture
def no_tiktoken(monkeypatch, tmp_path):
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path / "no vocabulary"))


class Server:
    """A server with fixed answers that remembers what it was asked."""

    def __init__(self, answers):
        self.answers = answers
        self.asked = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self.answer(None)

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self.answer(json.loads(body))

            def answer(self, body):
                server.asked.append((self.path, body, self.headers.get("Authorization")))
                status, answer = server.answers.get(self.path, (404, {}))
                data = answer(body) if callable(answer) else answer
                data = data if isinstance(data, bytes) else json.dumps(data).encode()
                self.send_response(status)
                if 300 <= status < 400:
                    self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_):
                pass

        self.http = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/v1"
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.01,))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.http.shutdown()
        self.thread.join()
        self.http.server_close()


def words(body):
    return {"count": len(body["prompt"].split()), "max_model_len": 10}


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 0),
        ("word", 1),
        ("three common words", 3),
        ("incomprehensibility", 3),
        ("1234567", 3),
        ("year 184", 3),
        ("Stop.\n\nGo", 3),
        ("a\nb", 3),
        ("    return x", 3),
        ("=" * 16, 2),
        ("中" * 10, 6),
        ("\U00020000" * 10, 6),
        ("при", 2),
        ("\ud800", 1),
    ],
)
def test_the_estimate_charges_pieces_as_stated(text, tokens):
    assert EstimateCounter().count(text) == tokens


def test_the_estimate_of_prose_is_near_four_chars_a_token():
    prose = (
        "I turned my lip to the glass, and saw that the morning had broken over the hills; "
        "nothing, however, stirred in the house, and I remained as I was, counting the hours. "
    )
    assert 3.8 < len(prose * 50) / EstimateCounter().count(prose * 50) < 5


def test_long_texts_are_estimated_block_by_block(monkeypatch):
    text = "one two three, 45 six\n" * 999
    whole = EstimateCounter().count(text)
    monkeypatch.setattr("glyph_shared.planning.estimate._BLOCK", 22 * 10)
    assert EstimateCounter().count(text) == whole


def tokenizer_file(folder):
    folder.mkdir(exist_ok=True)
    tokenizer = Tokenizer(models.WordLevel({"a": 0, "b": 1, "?": 2}, unk_token="?"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.enable_truncation(2)
    tokenizer.enable_padding(length=8)
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder / "tokenizer.json"


def test_a_tokenizer_file_counts_all_and_only_the_text(tmp_path, monkeypatch):
    counter = FileTokenCounter(tokenizer_file(tmp_path / "GLM"))
    assert counter.name == "GLM/tokenizer.json"
    assert counter.count("a b \ud800 a b") == 5
    monkeypatch.setattr(counters, "_PIECE", 7)
    assert counter.count("a b a b\na\n" * 3 + "a" * 20) == 15 + 3
    assert FileTokenCounter(tmp_path / "GLM").count("a b") == 2


@pytest.mark.parametrize("content", [None, b"{}", b"not json", b"\xff"])
def test_a_file_that_is_no_tokenizer_is_named(tmp_path, content):
    path = tmp_path / "tokenizer.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"tokenizer\.json"):
        FileTokenCounter(path)


def test_the_server_counts_without_the_chats_own_tokens():
    with Server({"/tokenize": (200, words)}) as server:
        counter = ServerTokenCounter(server.url, model="glyph", api_key=KEY)
        assert counter.count("one two three") == 3
    assert server.asked == [
        (
            "/tokenize",
            {"model": "glyph", "prompt": "one two three", "add_special_tokens": False},
            f"Bearer {KEY}",
        )
    ]
    assert counter.name == f"glyph at 127.0.0.1:{server.http.server_port}"
    assert KEY not in repr(vars(counter)) + counter.name


@pytest.mark.parametrize(
    ("answer", "error", "said"),
    [
        ((500, {}), ServerError, "HTTP 500"),
        ((302, {}), ServerError, "HTTP 302"),
        ((200, b"<html>"), BadResponse, "something else than JSON"),
        ((200, []), BadResponse, "list"),
        ((200, {"tokens": 3}), BadResponse, "without a count"),
    ],
)
def test_an_unusable_answer_is_a_server_error(answer, error, said):
    with Server({"/tokenize": answer, "/elsewhere": (200, words)}) as server:
        with pytest.raises(error, match=said) as caught:
            ServerTokenCounter(server.url, api_key=KEY).count("text")
        assert [path for path, *_ in server.asked] == ["/tokenize"]
    assert KEY not in str(caught.value)


def test_a_server_that_is_gone_is_named_by_its_host():
    with Server({}) as server:
        url = server.url
    with pytest.raises(ServerError, match=r"^127\.0\.0\.1:\d+ can't be reached .*refused"):
        ServerTokenCounter(url).count("text")


@pytest.mark.parametrize("url", ["file:///etc/passwd", "glyph:8000", "http://", "http://u:p@h:x"])
def test_only_an_http_address_is_asked(url):
    with pytest.raises(ConfigError, match="base_url") as caught:
        ServerTokenCounter(url)
    assert "u:p" not in str(caught.value)


def test_credentials_of_the_address_go_along_as_a_header():
    with Server({"/tokenize": (200, words)}) as server:
        counter = ServerTokenCounter(server.url.replace("//", "//user:word@"))
        assert counter.count("one two") == 2
    assert server.asked[0][2] == "Basic dXNlcjp3b3Jk"
    assert "word" not in counter.name


def test_an_empty_address_names_no_server(no_tiktoken):
    assert isinstance(pick_counter(base_url=""), EstimateCounter)


def test_a_server_of_this_machine_is_asked_past_the_proxy(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with Server({"/tokenize": (200, words)}) as server:
        assert ServerTokenCounter(server.url).count("one two") == 2


def test_the_counter_is_picked_in_the_stated_order(tmp_path, no_tiktoken):
    file = tokenizer_file(tmp_path / "GLM")
    with Server({"/tokenize": (200, words), "/v1/models": (200, {"data": [{}]})}) as server:
        both = pick_counter(tokenizer_file=file, base_url=server.url)
        assert isinstance(both, FileTokenCounter)
        assert isinstance(pick_counter(base_url=server.url), ServerTokenCounter)
    assert isinstance(pick_counter(base_url=server.url), EstimateCounter)
    assert isinstance(pick_counter(), EstimateCounter)


def test_a_servers_counter_is_named_by_the_served_model():
    models = {"data": [{"id": "glyph"}, {"id": "other"}]}
    with Server({"/tokenize": (200, words), "/v1/models": (200, models)}) as server:
        host = f"127.0.0.1:{server.http.server_port}"
        assert pick_counter(base_url=server.url).name == f"glyph at {host}"
        assert pick_counter(base_url=server.url, model="other").name == f"other at {host}"


def test_a_character_tokenizer_never_makes_a_ratio(no_tiktoken):
    models = {"data": [{"id": "glyph-reader", "glyph": {"tokenizer": "character"}}]}
    with Server({"/tokenize": (200, words), "/v1/models": (200, models)}) as server:
        assert isinstance(pick_counter(base_url=server.url), EstimateCounter)


@pytest.fixture
def fake_tiktoken(monkeypatch, tmp_path):
    """A tiktoken whose vocabulary file is known by another hash."""
    module = types.ModuleType("tiktoken")
    module.__spec__ = ModuleSpec("tiktoken", None)

    class Encoding:
        def encode(self, text, *, disallowed_special):
            assert disallowed_special == ()
            return text.split()

    module.get_encoding = lambda _: Encoding()
    monkeypatch.setitem(sys.modules, "tiktoken", module)
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    digest = hashlib.sha256(b"vocabulary").hexdigest()
    monkeypatch.setitem(counters._TIKTOKEN_SHA256, "cl100k_base", digest)
    return tmp_path / "9b5ad71b2ce5302211f9c61530b329a4922fc6a4"


def test_tiktoken_is_used_if_its_vocabulary_is_here(fake_tiktoken):
    fake_tiktoken.write_bytes(b"vocabulary")
    counter = pick_counter()
    assert counter.name == "cl100k_base"
    assert counter.count("one <|endoftext|> three") == 3


@pytest.mark.parametrize("content", [None, b"damaged"])
def test_tiktoken_is_never_let_download(fake_tiktoken, content):
    if content is not None:
        fake_tiktoken.write_bytes(content)
    with pytest.raises(ConfigError, match="TIKTOKEN_CACHE_DIR"):
        TiktokenCounter()
    assert isinstance(pick_counter(), EstimateCounter)


def test_an_unknown_encoding_lists_the_known():
    with pytest.raises(ConfigError, match="cl100k_base, o200k_base; got 'p50k'"):
        TiktokenCounter("p50k")


def test_a_report_of_one_token_is_written_in_the_singular():
    assert str(CompressionReport(1, 1, "estimate")) == (
        "1 text token (estimate) / 1 visual token = 1.00"
    )


def test_a_report_names_its_tokenizer():
    report = CompressionReport(239_002, 111_992, "cl100k_base")
    assert report.ratio == pytest.approx(2.134, abs=0.001)
    assert str(report) == "239,002 text tokens (cl100k_base) / 111,992 visual tokens = 2.13"
    with pytest.raises(ConfigError, match="0 visual tokens"):
        CompressionReport(1, 0, "estimate")
