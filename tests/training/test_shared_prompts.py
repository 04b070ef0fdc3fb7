"""A prompt that is read once gives the probabilities, gradients and answers of its copies."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs .venv-train: make test-train")

from transformers import GenerationConfig  # noqa: E402
from trl.trainer.utils import add_fused_lm_head  # noqa: E402

from glyph_shared import ConfigError  # noqa: E402
from glyph_shared.asking.prompts import NOT_ON_PAGES  # noqa: E402
from glyph_shared.reader import Reader  # noqa: E402
from glyph_shared.reader.prompt import pages_piece, question_piece  # noqa: E402
from tests.training.small import write_examples  # noqa: E402
from training import rl  # noqa: E402
from training.data.drawing import draw, images  # noqa: E402
from training.data.example_file import ExampleFile  # noqa: E402
from training.reader.corpus import Corpus, load_corpus  # noqa: E402
from training.reader.examples import examples, sureness  # noqa: E402
from training.reader.examples import main as examples_command  # noqa: E402
from training.stages.journal import METRICS, read_metrics  # noqa: E402
from training.stages.model import ModelSettings, load_model, load_processor  # noqa: E402
from training.stages.shared_prompts import log_probabilities, share_prompts  # noqa: E402
from training.tasks import TASKS  # noqa: E402

pytestmark = pytest.mark.filterwarnings("default")

READER = ModelSettings(model="reader", model_dtype="float32")
COPIES = 3


@pytest.fixture(scope="module")
def corpus(tmp_path_factory) -> Corpus:
    return load_corpus(Path(tmp_path_factory.mktemp("corpus")), held_out=False)


@pytest.fixture(scope="module")
def drawn(corpus):
    return [draw(example) for example in examples(corpus, 5, seed=3)]


@pytest.fixture(scope="module")
def processor():
    made = load_processor(READER)
    made.tokenizer.padding_side = "left"
    return made


def _model(tmp_path):
    return load_model(READER, tmp_path).eval()


def _inputs(processor, drawn):
    return processor.apply_chat_template(
        [_chat(one) for one in drawn],
        add_generation_prompt=True,
        tokenize=True,
        return_dict=True,
        return_tensors="pt",
        processor_kwargs={"padding": True},
    )


def _chat(drawn):
    pictures = iter(images(drawn))
    return [
        {**turn, "content": [_filled(part, pictures) for part in turn["content"]]}
        for turn in drawn.prompt
    ]


def _filled(part, pictures):
    return {"type": "image", "image": next(pictures)} if part["type"] == "image" else part


def test_the_stage_reads_and_answers_as_the_shipped_reader(processor, drawn, tmp_path):
    model, reader = _model(tmp_path), Reader.load()
    for one in drawn:
        inputs = _inputs(processor, [one])
        ids = inputs["input_ids"][0]
        pages, question = [page.pixels for page in one.all_pages], one.example.turns[0].parts[-1]
        piece = pages_piece([(560, 448)] * len(pages))
        served = [*piece.ids, *question_piece(question, piece.next_position).ids]
        assert ids.tolist() == served
        wrote = model.generate(**inputs, max_new_tokens=60, do_sample=False)[0, len(ids) :]
        answer = processor.tokenizer.decode(wrote, skip_special_tokens=True)
        told = (token.text for token in reader.generate(pages, question, max_tokens=60))
        assert answer == "".join(told)


def test_a_prompt_read_once_gives_the_answers_of_its_copies(processor, drawn, tmp_path):
    model = _model(tmp_path)
    inputs = _inputs(processor, [one for one in drawn for _ in range(COPIES)])
    settings = GenerationConfig(max_new_tokens=12, do_sample=False)
    alone = model.generate(**inputs, generation_config=settings)
    share_prompts(model)
    assert torch.equal(model.generate(**inputs, generation_config=settings), alone)


def test_a_prompt_read_once_gives_the_probabilities_and_gradients_of_its_copies(
    processor, drawn, tmp_path
):
    model = _model(tmp_path)
    add_fused_lm_head(model, outputs=("log_probs", "entropy"))
    shuffled = random.Random(1).sample([one for one in drawn for _ in range(COPIES)], 15)
    inputs = _inputs(processor, shuffled)
    torch.manual_seed(0)
    answers = torch.randint(20, 150, (len(shuffled), 7))
    there = torch.arange(7) < torch.randint(1, 8, (len(shuffled), 1))
    ids = torch.cat((inputs["input_ids"], answers), 1)
    mask = torch.cat((inputs["attention_mask"], there.long()), 1)
    kinds = torch.cat((inputs["mm_token_type_ids"], torch.zeros_like(answers)), 1)
    fields = {**inputs, "mm_token_type_ids": kinds}
    fields.pop("input_ids"), fields.pop("attention_mask")
    labels = ids.masked_fill(mask == 0, -100)
    labels[:, :-7] = -100

    def learned(told):
        model.zero_grad()
        (told.log_probs[:, -7:] * there).sum().backward()
        return told, [p.grad.clone() for p in model.parameters() if p.grad is not None]

    apart, wanted = learned(
        model(input_ids=ids, attention_mask=mask, labels=labels, fused_lm_head=True, **fields)
    )
    once, gradients = learned(log_probabilities(model, ids, mask, 7, fields))
    assert torch.allclose(once.log_probs * there, apart.log_probs[:, -7:] * there, atol=2e-3)
    assert len(gradients) == len(wanted) > 20
    for ours, theirs in zip(gradients, wanted, strict=True):
        assert (ours - theirs).norm() <= 1e-3 * theirs.norm() + 1e-6


@pytest.mark.parametrize(
    ("setting", "value"), [("gradient_checkpointing", "true"), ("lora_rank", "4")]
)
def test_shared_prompts_need_what_they_were_made_for(setting, value, tmp_path):
    data = write_examples(tmp_path / "examples.jsonl", 4)
    told = {"gradient_checkpointing": "false", setting: value}
    with pytest.raises(ConfigError, match="shared_prompts"):
        rl.main([
            *("--model", "debug", "--model_dtype", "float32", "--use_cpu", "true"),
            *("--bf16", "false", "--report_to", "none", "--shared_prompts", "true"),
            *("--examples", str(data), "--output_dir", str(tmp_path), "--max_steps", "1"),
            *("--num_generations", "4", "--per_device_train_batch_size", "4"),
            *(word for name, given in told.items() for word in (f"--{name}", given)),
        ])  # fmt: skip


def test_a_step_with_prompts_read_once_is_the_step_of_their_copies(tmp_path):
    data = write_examples(tmp_path / "examples.jsonl")

    def metrics(shared):
        out = tmp_path / shared
        rl.main([
            *("--model", "debug", "--model_dtype", "float32", "--use_cpu", "true"),
            *("--bf16", "false", "--gradient_checkpointing", "false", "--report_to", "none"),
            *("--examples", str(data), "--output_dir", str(out), "--max_steps", "2"),
            *("--num_generations", "4", "--per_device_train_batch_size", "8", "--seed", "1"),
            *("--max_completion_length", "8", "--beta", "0.1", "--learning_rate", "1e-3"),
            *("--logging_steps", "1", "--disable_tqdm", "true", "--shared_prompts", shared),
        ])  # fmt: skip
        return [row for row in read_metrics(out / METRICS) if "reward" in row]

    for ours, theirs in zip(metrics("true"), metrics("false"), strict=True):
        for name in ("loss", "reward", "grad_norm", "kl", "entropy"):
            assert ours[name] == pytest.approx(theirs[name], rel=1e-3, abs=1e-5), name


def test_examples_are_those_of_training_and_as_often_absent_as_in_life(corpus):
    made = list(examples(corpus, 300, seed=0))
    assert made[7] == list(examples(corpus, 8, seed=0))[7]
    kinds = Counter(example.about["kind"] for example in made)
    assert 0.2 < kinds["absent"] / (kinds["absent"] + kinds["lookup"]) < 0.3
    assert kinds["copy"] > 0
    for example in made:
        assert TASKS[example.task]().score(example.target, example) == 1
        if example.about["kind"] == "lookup":
            shown = " ".join(page.text for page in example.pages)
            assert "".join(example.target.split()) in "".join(shown.split())


def test_examples_that_the_reader_is_sure_of_can_be_left_out(corpus, tmp_path):
    reader, out = Reader.load(), tmp_path / "examples.jsonl"
    cache = tmp_path / "cache"
    load_corpus(cache, held_out=False)
    examples_command(["--out", str(out), "--cache", str(cache), "--count", "18", "--unsure", "0.9"])
    kept = [example.id for example in ExampleFile(out)]
    made = examples(load_corpus(cache, held_out=False), 18, seed=6)
    assert kept == [one.id for one in made if sureness(reader, one) < 0.9]
    assert 0 < len(kept) < 18


def test_a_right_answer_is_rewarded_and_a_refusal_of_what_is_there_is_not(corpus):
    made = list(examples(corpus, 60, seed=1))
    present = next(one for one in made if one.about["kind"] == "lookup")
    absent = next(one for one in made if one.about["kind"] == "absent")
    questions = TASKS["questions"]()
    assert questions.score(NOT_ON_PAGES, present) == 0
    assert questions.score(NOT_ON_PAGES, absent) == 1
    assert questions.score(present.target, absent) == 0
