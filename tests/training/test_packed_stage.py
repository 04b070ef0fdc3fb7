"""The reader's stages: packed questions train it, and a run that was cut goes on exactly."""

from __future__ import annotations

import json
import random
import signal
from pathlib import Path

import numpy as np
import pytest
import yaml

torch = pytest.importorskip("torch", reason="needs .venv-train: make test-train")

from PIL import Image  # noqa: E402
from safetensors.torch import load_file  # noqa: E402
from transformers import AutoProcessor, Glm4vForConditionalGeneration  # noqa: E402

from glyph_shared import ConfigError  # noqa: E402
from glyph_shared.reader import Reader  # noqa: E402
from glyph_shared.reader.prompt import text_piece  # noqa: E402
from glyph_shared.reader.vocabulary import PROMPT_PREFIX, VOCABULARY, encode_text  # noqa: E402
from training import pretrain, sft  # noqa: E402
from training.reader import held_out  # noqa: E402
from training.reader import packed as packed_stage  # noqa: E402
from training.reader.checkpoint import write_checkpoint  # noqa: E402
from training.reader.conversion import checkpoint_tensors  # noqa: E402
from training.reader.corpus import Corpus, load_corpus  # noqa: E402
from training.reader.export import main as export_command  # noqa: E402
from training.reader.learner import Learner, packed  # noqa: E402
from training.reader.looks import OWN  # noqa: E402
from training.reader.model import ModelConfig, ReaderModel  # noqa: E402
from training.reader.optim import MuonAdamW, split  # noqa: E402
from training.reader.phases import Phase, Phases, read_phases  # noqa: E402
from training.reader.segments import Mix, make_batch  # noqa: E402
from training.stages.journal import CURVES, FINAL, METRICS, read_metrics  # noqa: E402
from training.stages.model import ModelSettings, load_model, load_processor  # noqa: E402

# The exporter warns of its own internals.
pytestmark = pytest.mark.filterwarnings("default")

