"""The space of θ: what may be drawn, changed and crossed, and what is refused beforehand."""

from __future__ import annotations

import json
import random
from dataclasses import replace

import pytest

from glyph_shared.errors import ConfigError
from glyph_shared.rendering import RenderConfig
from glyph_shared.rendering.config import PRESETS
from training.genome import Genome
from training.space import Gene
from training.table_8 import COMMON_DPI, TABLE_8


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


def test_classes_share_their_weight_out():
    gene = Gene.of_classes((1, (1, 2)), (3, (2, 3, 4)), ordered=True)
    assert dict(zip(gene.values, gene.weights, strict=True)) == {1: 0.5, 2: 1.5, 3: 1.0, 4: 1.0}
    assert set(COMMON_DPI) <= set(TABLE_8.genes["dpi"].values)


def test_a_mutation_changes_something_and_breaks_no_rule():
    rng = random.Random(3)
    for _ in range(100):
        genome = TABLE_8.sample(rng)
        child = TABLE_8.mutated(genome, rng, 0.1)
        assert child != genome
        assert not TABLE_8.problems(child)


def test_a_crossover_takes_each_gene_from_one_of_two():
    rng = random.Random(4)
    mixed = 0
    for _ in range(50):
        first, second = TABLE_8.sample(rng), TABLE_8.sample(rng)
        child = TABLE_8.crossed(first, second, rng)
        for name, value in child.genes().items():
            assert value in (getattr(first, name), getattr(second, name))
        mixed += child not in (first, second)
    assert mixed > 25


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"leading": -1.0}, "line_height must be at least font_size"),
        ({"dpi": 20.0}, "at least 4 px are read"),
        ({"margin_x": 250.0}, "make a page"),
        ({"font": "No Such Font"}, "No Such Font"),
        ({"palette": ("black", "white", "white")}, "#RRGGBB"),
        ({"alignment": "MIDDLE"}, "alignment"),
    ],
)
def test_what_breaks_a_rule_is_told_before_anything_is_drawn(changes, told):
    [problem] = TABLE_8.problems(replace(Genome(), **changes))
    assert told in problem


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


def test_a_narrowed_space_draws_only_what_it_was_given():
    space = TABLE_8.narrowed(dpi=(72, 96), page_size=([595, 842],), font=(None,))
    drawn = [space.sample(random.Random(seed)) for seed in range(30)]
    assert {genome.dpi for genome in drawn} == {72, 96}
    assert {genome.page_size for genome in drawn} == {(595, 842)}
    with pytest.raises(ConfigError, match="unknown gene 'size'"):
        TABLE_8.narrowed(size=(1,))
    with pytest.raises(ConfigError, match="at least one value"):
        TABLE_8.narrowed(dpi=())


def test_a_space_in_which_nothing_is_possible_says_so():
    with pytest.raises(ConfigError, match="widen the space"):
        TABLE_8.narrowed(dpi=(1,)).sample(random.Random(0))
