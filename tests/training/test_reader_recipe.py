"""The recipe's parts that need the training stack; `make test-train` runs them."""

import random
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs .venv-train: make test-train")

from safetensors.torch import save_file  # noqa: E402

from glyph_shared.reader import Reader  # noqa: E402
from glyph_shared.reader.card import ReaderCard  # noqa: E402
from glyph_shared.reader.engine import WEIGHTS  # noqa: E402
from glyph_shared.reader.prompt import text_piece  # noqa: E402
from training.reader.conversion import checkpoint_tensors, restore  # noqa: E402
from training.reader.corpus import Corpus, load_corpus  # noqa: E402
from training.reader.export import export  # noqa: E402
from training.reader.export import main as export_command  # noqa: E402
from training.reader.learner import frame, packed, read  # noqa: E402
from training.reader.model import ModelConfig, ReaderModel, page_positions  # noqa: E402
from training.reader.optim import MuonAdamW  # noqa: E402
from training.reader.segments import Batch, Mix, make_batch  # noqa: E402

# The exporter warns of its own internals.
pytestmark = pytest.mark.filterwarnings("default")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return load_corpus(Path(tmp_path_factory.mktemp("corpus")), held_out=True)


@pytest.fixture(scope="module")
def model() -> ReaderModel:
    torch.manual_seed(0)
    made = ReaderModel(ModelConfig())
    # A fresh head is zero and would make any two logits equal.
    torch.nn.init.normal_(made.head.weight, std=0.1)
    return made.eval()


@pytest.fixture(scope="module")
def reader(model: ReaderModel, tmp_path_factory: pytest.TempPathFactory) -> Reader:
    folder = Path(tmp_path_factory.mktemp("weights"))
    export(model, folder, ReaderCard.load(WEIGHTS))
    return Reader.load(folder)


def drawn(batch: Batch) -> list[np.ndarray]:
    return [page.look.draw(page.lines) for page in batch.pages[0]]


@pytest.mark.parametrize("pages", [1, 2])
def test_the_graphs_compute_what_was_trained(
    model: ReaderModel, reader: Reader, corpus: Corpus, pages: int
):
    batch = make_batch(random.Random(pages), corpus, Mix(prompts=1, pages=pages, segments=3))
    with torch.no_grad():
        hidden, _ = read(model, packed(batch), pointers=False)
        trained = model.logits(hidden)[0]
    memory = reader._read_pages(drawn(batch))
    for segment, ids in enumerate(batch.ids[0]):
        used = [int(token) for token in ids if token]
        logits, _ = reader._extend(memory, text_piece(used, memory.next_position), None)
        expected = trained[segment, len(used) - 1].numpy()
        # Weights are stored at half precision.
        assert np.abs(logits - expected).max() < 0.02 * np.abs(expected).max()


def test_shipped_weights_can_be_trained_further(model: ReaderModel):
    again = ReaderModel(ModelConfig())
    restore(again, checkpoint_tensors(model))
    expected = model.state_dict()
    for name, value in again.state_dict().items():
        assert torch.allclose(value, expected[name], atol=1e-6), name


def test_what_a_stage_left_is_exported_as_what_was_trained(
    model: ReaderModel, reader: Reader, tmp_path: Path
):
    stage, out = tmp_path / "final", tmp_path / "weights"
    stage.mkdir()
    save_file(checkpoint_tensors(model), stage / "model.safetensors")
    export_command(["--stage", str(stage), "--out", str(out)])
    for name in ("model.safetensors", "language.onnx", "vision.onnx", "reader.json"):
        assert (out / name).read_bytes() == (reader._directory / name).read_bytes(), name


@pytest.mark.parametrize("grid", [(32, 40), (8, 40)])
def test_places_are_coded_as_the_stock_class_codes_them(grid: tuple[int, int]):
    rows, columns = grid
    table = torch.randn(32 * 32, 6)
    y, x = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    at = torch.stack(((x + 0.5) / columns * 2 - 1, (y + 0.5) / rows * 2 - 1), -1)[None]
    picture = table.view(1, 32, 32, 6).permute(0, 3, 1, 2)
    sampled = torch.nn.functional.grid_sample(
        picture, at, mode="bicubic", padding_mode="border", align_corners=False
    )
    expected = sampled[0].permute(1, 2, 0)  # (rows, columns, 6)
    coded = page_positions(table, grid, 2).view(rows // 2, columns // 2, 2, 2, 6)
    assert torch.allclose(
        coded.permute(0, 2, 1, 3, 4).reshape(rows, columns, 6), expected, atol=1e-5
    )


def test_the_graphs_hold_no_copy_of_the_weights(reader: Reader):
    sizes = {file.name: file.stat().st_size for file in reader._directory.iterdir()}
    assert sizes["language.onnx"] + sizes["vision.onnx"] < 0.05 * sizes["model.safetensors"]


def test_segments_do_not_see_each_other(model: ReaderModel, corpus: Corpus):
    batch = make_batch(random.Random(4), corpus, Mix(prompts=1, segments=3))
    with torch.no_grad():
        together, _ = read(model, packed(batch), pointers=False)
        ids = torch.from_numpy(batch.ids[:, 1:2])
        pages = torch.from_numpy(np.stack(drawn(batch)))
        alone, _ = model(pages, frame(), ids)
    assert torch.allclose(together[0, 1], alone[0, 0], atol=1e-3)


def test_the_answer_depends_on_the_pixels(model: ReaderModel, corpus: Corpus):
    batch = make_batch(random.Random(4), corpus, Mix(prompts=1, segments=3))
    ids = torch.from_numpy(batch.ids)
    page = torch.from_numpy(np.stack(drawn(batch)))
    with torch.no_grad():
        read, _ = model(page, frame(), ids)
        blank, _ = model(torch.full_like(page, 255), frame(), ids)
    assert not torch.allclose(read, blank, atol=1e-2)


def test_muon_makes_updates_orthogonal():
    torch.manual_seed(1)
    weight, bias = torch.nn.Parameter(torch.zeros(32, 32)), torch.nn.Parameter(torch.zeros(1))
    weight.grad = torch.randn(32, 32)
    MuonAdamW([weight], [bias], muon_lr=1.0, adam_lr=1.0).step()
    singular = torch.linalg.svdvals(weight.detach())
    assert singular.max() < 1.6
    assert singular.median() > 0.5
