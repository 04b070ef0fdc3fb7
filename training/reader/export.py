"""Writes a trained reader as one folder: `python -m training.reader.export`.

The folder is a GLM-4.1V checkpoint that transformers and vLLM load, two ONNX graphs whose weights
are not copies but references into its `model.safetensors`, and a card of its limits, `reader.json`.
"""

from __future__ import annotations

import argparse
import itertools
import json
import struct
from pathlib import Path
from typing import Any

import onnx
import torch
from onnx import TensorProto, helper
from safetensors.torch import load_file
from torch import Tensor

from glyph_shared.reader.card import ReaderCard
from glyph_shared.reader.engine import WEIGHTS
from training.command import told_in_a_line
from training.reader.checkpoint import write_checkpoint
from training.reader.conversion import checkpoint_tensors, restore
from training.reader.graphs import LanguageGraph, VisionGraph, parameter_name
from training.reader.model import ModelConfig, ReaderModel


def main(arguments: list[str] | None = None) -> None:
    """Exports what a stage left."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--stage",
        type=Path,
        default=Path("runs/sft_reader/final"),
        help="what a stage of training left",
    )
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    parser.add_argument(
        "--card",
        type=Path,
        default=WEIGHTS,
        help="a folder whose reader.json tells the limits of these weights too",
    )
    options = parser.parse_args(arguments)
    model = ReaderModel(ModelConfig())
    restore(model, load_file(options.stage / "model.safetensors"))
    export(model, options.out, ReaderCard.load(options.card))
    size = sum(file.stat().st_size for file in options.out.iterdir())
    print(f"wrote {options.out}, {size / 1e6:.1f} MB, of {options.stage}")


def export(model: ReaderModel, folder: Path, card: ReaderCard) -> None:
    """Writes checkpoint, graphs and card of `model` into `folder`."""
    tensors = {name: value.half() for name, value in checkpoint_tensors(model).items()}
    write_checkpoint(folder, {name: value.numpy() for name, value in tensors.items()})
    single = {name: value.float() for name, value in tensors.items()}
    vision = VisionGraph(model.c, single)
    language = LanguageGraph(model.c, single)
    _write_graph(vision, _vision_example(), folder / "vision.onnx")
    _write_graph(language, _language_example(model.c), folder / "language.onnx")
    card.save(folder)


def _vision_example() -> tuple[tuple[Tensor, ...], dict[str, object]]:
    count = torch.export.Dim("count", min=1, max=64)
    return (torch.full((2, 448, 560), 255, dtype=torch.uint8),), {"pages": {0: count}}


def _language_example(c: ModelConfig) -> tuple[tuple[Tensor, ...], dict[str, object]]:
    steps, images, past = (
        torch.export.Dim(n, min=1, max=1 << 20) for n in ("steps", "images", "past")
    )
    # Two tensors, not one twice: the exporter would take the arguments for one and the same.
    past_keys, past_values = torch.zeros(2, c.layers, c.heads, 7, c.head_size)
    inputs = (
        torch.zeros(5, dtype=torch.int64),
        torch.zeros(3, c.hidden),
        torch.zeros(3, 5, dtype=torch.int64),
        past_keys,
        past_values,
    )
    shapes: dict[str, object] = {
        "ids": {0: steps},
        "visual": {0: images},
        "positions": {1: steps},
        "past_keys": {2: past},
        "past_values": {2: past},
    }
    return inputs, shapes


def _write_graph(
    module: torch.nn.Module, example: tuple[tuple[Tensor, ...], dict[str, object]], path: Path
) -> None:
    inputs, shapes = example
    names = list(shapes)
    outputs = ["visual"] if names == ["pages"] else ["logits", "keys", "values"]
    program: Any = torch.onnx.export(
        module.eval(),
        inputs,
        dynamo=True,
        dynamic_shapes=shapes,
        input_names=names,
        output_names=outputs,
        optimize=False,
    )
    model = program.model_proto
    _strip_notes(model)
    _refer_to_checkpoint(model, path.parent / "model.safetensors")
    onnx.save(model, path)


def _strip_notes(model: onnx.ModelProto) -> None:
    """Drops the exporter's stack traces, which hold paths and are most of the file."""
    del model.metadata_props[:]
    graph = model.graph
    described = (graph.node, graph.input, graph.output, graph.value_info, graph.initializer)
    for item in itertools.chain(*described):
        del item.metadata_props[:]
        item.doc_string = ""
    for function in model.functions:
        for node in function.node:
            del node.metadata_props[:]


def _refer_to_checkpoint(model: onnx.ModelProto, checkpoint: Path) -> None:
    """Replaces each weight in the graph by a half-precision reference into the checkpoint."""
    places = {parameter_name(name): place for name, place in _tensor_places(checkpoint).items()}
    casts = []
    for initializer in list(model.graph.initializer):
        name = initializer.name.removeprefix("tensors.")
        place = places.get("lm_head_weight" if name == "lm_head" else name)
        if place is None:
            continue
        offset, length, shape = place
        if list(initializer.dims) != shape:
            raise ValueError(
                f"{name} has shape {list(initializer.dims)}; the checkpoint has {shape}"
            )
        half = TensorProto(
            name=f"{initializer.name}.half", data_type=TensorProto.FLOAT16, dims=shape
        )
        half.data_location = TensorProto.EXTERNAL
        for key, value in (("location", checkpoint.name), ("offset", offset), ("length", length)):
            half.external_data.add(key=key, value=str(value))
        casts.append(
            helper.make_node("Cast", [half.name], [initializer.name], to=TensorProto.FLOAT)
        )
        model.graph.initializer.remove(initializer)
        model.graph.initializer.append(half)
    for cast in reversed(casts):
        model.graph.node.insert(0, cast)


def _tensor_places(checkpoint: Path) -> dict[str, tuple[int, int, list[int]]]:
    """Returns (offset, length, shape) of each tensor in a safetensors file."""
    with checkpoint.open("rb") as file:
        (size,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(size))
    places = {}
    for name, entry in header.items():
        if name != "__metadata__":
            start, end = entry["data_offsets"]
            places[name] = (8 + size + start, end - start, entry["shape"])
    return places


if __name__ == "__main__":
    with told_in_a_line():
        main()
