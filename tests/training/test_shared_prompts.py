"""A prompt that is read once gives the probabilities, gradients and answers of its copies."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs .venv-train: make test-train")

from transformers import GenerationConfig  # noqa: E402
from trl.trainer.utils import add_fused_lm_head  # noqa: E402

from glyph_shared import ConfigError  # noqa: E402
from glyph_shared.reader import Reader  # noqa: E402
from glyph_shared.reader.prompt import pages_piece, question_piece  # noqa: E402
from tests.training.small import write_examples  # noqa: E402
from training import rl  # noqa: E402
from training.data.drawing import draw, images  # noqa: E402
from training.reader.corpus import Corpus, load_corpus  # noqa: E402
from training.reader.examples import examples  # noqa: E402
from training.stages.model import ModelSettings, load_model, load_processor  # noqa: E402
from training.stages.shared_prompts import log_probabilities, share_prompts  # noqa: E402

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


def test_shared_prompts_need_what_they_were_made_for(tmp_path):
    data = write_examples(tmp_path / "examples.jsonl", 4)
    with pytest.raises(ConfigError, match="needs gradient_checkpointing: false"):
        rl.main([
            *("--model", "debug", "--model_dtype", "float32", "--use_cpu", "true"),
            *("--bf16", "false", "--gradient_checkpointing", "true", "--report_to", "none"),
            *("--examples", str(data), "--output_dir", str(tmp_path), "--max_steps", "1"),
            *("--shared_prompts", "true", "--num_generations", "4"),
            *("--per_device_train_batch_size", "4"),
        ])  # fmt: skip
