"""The stages' parts: settings, rewards, dropped groups, journals, rankings."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs .venv-train: make test-train")

from trl import DPOConfig, GRPOConfig, SFTConfig  # noqa: E402

from glyph_shared import ConfigError, InputError  # noqa: E402
from tests.scripted_server import ScriptedServer, answer  # noqa: E402
from tests.training.small import examples, write_examples  # noqa: E402
from training.data.drawing import draw, rl_row  # noqa: E402
from training.data.settings import read_settings  # noqa: E402
from training.judge import Judge  # noqa: E402
from training.preferences import read_preferences  # noqa: E402
from training.reader.phases import PackedSettings, read_phases  # noqa: E402
from training.rl import RewardSettings, RolloutSettings  # noqa: E402
from training.stages.grpo import living  # noqa: E402
from training.stages.journal import Journal, draw_curves, read_metrics  # noqa: E402
from training.stages.model import ModelSettings, load_model, load_processor  # noqa: E402
from training.stages.reward_functions import AnswerReward, FormatReward, JudgeReward  # noqa: E402
from training.stages.rows import read_examples, read_rows  # noqa: E402
from training.stages.settings import DataSettings, accumulation, parse  # noqa: E402
from training.tasks.example import Example, Pages, to_row, user  # noqa: E402

pytestmark = pytest.mark.filterwarnings("default")

CONFIGS = Path(__file__).parents[2] / "training" / "configs"
STAGES = {"pretrain": SFTConfig, "sft": SFTConfig, "rl": GRPOConfig, "dpo": DPOConfig}


# ---- settings ----


@pytest.mark.parametrize(
    "config",
    [path for kind in ("debug", "9b", "reader") for path in sorted(CONFIGS.glob(f"*_{kind}.yaml"))],
)
def test_each_configuration_can_be_read(config):
    if config.name.partition("_")[0] not in STAGES:
        pytest.skip("no stage's")
    *_, last = _parsed(config.stem)
    if isinstance(last, PackedSettings):
        read_phases(last.phases)


def _parsed(name):
    stage = name.partition("_")[0]
    others = (RewardSettings, RolloutSettings) if stage == "rl" else (PackedSettings,)
    # This machine may have no GPU to use vLLM and bfloat16 on.
    without_gpu = ("--bf16", "false", "--use_cpu", "true")
    config = CONFIGS / f"{name}.yaml"
    return parse(STAGES[stage], ["--config", str(config), *without_gpu], *others)


def test_pretraining_of_the_9b_has_the_papers_numbers():
    model, data, trainer, _ = _parsed("pretrain_9b")
    assert (model.model, model.lora_rank) == ("zai-org/GLM-4.1V-9B-Base", 0)
    assert (data.global_batch, trainer.learning_rate, trainer.max_steps) == (170, 2e-6, 4000)


def test_fine_tuning_of_the_9b_has_the_papers_numbers():
    _, data, trainer, _ = _parsed("sft_9b")
    assert (data.global_batch, trainer.max_steps, trainer.warmup_steps) == (32, 1500, 160)
    assert (trainer.learning_rate, trainer.lr_scheduler_kwargs) == (5e-6, {"min_lr": 2e-6})
    assert data.think


def test_reinforcement_learning_of_the_9b_has_the_papers_numbers():
    model, _, trainer, _, _ = _parsed("rl_9b")
    answers = 8 * trainer.per_device_train_batch_size * trainer.gradient_accumulation_steps
    assert (trainer.num_generations, answers) == (16, 32 * 16)
    assert (trainer.epsilon, trainer.epsilon_high) == (0.2, 0.28)
    assert (trainer.learning_rate, trainer.max_steps) == (1e-6, 500)
    # The reference model of the KL term is the one that the stage starts from.
    assert (model.model, trainer.beta > 0) == ("runs/sft_9b/final", True)
    assert trainer.mask_truncated_completions


@pytest.mark.parametrize(
    ("stage", "most"), [("pretrain", 131_072), ("sft", 32_768), ("rl", 32_768)]
)
def test_pages_are_read_aloud_in_every_stage_and_fit_its_window(stage, most):
    settings = read_settings(CONFIGS / f"data_{stage}.yaml")
    weights = {task.name: weight for task, weight in settings.weighted_tasks()}
    assert weights["ocr"] > 0
    assert settings.most_visual_tokens <= most


def test_the_command_line_goes_before_the_file(tmp_path):
    config = tmp_path / "sft.yaml"
    config.write_text("examples: [a.jsonl]\nmax_steps: 5\noutput_dir: x\nbf16: false\n", "utf-8")
    _, data, trainer = parse(SFTConfig, ["--config", str(config), "--max_steps", "7"])
    assert (data.examples, trainer.max_steps) == (["a.jsonl"], 7)


def test_an_unknown_setting_is_an_error(tmp_path):
    config = tmp_path / "sft.yaml"
    config.write_text("examples: [a.jsonl]\nlearning_rat: 5\nbf16: false\n", "utf-8")
    with pytest.raises(ConfigError, match="learning_rat"):
        parse(SFTConfig, ["--config", str(config)])


def test_a_batch_is_dealt_out_evenly_or_not_at_all():
    assert accumulation(170, 1, 10) == 17
    with pytest.raises(ConfigError, match="or global_batch 168"):
        accumulation(170, 1, 8)


def test_a_model_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigError, match="nowhere"):
        load_model(ModelSettings(model=str(tmp_path / "nowhere")), tmp_path)
    with pytest.raises(ConfigError, match="nowhere"):
        load_processor(ModelSettings(model=str(tmp_path / "nowhere")))


# ---- rows ----


def test_an_example_beyond_the_budget_is_left_out_and_counted(tmp_path, caplog):
    path = write_examples(tmp_path / "some.jsonl", 4)
    long = Example("long", "ocr", (user(Pages("All of it. " * 2000, "en")),), "no matter")
    with path.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(to_row(long)) + "\n")
    rows = read_rows(DataSettings(most_visual_tokens=50), [str(path)], "sft")
    assert len(rows) == 4
    assert "1 of 5 examples" in caplog.text
    with pytest.raises(InputError, match="none within 2 visual tokens"):
        read_rows(DataSettings(most_visual_tokens=2), [str(path)], "sft")


def test_a_row_has_the_drawn_pages_and_the_target_last(tmp_path):
    row = read_rows(DataSettings(), [str(write_examples(tmp_path / "some.jsonl", 1))], "sft")[0]
    assert row["messages"][-1]["content"][0]["text"] == "alpha"
    assert [image.size for image in row["images"]] == [(56, 28)]


def test_a_bad_line_is_named(tmp_path):
    path = tmp_path / "some.jsonl"
    path.write_text(json.dumps(to_row(examples(1)[0])) + '\n{"id": 1}\n', encoding="utf-8")
    with pytest.raises(InputError, match="line 2 of"):
        list(read_examples([str(path)]))


# ---- rewards ----


def _completed(text):
    return [{"role": "assistant", "content": text}]


def _batch(*texts):
    row = rl_row(draw(examples(1)[0]))
    count = len(texts)
    return {
        "prompts": [row["prompt"]] * count,
        "completions": [_completed(text) for text in texts],
        "example": [row["example"]] * count,
    }


def test_a_page_read_aloud_is_rewarded_by_its_similarity():
    assert AnswerReward()(**_batch("alpha", "alpho", "")) == pytest.approx([1.0, 0.8, 0.0])


def test_a_thought_that_never_ends_has_no_form():
    assert FormatReward()(**_batch("<think>Hm.</think>alpha", "<think>alpha")) == [1.0, 0.0]


def test_a_stage_that_thinks_rewards_no_answer_without_a_thought():
    completions = _batch("<think>Hm.</think>alpha", "alpha")
    assert FormatReward(think=True)(**completions) == [1.0, 0.0]


def test_a_judged_task_gets_the_judges_grade_and_none_of_its_own():
    judged = frozenset({"ocr"})
    assert AnswerReward(judged)(**_batch("alpha")) == [None]
    with ScriptedServer(answer("7"), answer("no idea")) as server:
        reward = JudgeReward(Judge(server.base_url, "judge", at_once=1), judged)
        assert asyncio.run(reward(**_batch("alpha", "alpha"))) == [0.7, None]
    assert "Read." in server.requests[0]["messages"][0]["content"]


def test_without_a_judge_every_task_rewards_by_itself():
    functions, weights = RewardSettings(format_weight=0.2).functions(think=True)
    assert functions == [AnswerReward(), FormatReward(think=True)]
    assert weights == [1.0, 0.2]


def test_a_group_of_equal_rewards_is_dead_though_its_mean_was_rounded():
    advantages = torch.tensor([0.7, -0.7, 7e-5, 7e-5, 0.0, 0.0])
    assert living(advantages, 2).tolist() == [True, True, False, False, False, False]


# ---- journals and rankings ----


def test_lines_of_a_run_that_was_cut_are_dropped_where_it_goes_on(tmp_path):
    journal, state = Journal(tmp_path), _State()
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 1, "loss": 2}\n{"step": 2, "loss": 1}\n{"step": 3, "lo', "utf-8")
    state.global_step = 1
    journal.on_train_begin(None, state, None)
    state.global_step = 2
    journal.on_log(None, state, None, {"loss": 0.5})
    assert [row["loss"] for row in read_metrics(path)] == [2, 0.5]


def test_curves_of_one_point_are_no_picture(tmp_path):
    draw_curves([{"step": 1, "loss": 2.0}], tmp_path / "curves.png")
    assert not (tmp_path / "curves.png").exists()


class _State:
    is_world_process_zero = True
    global_step = 0


def _ranked(tmp_path, ranking, answers=("a", "b", "c")):
    path = tmp_path / "rankings.jsonl"
    row = {"example": to_row(examples(1)[0]), "answers": answers, "ranking": ranking}
    path.write_text(json.dumps(row) + "\n", encoding="utf-8")
    return [(pair.chosen, pair.rejected) for pair in read_preferences(path)]


def test_a_ranking_is_all_the_pairs_that_it_tells_apart(tmp_path):
    assert _ranked(tmp_path, [2, 0, 1]) == [("c", "a"), ("c", "b"), ("a", "b")]
    assert _ranked(tmp_path, [2, [0, 1]]) == [("c", "a"), ("c", "b")]


@pytest.mark.parametrize("ranking", [[0, 1], [0, 1, 1], [0, 1, 3], "best first"])
def test_a_ranking_that_misses_an_answer_is_named(tmp_path, ranking):
    with pytest.raises(InputError, match=r"rankings\.jsonl:1"):
        _ranked(tmp_path, ranking)
