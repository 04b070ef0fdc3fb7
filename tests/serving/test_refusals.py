import base64
import json
import struct
import zlib

import pytest
from scripted_reader import WINDOW, Caller, data_url, image_part, page_png, user

from glyph_shared.rendering import RenderConfig
from glyph_shared.serving import embedded_app, running_embedded
from glyph_shared.serving.embedded_app import MAX_BODY_BYTES

KEY = "sk-canary-0123456789"


def refusal(reply, status=400):
    assert reply.status == status
    assert set(reply.error) == {"message", "type", "param", "code"}
    assert reply.error["code"] == status
    return reply.error


def bomb_png(config: RenderConfig, size: tuple[int, int], megabytes: int = 1) -> bytes:
    """A small file of an accepted look whose header promises so many pixels (width, height)."""

    deflate = zlib.compressobj(9)
    # Piece by piece, so that making it takes no memory that a test could then not see taken.
    pixels = b"".join(deflate.compress(bytes(1_000_000)) for _ in range(megabytes))

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", *size, 8, 0, 0, 0, 0))
        + chunk(b"tEXt", b"glyph-theta\0" + config.theta_hash.encode())
        + chunk(b"IDAT", pixels + deflate.flush())
        + chunk(b"IEND", b"")
    )


def test_an_unknown_model_is_not_found(call, page):
    error = refusal(call.chat(user(page, "Who?"), model="gpt-4"), 404)
    assert error["type"] == "NotFoundError"
    assert error["param"] == "model"


@pytest.mark.fault(68)
@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://127.0.0.1:9/page.png", "fetches nothing; got http:"),
        ("https://example.com/page.png", "fetches nothing; got https:"),
        ("file:///etc/passwd", "fetches nothing; got file:"),
        ("ftp://example.com/p.png", "fetches nothing; got ftp:"),
        ("/etc/passwd", "fetches nothing; got no scheme"),
        ("", "fetches nothing; got no scheme"),
        ("data:image/png,raw", "fetches nothing; got data:"),
        ("data:image/png;base64,not base64!", "not valid base64"),
        ("data:image/png;base64,AAA", "not valid base64"),
        ("data:image/png;base64,\N{SNOWMAN}", "not valid base64"),
        ("data:image/png;base64,", "not a PNG file"),
        (data_url(b"GIF89a" + bytes(100)), "not a PNG file"),
        (data_url(b"\xff\xd8\xff\xe0" + bytes(100), "image/jpeg"), "not a PNG file"),
        (data_url(b"\x89PNG\r\n\x1a\n"), "not a PNG file"),
    ],
)
def test_what_is_not_a_page_is_refused_by_its_place(call, reader, page, url, message):
    error = refusal(call.chat(user(page, image_part(url), "Who?")))
    assert message in error["message"]
    assert error["message"].startswith("page 2 ")
    assert error["param"] == "image"
    assert reader.asked == []


def test_a_page_of_another_look_is_refused_with_the_way_out(call, reader):
    png = page_png(reader.render_config, theta="0123456789abcdef")
    message = refusal(call.chat(user(image_part(data_url(png)), "Who?")))["message"]
    assert "0123456789abcdef" in message
    assert reader.render_config.theta_hash in message
    assert "RenderConfig.preset('reader')" in message


def test_an_image_without_a_mark_is_refused(call, reader):
    png = page_png(reader.render_config).replace(b"glyph-theta", b"other-theta")
    error = refusal(call.chat(user(image_part(data_url(png)), "Who?")))
    assert "carries no mark" in error["message"]


@pytest.mark.parametrize("size", [(560, 449), (28, 28), (448, 560)])
def test_a_page_of_another_size_is_refused(call, reader, size):
    png = page_png(reader.render_config, size=size)
    message = refusal(call.chat(user(image_part(data_url(png)), "Who?")))["message"]
    assert f"is {size[0]} x {size[1]} px; this reader takes 560 x 448" in message


@pytest.mark.fault(70)
@pytest.mark.parametrize("side", [30_000, 60_000])
def test_an_image_bomb_is_refused_by_its_header(call, reader, side):
    png = bomb_png(reader.render_config, (side, side))
    assert len(png) < 2000
    message = refusal(call.chat(user(image_part(data_url(png)), "Who?")))["message"]
    assert f"{side} x {side} px" in message


@pytest.mark.fault(70)
def test_a_page_whose_pixels_never_end_is_read_no_further_than_its_size(call, reader):
    resource = pytest.importorskip("resource")
    png = bomb_png(reader.render_config, (560, 448), megabytes=200)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert call.chat(user(image_part(data_url(png)), "Who?")).status == 200
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 100_000  # kB


