from __future__ import annotations

import json
from importlib import metadata

import pytest

import glyph_shared.doctor as doctor
from glyph_shared.errors import InputError
from glyph_shared.reader import Reader
from glyph_shared.serving import running_embedded


@pytest.fixture
def findings(run, reader):
    def find(*arguments: str) -> dict[str, dict]:
        result = run("doctor", "--json", *arguments)
        return {finding["name"]: finding for finding in json.loads(result.stdout)}

    return find


def test_scripts_are_named_and_not_listed_char_by_char(findings):
    found = findings()
    names = ", ".join(found)
    covered = found["scripts"]["detail"]
    assert "Latin, Cyrillic, Greek" in covered
    assert all(script.name in covered or script.name in names for script in doctor.SCRIPTS)
    assert all(len(finding["detail"]) < 200 for finding in found.values())


def test_an_uncovered_script_names_the_package(findings, monkeypatch):
    unassigned = doctor.Script("Martian", "\U000e1234", "fonts-mars")
    monkeypatch.setattr(doctor, "SCRIPTS", (*doctor.SCRIPTS, unassigned))
    martian = findings()["Martian"]
    assert martian["state"] == "absent"
    assert "apt-get install fonts-mars" in martian["detail"]


def test_a_named_server_is_asked_what_it_serves(run, findings, reader):
    with running_embedded(reader) as base_url:
        server = findings("--base-url", base_url)["server"]
    assert server["state"] == "ok"
    assert "glyph-reader, window 4,096" in server["detail"]


def test_a_named_server_that_does_not_answer_is_broken(run, reader):
    result = run("doctor", "--base-url", "http://127.0.0.1:9/v1")
    assert result.exit_code == 1
    assert "broken" in result.stdout


def test_the_environment_names_the_server_too(run, reader, monkeypatch):
    monkeypatch.setenv("GLYPH_BASE_URL", "http://127.0.0.1:9/v1")
    assert run("doctor").exit_code == 1


@pytest.mark.parametrize("address", ["http://[::1", "127.0.0.1:8000"])
def test_an_address_that_is_none_is_one_broken_line(findings, address):
    found = findings("--base-url", address)
    assert [name for name in found if found[name]["state"] == "broken"] == ["server"]


def test_an_empty_address_in_the_environment_names_no_server(findings, monkeypatch):
    monkeypatch.setenv("GLYPH_BASE_URL", "")
    assert findings()["server"]["state"] != "broken"


def test_credentials_of_the_address_are_used_and_not_shown(findings, reader):
    with running_embedded(reader) as base_url:
        found = findings("--base-url", base_url.replace("//", "//user:canary@"))
    assert found["server"]["state"] == "ok"
    assert "canary" not in str(found)


def test_a_reader_that_does_not_load_is_broken(run, monkeypatch):
    def broken(cls, directory=None):
        raise InputError("no weights")

    monkeypatch.setattr(Reader, "load", classmethod(broken))
    result = run("doctor")
    assert result.exit_code == 1
    assert "no weights" in result.stdout


def test_isal_may_be_absent(run, findings, monkeypatch):
    known = metadata.version

    def version(name):
        if name == "isal":
            raise metadata.PackageNotFoundError(name)
        return known(name)

    monkeypatch.setattr(doctor.metadata, "version", version)
    assert findings()["isal"]["state"] == "absent"
