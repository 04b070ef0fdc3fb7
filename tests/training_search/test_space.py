"""The space of θ: what may be drawn, changed and crossed, and what is refused beforehand."""

from __future__ import annotations

import json
import random
from dataclasses import replace

import pytest

from glyph_shared.errors import ConfigError
from glyph_shared.rendering import RenderConfig
from glyph_shared.rendering.config import PRESETS
from training.search.genome import Genome
from training.search.space import ORDERED, Space

TABLE_8 = Space.named("table8")


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_comes_back_from_its_genome_unchanged(name):
    config = RenderConfig.preset(name)
    genome = Genome.of(config)
    if name != "zh":  # its fonts need not be installed
        assert genome.config() == config
    assert Genome.of_json(json.loads(json.dumps(genome.json()))) == genome


def test_what_is_drawn_from_table_8_can_be_rendered():
    rng = random.Random(0)
    drawn = [TABLE_8.sample(rng) for _ in range(200)]
    assert len(set(drawn)) > 190
    for genome in drawn:
        config = genome.config()
        assert config.line_height >= config.font_size
        assert Genome.of(config).config() == config


def test_the_same_seed_draws_the_same_looks():
    first, second = ([TABLE_8.sample(random.Random(7)) for _ in range(3)] for _ in range(2))
    assert first == second


def test_a_search_looks_where_training_looked():
    assert {72, 96, 120, 300} <= set(TABLE_8.genes["dpi"])
    assert (595, 842) in TABLE_8.genes["page_size"]
    assert set(Space.named("code").genes["newline_markup"]) == {"<br/>"}
    with pytest.raises(ConfigError, match="one of"):
        Space.named("table9")


def test_a_mutation_changes_something_and_breaks_no_rule():
    rng = random.Random(3)
    for _ in range(100):
        genome = TABLE_8.sample(rng)
        child = TABLE_8.mutated(genome, rng, 0.1)
        assert child != genome
        assert not TABLE_8.problems(child)


def test_a_crossover_takes_a_gene_from_one_of_two_or_a_number_near_theirs():
    rng = random.Random(4)
    between = 0
    for _ in range(50):
        first, second = TABLE_8.sample(rng), TABLE_8.sample(rng)
        child = TABLE_8.crossed(first, second, rng)
        assert not TABLE_8.problems(child)
        for name, value in child.genes().items():
            inherited = value in (getattr(first, name), getattr(second, name))
            assert inherited or (name in ORDERED and value in TABLE_8.genes[name])
            between += not inherited
    assert between > 25


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"leading": -1.0}, "line_height must be at least font_size"),
        ({"dpi": 20.0}, "small shapes"),
        ({"margin_x": 250.0}, "short lines"),
        ({"font": "No Such Font"}, "No Such Font"),
        ({"palette": ("black", "white", "white")}, "#RRGGBB"),
        ({"alignment": "MIDDLE"}, "alignment"),
    ],
)
def test_what_breaks_a_rule_is_told_before_anything_is_drawn(changes, told):
    assert told in TABLE_8.problems(replace(Genome(), **changes))[0]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"size": 9}, "unknown gene 'size'"),
        ({"dpi": "high"}, "gene 'dpi' is like 72.0; got 'high'"),
        ({"auto_crop_width": 1}, "gene 'auto_crop_width'"),
        ({"indent": [1]}, "gene 'indent'"),
        ({"palette": [1, 2, 3]}, "gene 'palette'"),
    ],
)
def test_a_gene_of_another_name_or_type_is_refused(changes, told):
    with pytest.raises(ConfigError, match=told.replace("(", r"\(")):
        Genome().changed(changes)


def test_a_space_draws_the_values_it_was_given_and_no_others():
    space = TABLE_8.with_values(dpi=(96, 72), page_size=([595, 842],), margin_x=[0, 3])
    rng = random.Random(2)
    drawn = [space.sample(rng) for _ in range(30)]
    drawn += [space.mutated(genome, rng, 0.3) for genome in drawn]
    assert space.genes["dpi"] == (72, 96)
    assert {genome.dpi for genome in drawn} == {72, 96}
    assert {genome.margin_x for genome in drawn} == {0, 3}
    assert {genome.page_size for genome in drawn} == {(595, 842)}
    with pytest.raises(ConfigError, match="unknown gene 'size'"):
        TABLE_8.with_values(size=(1,))
    with pytest.raises(ConfigError, match="at least one value"):
        TABLE_8.with_values(dpi=())


def test_a_space_in_which_nothing_is_possible_says_so():
    with pytest.raises(ConfigError, match="widen the space"):
        TABLE_8.with_values(dpi=(1,)).sample(random.Random(0))