@pytest.mark.fault(71)
@pytest.mark.parametrize("keep", [0.2, 0.5, 0.9])
def test_a_truncated_page_is_damaged_and_no_address_is_shown(call, reader, keep):
    png = page_png(reader.render_config)
    cut = png[: max(120, int(len(png) * keep))]
    message = refusal(call.chat(user(image_part(data_url(cut)), "Who?")))["message"]
    assert message == "page 1 is a damaged PNG file"


@pytest.mark.fault(70)
def test_too_many_pages_are_refused_undecoded(call, reader):
    parts = [image_part("data:image/png;base64,AAAA")] * (reader.max_pages + 1)
    error = refusal(call.chat(user(*parts, "Who?")))
    assert error["message"] == "At most 4 image(s) may be provided in one prompt."
    assert error["param"] == "image"


def test_a_prompt_longer_than_the_window_is_refused_in_vllms_words(call, page):
    error = refusal(call.chat(user(page, "x" * WINDOW)))
    assert error["param"] == "input_tokens"
    assert f"maximum context length is {WINDOW} tokens" in error["message"]
    assert f"{WINDOW + 328} input tokens" in error["message"]


@pytest.mark.parametrize(
    ("settings", "param"),
    [
        ({"max_tokens": WINDOW + 1}, "max_tokens"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"n": 2}, "n"),
        ({"top_logprobs": 21}, "top_logprobs"),
        ({"tools": [{"type": "function"}]}, "tools"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"stop": ["a"] * 17}, "stop"),
    ],
)
def test_what_the_reader_cannot_do_is_refused(call, page, settings, param):
    assert refusal(call.chat(user(page, "Who?"), **settings))["param"].startswith(param)


@pytest.mark.parametrize(
    "message",
    [
        {"role": "user", "content": []},
        {"role": "user", "content": "  \n"},
        {"role": "assistant", "content": "Jane."},
    ],
)
def test_a_request_without_a_question_is_refused(call, message):
    assert "needs a question" in refusal(call.chat(message))["message"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"\xff\xfe",
        b"null",
        b'{"messages": []}',
        b'{"messages": [{"role": "king", "content": "x"}]}',
        b'{"messages": [{"role": "user", "content": [{"type": "audio"}]}]}',
        b'{"messages": ' + b"[" * 100_000,
    ],
)
def test_a_malformed_body_is_refused(call, body):
    refusal(call("/v1/chat/completions", body))


def test_a_refusal_never_repeats_what_was_sent(call):
    secret = base64.b64encode(b"secret page " * 50).decode()
    body = {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": secret}]}]}
    reply = call("/v1/chat/completions", body)
    assert secret[:40] not in reply.body.decode()
    refusal(reply)


def test_a_body_over_the_limit_is_refused_while_it_arrives(call):
    refusal(call("/v1/chat/completions", b" " * (MAX_BODY_BYTES + 1)), 413)


def test_tokenize_needs_a_prompt_or_messages(call):
    assert "prompt" in refusal(call("/tokenize", {}))["message"]
    refusal(call("/tokenize", {"prompt": "x", "model": "gpt-4"}), 404)


def test_unknown_addresses_and_methods_have_the_same_shape(call):
    refusal(call("/v1/nothing"), 404)
    refusal(call("/v1/chat/completions"), 405)


def test_a_key_is_demanded_for_v1_alone(reader, page):
    with running_embedded(reader, api_key=KEY) as base_url:
        call = Caller(base_url)
        assert call("/health").status == 200
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": KEY}):
            refused = call("/v1/models", headers=headers)
            assert (refused.status, refused.json) == (401, {"error": "Unauthorized"})
        assert call("/v1/models", headers={"Authorization": f"Bearer {KEY}"}).status == 200


def test_a_host_that_is_not_loopback_is_turned_away(call):
    assert call("/v1/models", headers={"Host": "evil.example"}).status == 400


def test_a_failing_reader_is_an_internal_error_without_its_words(reader, page, caplog):
    def broken(*args, **settings):
        raise RuntimeError("<_io.BytesIO object at 0x7f00dead>")
        yield

    reader.generate = broken
    with running_embedded(reader) as base_url:
        reply = Caller(base_url).chat(user(page, "Who?"))
    assert "0x7f00dead" not in json.dumps(refusal(reply, 500))
    assert "0x7f00dead" in caplog.text


def test_the_application_is_made_without_touching_the_model(reader):
    assert len(embedded_app(reader).routes) == 4
    assert reader.asked == []


def test_a_damaged_mark_is_not_shown_back(call, reader):
    damaged = page_png(reader.render_config, theta="<secret page bytes>")
    message = refusal(call.chat(user(image_part(data_url(damaged)), "Who?")))["message"]
    assert "carries no mark" in message
    assert "secret" not in message
