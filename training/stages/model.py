"""The model that a stage trains, with the processor that feeds it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

import torch
from accelerate import PartialState
from peft import LoraConfig
from transformers import AutoConfig, AutoProcessor, Glm4vForConditionalGeneration, Glm4vProcessor
from transformers.models.glm4v.configuration_glm4v import Glm4vConfig

from glyph_shared import ConfigError

TEMPLATE = Path(__file__).with_name("chat_template.jinja")
STOP_TOKENS = ("<|user|>", "<|observation|>", "<|endoftext|>")
"""What ends a turn of GLM-4.1V: the marker of the role that speaks next, or the end of the text."""

LORA_TARGETS = r".*language_model.*\.(q_proj|k_proj|v_proj|o_proj|gate_up_proj|down_proj)$"
"""The matrices of the language part; the vision part stays as it is."""

_READER = Path(str(files("glyph_shared.reader") / "weights"))
_RANDOM = ("reader-random", "debug")
_DEBUG_SIZES = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
}
_DEBUG_SECTIONS = [0, 1, 7]
"""Pairs of a head's size that tell time, row and column, as many as its rotary half has."""


@dataclass
class ModelSettings:
    """Which model is trained, and how much of it."""

    model: str = field(
        default="zai-org/GLM-4.1V-9B-Base",
        metadata={
            "help": "A checkpoint's name or folder; 'reader' is the embedded reader, "
            "'reader-random' the same untrained, 'debug' a smaller one of random weights."
        },
    )
    model_dtype: str = field(
        default="bfloat16", metadata={"help": "What the weights are held in: bfloat16 or float32."}
    )
    attention: str = field(
        default="sdpa",
        metadata={"help": "sdpa, eager, or flash_attention_2 where it is installed."},
    )
    lora_rank: int = field(default=0, metadata={"help": "Rank of LoRA; 0 trains all weights."})
    lora_alpha: int = field(default=32, metadata={"help": "Scale of LoRA, over its rank."})
    train_vision: bool = field(
        default=True, metadata={"help": "Whether the vision part's weights are trained too."}
    )

    @property
    def place(self) -> str:
        """The model for a program that runs in another folder: a path in full, or a name."""
        folder = Path(self.model)
        return str(folder.resolve()) if folder.is_dir() else self.model

    @property
    def lora(self) -> LoraConfig | None:
        """What is trained beside the weights, where not they themselves are."""
        if not self.lora_rank:
            return None
        return LoraConfig(
            r=self.lora_rank,
            lora_alpha=self.lora_alpha,
            target_modules=LORA_TARGETS,
            task_type="CAUSAL_LM",
        )


def load_processor(settings: ModelSettings) -> Glm4vProcessor:
    """Returns what makes ids and pixels of messages, with the template that marks what is learned.

    Raises:
        ConfigError: There is no such model, or it is not of GLM-4.1V's kind.
    """
    place = _READER if settings.model in ("reader", *_RANDOM) else settings.model
    try:
        processor = AutoProcessor.from_pretrained(place)
    except (OSError, ValueError) as error:
        raise ConfigError(f"no processor in model {settings.model!r}: {error}") from error
    if not isinstance(processor, Glm4vProcessor):
        raise ConfigError(
            f"model {settings.model!r} has a {type(processor).__name__}; pages are for models of "
            "GLM-4.1V's kind, with a Glm4vProcessor"
        )
    processor.chat_template = TEMPLATE.read_text(encoding="utf-8")
    return processor


def load_model(settings: ModelSettings, folder: Path) -> Glm4vForConditionalGeneration:
    """Returns the model, its generation ending where a turn ends.

    Args:
        settings: Which one.
        folder: The run's; random weights are kept there, because the reference model of GRPO is
            read from a folder again.

    Raises:
        ConfigError: There is no such model, or it is not of GLM-4.1V's kind.
    """
    if settings.model in _RANDOM:
        place = str(_random_weights(settings.model, folder))
    else:
        place = str(_READER) if settings.model == "reader" else settings.model
    model = _pretrained(place, _dtype(settings.model_dtype), settings.attention)
    model.generation_config.eos_token_id = _ids(settings, STOP_TOKENS)
    model.model.visual.requires_grad_(settings.train_vision)
    return model


def _pretrained(place: str, dtype: torch.dtype, attention: str) -> Glm4vForConditionalGeneration:
    try:
        config = AutoConfig.from_pretrained(place)
    except (OSError, ValueError) as error:
        raise ConfigError(f"no model {place!r}: {error}") from error
    if not isinstance(config, Glm4vConfig):
        raise ConfigError(f"model {place!r} is a {config.model_type}, not a glm4v")
    return Glm4vForConditionalGeneration.from_pretrained(
        place, dtype=dtype, attn_implementation=attention
    )


def _random_weights(model: str, folder: Path) -> Path:
    """Writes random weights, the same in every run, unless they are there."""
    place = folder / "initial"
    with PartialState().main_process_first(), torch.random.fork_rng():
        if not place.exists():
            torch.manual_seed(0)
            fresh = folder / "initial.new"
            Glm4vForConditionalGeneration(_config(model)).save_pretrained(fresh)
            fresh.rename(place)
    return place


def _config(model: str) -> Glm4vConfig:
    described: dict[str, Any] = json.loads((_READER / "config.json").read_text(encoding="utf-8"))
    text = described["text_config"]
    # The stock 0.02 leaves models of this size at chance.
    text["initializer_range"] = described["vision_config"]["initializer_range"] = 0.1
    if model == "debug":
        text.update(_DEBUG_SIZES)
        text["rope_parameters"]["mrope_section"] = _DEBUG_SECTIONS
        described["vision_config"].update(hidden_size=32, out_hidden_size=64)
    described.pop("dtype"), text.pop("dtype")
    return Glm4vConfig.from_dict(described)


def _ids(settings: ModelSettings, tokens: tuple[str, ...]) -> list[int]:
    tokenizer = load_processor(settings).tokenizer
    return sorted(tokenizer.convert_tokens_to_ids(list(tokens)))


def _dtype(name: str) -> torch.dtype:
    known = {"bfloat16": torch.bfloat16, "float32": torch.float32}
    if name not in known:
        raise ConfigError(f"model_dtype must be one of {sorted(known)}; got {name!r}")
    return known[name]
