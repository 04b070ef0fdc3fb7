import os
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import time
import urllib.request
from pathlib import Path

import pytest

from glyph_shared.errors import ConfigError, ServerError
from glyph_shared.serving import VllmServer, is_healthy, running_vllm, serve_vllm, vllm_config

HEALTHY = """
    import http.server, os, signal, subprocess, sys
    port = int(sys.argv[sys.argv.index("--port") + 1])
    def stop(*_):
        print("stopped in order", flush=True)
        os._exit(0)
    signal.signal(signal.SIGINT, stop)
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    print("engine", child.pid, flush=True)
    class Health(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            if self.path == "/end":
                os._exit(3)
            self.send_response(200 if self.path == "/health" else 404)
            self.end_headers()
        def log_message(self, *args):
            pass
    http.server.HTTPServer(("127.0.0.1", port), Health).serve_forever()
"""
DYING = """
    import sys
    print("(APIServer pid=1) WARNING 01-01 system_utils.py:2 Found ulimit of 20000. This can cause "
          "fd limit errors like `OSError: [Errno 24] Too many open files`.", flush=True)
    print("(EngineCore pid=7) ERROR 01-01 core.py:9 ValueError: To serve at least one request, "
          "0.25 GiB KV cache is needed", flush=True)
    for i in range(40):
        print("(APIServer pid=1)   File line", i, flush=True)
    print("RuntimeError: Engine core initialization failed. See root cause above.", flush=True)
    sys.exit(1)
"""
HANGING = """
    import time
    print("loading shards 1/4", flush=True)
    time.sleep(600)
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@pytest.fixture
def fake_vllm(tmp_path):
    def make(source: str, **settings):
        program = tmp_path / "vllm"
        program.write_text(f"#!{sys.executable}\n{textwrap.dedent(source)}", encoding="utf-8")
        program.chmod(0o755)
        settings.setdefault("port", free_port())
        return vllm_config(executable=str(program), **settings)

    return make


def is_running(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def wait_until_gone(pid: int) -> bool:
    deadline = time.monotonic() + 10
    while is_running(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not is_running(pid)


def engine_of(log: Path) -> int:
    return int(log.read_text(encoding="utf-8").split()[1])


def test_the_block_starts_when_the_server_is_healthy_and_stops_it_with_its_children(
    fake_vllm, tmp_path
):
    log = tmp_path / "server.log"
    with running_vllm(fake_vllm(HEALTHY), log_path=log) as server:
        assert is_healthy(server.config.base_url)
        assert is_running(engine_of(log))
    assert not is_healthy(server.config.base_url)
    assert wait_until_gone(engine_of(log))
    assert "stopped in order" in log.read_text(encoding="utf-8")


def test_a_server_that_dies_is_reported_with_its_root_cause_and_the_logs_end(fake_vllm, tmp_path):
    log = tmp_path / "server.log"
    with pytest.raises(ServerError) as caught, running_vllm(fake_vllm(DYING), log_path=log):
        pass
    message = str(caught.value)
    assert "ended with exit code 1" in message
    assert (
        "cause: ValueError: To serve at least one request, 0.25 GiB KV cache is needed" in message
    )
    assert str(log) in message
    assert message.endswith("See root cause above.")


def test_a_server_that_hangs_is_ended_after_the_timeout(fake_vllm, tmp_path):
    seen = []
    with (
        pytest.raises(ServerError, match="not ready after 2 s"),
        running_vllm(
            fake_vllm(HANGING),
            timeout=2,
            log_path=tmp_path / "server.log",
            on_progress=seen.append,
        ) as server,
    ):
        server.wait()
    assert seen[-1].log_line == "loading shards 1/4"
    assert seen[-1].seconds > seen[0].seconds


def test_a_taken_port_is_refused_before_anything_starts(fake_vllm, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = fake_vllm(HEALTHY, port=listener.getsockname()[1])
        server = VllmServer(config, log_path=tmp_path / "server.log")
        with pytest.raises(ConfigError, match=rf"port {config.port} .* choose another --port"):
            server.start()
        server.stop()
    assert not (tmp_path / "server.log").exists()


def test_an_exception_in_the_block_stops_the_server_too(fake_vllm, tmp_path):
    log = tmp_path / "server.log"
    with pytest.raises(KeyboardInterrupt), running_vllm(fake_vllm(HEALTHY), log_path=log):
        raise KeyboardInterrupt
    assert wait_until_gone(engine_of(log))


def test_a_terminated_program_leaves_no_server_behind(fake_vllm, tmp_path):
    config = fake_vllm(HEALTHY)
    log = tmp_path / "server.log"
    program = f"""if True:
        from pathlib import Path
        from glyph_shared.serving import running_vllm, vllm_config
        config = vllm_config(executable={config.executable!r}, port={config.port})
        with running_vllm(config, log_path=Path({str(log)!r})) as server:
            print("ready", flush=True)
            server.wait()
    """
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as parent:
        assert parent.stdout.readline() == b"ready\n"
        parent.send_signal(signal.SIGTERM)
        assert parent.wait(timeout=30) == 128 + signal.SIGTERM
    assert wait_until_gone(engine_of(log))


def test_a_proxy_in_the_environment_is_not_asked(fake_vllm, monkeypatch, tmp_path):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    with running_vllm(fake_vllm(HEALTHY), log_path=tmp_path / "server.log") as server:
        assert server.exit_code() is None


def test_the_key_reaches_the_server_through_its_environment_alone(fake_vllm, tmp_path):
    source = """
        import os, sys
        in_arguments = any("canary" in argument for argument in sys.argv)
        print("KEY", os.environ["VLLM_API_KEY"] == "sk-canary", in_arguments)
    """
    log = tmp_path / "server.log"
    config = fake_vllm(source, api_key="sk-canary")
    with pytest.raises(ServerError, match="KEY True False"), running_vllm(config, log_path=log):
        pass


def test_waiting_for_a_server_that_was_not_started_is_an_error(fake_vllm):
    server = VllmServer(fake_vllm(HEALTHY), log_path=Path(os.devnull))
    with pytest.raises(ServerError, match="call start"):
        server.wait()


def test_a_server_that_ends_by_itself_is_reported(fake_vllm, tmp_path):
    def end(base_url):
        with pytest.raises(OSError, match="closed connection"):
            urllib.request.urlopen(base_url.removesuffix("/v1") + "/end")

    with pytest.raises(ServerError, match="ended by itself with exit code 3"):
        serve_vllm(fake_vllm(HEALTHY), log_path=tmp_path / "server.log", ready=end)


def test_a_log_of_its_own_is_private_and_made_at_the_start(fake_vllm, monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "logs"))
    (tmp_path / "logs").mkdir()
    with pytest.raises(ConfigError), running_vllm(vllm_config(executable="no-such-vllm")):
        pass
    assert list((tmp_path / "logs").iterdir()) == []
    with running_vllm(fake_vllm(HEALTHY)) as server:
        assert server.log_path.parent == tmp_path / "logs"
        assert server.log_path.stat().st_mode & 0o777 == 0o600