SMALL = {"prompts": 1, "segments": 2, "rows": 4}
READING = [
    {"name": "vision", "vision": True, "steps": 2, "warmup": 1, "mixes": [{"prompts": 1}]},
    {"name": "copy", "steps": 2, "warmup": 1, "mixes": [{**SMALL, "copy": 1.0}]},
]
ASKING = [
    {
        "name": "ask",
        "steps": 2,
        "cooldown": 0.5,
        "mixes": [{"share": 0.7, **SMALL}, {"share": 0.3, **SMALL, "transcript": True}],
    }
]


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    """Sums of several threads differ in their last bits from run to run."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory) -> Corpus:
    return load_corpus(Path(tmp_path_factory.mktemp("corpus")), held_out=True)


@pytest.fixture(autouse=True)
def _small_corpus(corpus, monkeypatch):
    monkeypatch.setattr(packed_stage, "load_corpus", lambda folder, held_out: corpus)
    small = {"1p": (1, Mix(**SMALL, copy=1.0)), "tr": (1, Mix(**SMALL, transcript=True))}
    monkeypatch.setattr(held_out, "MEASURED", small)


@pytest.fixture(scope="module")
def learner() -> Learner:
    torch.manual_seed(0)
    made = Learner(ReaderModel(ModelConfig()), pointer_weight=1.0, reading_weight=0.5)
    # A fresh head is zero and would make any two losses equal.
    torch.nn.init.normal_(made.reader.head.weight, std=0.1)
    return made.eval()


def _config(folder: Path, start: str, phases: list, **more: object) -> tuple[str, str]:
    settings = {
        "model": start,
        "model_dtype": "float32",
        "phases": phases,
        "learning_rate": 2.5e-3,
        "bf16": True,
        "use_cpu": True,
        "gradient_checkpointing": False,
        "logging_steps": 1,
        "save_steps": 1,
        "disable_tqdm": True,
        "report_to": "none",
        "output_dir": str(folder),
        **more,
    }
    path = folder.with_suffix(".yaml")
    path.write_text(yaml.safe_dump(settings), encoding="utf-8")
    return "--config", str(path)


def _reports(folder: Path) -> list[dict]:
    return [
        {name: value for name, value in row.items() if "runtime" not in name}
        for row in read_metrics(folder / METRICS)
        if "loss" in row
    ]


# ---- stages ----


def test_a_stage_that_ctrl_c_stopped_goes_on_exactly(tmp_path, monkeypatch, capsys):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    pretrain.main(_config(whole, "reader-random", READING))
    make = packed_stage.Steps.__getitem__

    def interrupted(steps, step):
        if step == 2:
            signal.raise_signal(signal.SIGINT)
        return make(steps, step)

    command = _config(cut, "reader-random", READING)
    with monkeypatch.context() as patch:
        patch.setattr(packed_stage.Steps, "__getitem__", interrupted)
        pretrain.main(command)
    assert "the same command goes on" in capsys.readouterr().out
    assert not (cut / FINAL).exists()
    assert 0 < len(_reports(cut)) < 4
    pretrain.main(command)
    assert _reports(cut) == _reports(whole)
    ours, theirs = (load_file(run / FINAL / "model.safetensors") for run in (cut, whole))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_pretraining_and_fine_tuning_leave_a_reader_that_answers(tmp_path, capsys):
    first, second, shipped = tmp_path / "pretrain", tmp_path / "sft", tmp_path / "weights"
    pretrain.main(_config(first, "reader-random", READING))
    started = str(first / FINAL)
    sft.main(_config(second, started, ASKING, eval_strategy="steps", eval_steps=2))
    export_command(["--stage", str(second / FINAL), "--out", str(shipped)])
    reader = Reader.load(shipped)
    memory = reader._read_pages([OWN.draw(["One line."])])
    logits, _ = reader._extend(memory, text_piece(encode_text("Who?"), memory.next_position), None)
    assert np.isfinite(logits).all()
    served = ModelSettings(model=str(second / FINAL), model_dtype="float32")
    assert load_model(served, tmp_path).dtype == torch.float32
    assert load_processor(served).tokenizer.encode("?") == encode_text("?")
    told = read_metrics(second / METRICS)
    assert {"loss", "pointer", "finding", "reading", "grad_norm", "phase"} <= set(told[0])
    assert any("eval_1p_copy" in row and "eval_tr_transcript_chars" in row for row in told)
    assert (second / CURVES).read_bytes().startswith(b"\x89PNG")
    assert json.loads((second / "settings.json").read_text())["packed"]["phases"] == ASKING
    before = (second / METRICS).read_bytes()
    sft.main(_config(second, started, ASKING))
    assert "this run is done" in capsys.readouterr().out
    assert (second / METRICS).read_bytes() == before


def test_the_loss_of_a_segment_is_that_of_the_stock_class(learner, corpus, tmp_path):
    batch = make_batch(random.Random(4), corpus, Mix(prompts=1, pages=2, segments=3))
    tensors = checkpoint_tensors(learner.reader)
    write_checkpoint(tmp_path, {name: value.numpy() for name, value in tensors.items()})
    stock = Glm4vForConditionalGeneration.from_pretrained(tmp_path).eval()
    assert stock.dtype == torch.float32
    processor = AutoProcessor.from_pretrained(tmp_path)
    pages = [Image.fromarray(page.look.draw(page.lines)).convert("RGB") for page in batch.pages[0]]
    page = "<|begin_of_image|><|image|><|end_of_image|>"
    total, count = 0.0, 0
    for ids, learn in zip(batch.ids[0], batch.learn[0], strict=True):
        length = int(learn.nonzero()[0].max()) + 1
        asked = "".join(VOCABULARY[token] for token in ids[:length])
        text = "".join(PROMPT_PREFIX) + page * len(pages) + asked
        inputs = processor(
            images=pages, text=[text], return_tensors="pt", return_mm_token_type_ids=True
        )
        assert inputs["input_ids"][0, -length:].tolist() == ids[:length].tolist()
        answer = int(learn.sum())
        labels = torch.full_like(inputs["input_ids"], -100)
        labels[0, -answer:] = inputs["input_ids"][0, -answer:]
        with torch.no_grad():
            total += stock(**inputs, labels=labels).loss.item() * answer
        count += answer
    with torch.no_grad():
        told = learner(**packed(batch))
    assert told["loss_short"].item() == pytest.approx(total / count, rel=1e-4)
    expected = told["loss_short"] + told["pointer"] + 0.5 * told["reading"]
    assert told["loss"].item() == pytest.approx(expected.item(), rel=1e-6)


# ---- parts ----


def test_the_optimisers_state_survives_a_checkpoint(tmp_path):
    def made() -> tuple[ReaderModel, MuonAdamW]:
        torch.manual_seed(3)
        model = ReaderModel(ModelConfig())
        return model, MuonAdamW(*split(model), muon_lr=0.01, adam_lr=0.002)

    def step(model: ReaderModel, optimizer: MuonAdamW, seed: int) -> None:
        torch.manual_seed(seed)
        for parameter in model.parameters():
            parameter.grad = torch.randn_like(parameter)
        optimizer.step()

    model, optimizer = made()
    step(model, optimizer, 1)
    torch.save((model.state_dict(), optimizer.state_dict()), tmp_path / "state")
    step(model, optimizer, 2)
    again, restored = made()
    weights, state = torch.load(tmp_path / "state", weights_only=True)
    again.load_state_dict(weights)
    restored.load_state_dict(state)
    step(again, restored, 2)
    for (name, value), other in zip(model.named_parameters(), again.parameters(), strict=True):
        assert torch.equal(value, other), name


def test_the_learning_rate_rises_holds_and_falls_in_each_phase():
    mixes = ((1.0, Mix()),)
    first = Phase("one", 10, mixes, warmup=2, peak=0.5, cooldown=0.5)
    phases = Phases((first, Phase("two", 3, mixes, warmup=1)))
    scales = [phases.scale(step) for step in range(14)]
    expected = [0.25, 0.5, 0.5, 0.5, 0.5, 0.5, 0.4, 0.3, 0.2, 0.1, 1, 1, 1, 1]
    assert scales == pytest.approx(expected)
    assert first.scale(10) == pytest.approx(0.5 * 0.02)


@pytest.mark.parametrize(
    ("phase", "message"),
    [
        ({"mixes": [{"page": 2}]}, "unknown page; known are .*pages"),
        ({"mixes": [{"pages": "two"}]}, "pages must be int; got 'two'"),
        ({"mixes": [{"rows": 17}]}, "rows must be a multiple of 1 up to 16; got 17"),
        ({"mixes": [{"rows": 8, "varied": 0.1}]}, "varied pages have rows: 16; got 8"),
        ({"mixes": [{"prompts": 0}]}, "prompts must be positive; got 0"),
        ({"mixes": []}, "needs steps, and mixes"),
        ({"step": 3, "mixes": [{}]}, "phase 'x': unknown step"),
        ({"steps": None, "mixes": [{}]}, "steps must be int; got None"),
    ],
)
def test_an_impossible_phase_is_an_error_that_names_it(phase, message):
    with pytest.raises(ConfigError, match=message):
        read_phases([{"name": "x", "steps": 1, **phase}])


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"max_steps": 3}, "the phases have 4 steps; got max_steps 3"),
        ({"examples": ["a.jsonl"]}, "from examples or from phases; got both"),
        ({"lora_rank": 4}, "lora_rank: 0"),
        ({"model_dtype": "bfloat16"}, "model_dtype: float32"),
        ({"gradient_accumulation_steps": 2}, "a batch a step"),
        ({"gradient_checkpointing": True}, "gradient_checkpointing: false"),
        ({"model": "nowhere"}, "the folder of a reader's weights; got 'nowhere'"),
    ],
)
def test_what_does_not_go_with_phases_is_refused(tmp_path, more, message):
    with pytest.raises(ConfigError, match=message):
        pretrain.main(_config(tmp_path / "run", "reader-random", READING, **more))
