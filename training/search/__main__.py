"""`python -m training.search`: searches for θ, chooses one and confirms it on unseen text.

Everything goes into the folder of the setting `output`: journal.jsonl (each θ, where it comes from
and what was measured), front.json, pareto.png, pareto.html, samples/, and where a θ was found that
is denser than the first preset and read as well, winner.json and confirmation.json.

An interrupted search goes on with the same command.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from glyph_shared.errors import GlyphError
from glyph_shared.rendering import RenderConfig
from glyph_shared.rendering.preset_files import check_own_name, install_preset
from training.search.journal import Evaluation
from training.search.report import confirmation_line, write_report
from training.search.run import Search
from training.search.settings import Settings, read_settings
from training.search.winners import candidates, chosen, confirmed, theta_json, write_confirmed


def main(arguments: list[str] | None = None) -> int:
    """Runs a search, or goes on with one; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m training.search",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--config", type=Path, help="settings, YAML")
    parser.add_argument(
        "--install",
        metavar="NAME",
        help="make what is found a preset of yours, as found-prose: glyph ask --preset NAME",
    )
    parser.add_argument(
        "settings",
        nargs="*",
        metavar="KEY=VALUE",
        help="a setting that goes before the file's, as output=runs/mine or budget.minutes=30",
    )
    options = parser.parse_args(arguments)
    try:
        if options.install is not None:
            check_own_name(options.install)
        settings = read_settings(options.config, options.settings)
        theta = conclude(settings, Search(settings, _say).run())
        if options.install is not None and theta is not None:
            _say(f"preset {options.install}: {install_preset(options.install, theta)}")
    except GlyphError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; the same command goes on from the journal", file=sys.stderr)
        return 130
    return 0


def conclude(settings: Settings, evaluations: list[Evaluation]) -> str | None:
    """Writes the report and the θ that was found; returns its file's content, None without one."""
    folder, probe = Path(settings.output), settings.probe
    # Workers may finish it after others.
    baseline = next((one for one in evaluations if (one.run, one.number) == (0, 0)), None)
    if baseline is None or baseline.measured is None:
        _say("the look to beat was not measured, so there is no report")
        return None
    about = f"{probe.text}, {probe.reader}; text tokens by {probe.counter().name}"
    members = write_report(folder, evaluations, probe, about)
    _say(f"{len(members)} looks make the front: {folder / 'pareto.html'}")
    if probe.excerpts == 0:
        _say("no θ is chosen where nothing is read: the questions are about this text alone")
        return None
    name = settings.presets[0]
    beaten = RenderConfig.preset(name)
    found = chosen(probe, beaten, candidates(evaluations, baseline.measured), _say)
    if found is None:
        _say(f"none is denser than preset {name} and read as well on a second text")
        return None
    result = confirmed(probe, beaten, found)
    write_confirmed(result, folder / "confirmation.json")
    line = confirmation_line(result)
    provenance = f"training.search, {len(evaluations)} looks tried; beside preset {name} {line}"
    text = theta_json(found.config(), provenance)
    (folder / "winner.json").write_text(text, encoding="utf-8")
    _say(line)
    _say(f"glyph ask --config {folder / 'winner.json'}")
    return text


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
