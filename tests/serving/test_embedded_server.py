import http.client
import json
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from scripted_reader import Caller, user

from glyph_shared.errors import ConfigError
from glyph_shared.serving import is_healthy, running_embedded


def start_request(base_url: str, *messages: dict, **settings) -> http.client.HTTPConnection:
    """Sends a request whose answer can be left unread."""
    connection = http.client.HTTPConnection(urlsplit(base_url).netloc, timeout=30)
    body = json.dumps({"messages": messages, **settings})
    connection.request("POST", "/v1/chat/completions", body, {"Content-Type": "application/json"})
    return connection


def until(condition, seconds=10.0) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    return condition()


def test_the_server_lives_as_long_as_its_block(reader):
    with running_embedded(reader) as base_url:
        assert is_healthy(base_url)
        assert base_url.startswith("http://127.0.0.1:")
        assert base_url.endswith("/v1")
    assert not is_healthy(base_url)


def test_a_taken_port_is_an_error_with_the_way_out(reader):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with (
            pytest.raises(
                ConfigError, match=rf"port {port} .* used \([^()]*\): stop .*another --port"
            ),
            running_embedded(reader, port=port),
        ):
            pass


def test_an_impossible_port_is_an_error(reader):
    with (
        pytest.raises(ConfigError, match="65535; got 70000"),
        running_embedded(reader, port=70_000),
    ):
        pass


def test_two_servers_run_side_by_side(reader, page):
    with running_embedded(reader) as first, running_embedded(reader) as second:
        assert first != second
        assert all(Caller(url).chat(user(page, "Who?")).status == 200 for url in (first, second))


@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_leaves_stops_the_generation(reader, page, stream):
    reader.answer = "x" * 1000
    reader.step = threading.Semaphore(5)
    with running_embedded(reader) as base_url:
        connection = start_request(base_url, user(page, "Who?"), stream=stream)
        assert until(lambda: reader.running == 1)
        connection.close()
        # One token is being waited for; no more than a few are taken after the client has gone.
        for _ in range(20):
            time.sleep(0.02)
            reader.step.release()
        assert reader.closed.wait(10)
        assert reader.running == 0


def test_no_more_answers_are_generated_at_once_than_allowed(reader, page):
    reader.step = threading.Semaphore(0)
    with running_embedded(reader, concurrency=2) as base_url, ThreadPoolExecutor(6) as pool:
        call = Caller(base_url)
        replies = [pool.submit(call.chat, user(page, f"Who is {i}?")) for i in range(6)]
        assert until(lambda: reader.running == 2)
        assert call("/health").status == 200
        reader.step.release(6 * len(reader.answer))
        assert [reply.result().status for reply in replies] == [200] * 6
    assert reader.most_running == 2
    assert len(reader.asked) == 6


def test_a_stream_is_sent_while_the_answer_is_written(reader, page):
    reader.step = threading.Semaphore(2)
    with running_embedded(reader) as base_url:
        connection = start_request(base_url, user(page, "Who?"), stream=True)
        reply = connection.getresponse()
        lines = iter(reply.readline, b"")
        seen = [json.loads(line[6:]) for line in (next(lines) for _ in range(6)) if line != b"\n"]
        assert [chunk["choices"][0]["delta"]["content"] for chunk in seen] == ["", "4", "7"]
        assert reader.running == 1
        reader.step.release(2)
        assert b"[DONE]" in reply.read()
        connection.close()


def test_a_stopped_server_does_not_wait_for_a_long_answer(reader, page):
    reader.answer = "x" * 1000
    reader.step = threading.Semaphore(1)
    with running_embedded(reader) as base_url:
        connection = start_request(base_url, user(page, "Who?"), stream=True)
        assert until(lambda: reader.running == 1)
        threading.Timer(0.5, reader.step.release, (1000,)).start()
    connection.close()
    assert reader.closed.wait(10)


def test_a_foreground_server_tells_its_address_and_ends_on_interrupt():
    program = f"""if True:
        import sys
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        from scripted_reader import ScriptedReader
        from glyph_shared.serving import serve_embedded
        serve_embedded(ScriptedReader(), port=0, ready=lambda url: print(url, flush=True))
        print("ended", flush=True)
    """
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as server:
        base_url = server.stdout.readline().strip()
        assert is_healthy(base_url)
        server.send_signal(signal.SIGINT)
        _, errors = server.communicate(timeout=30)
    assert "Traceback" not in errors or "KeyboardInterrupt" in errors
    assert not is_healthy(base_url)
