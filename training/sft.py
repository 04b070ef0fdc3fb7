r"""Supervised fine-tuning: the model learns to answer questions about pages.

    python -m training.sft --config training/configs/sft_debug.yaml
    accelerate launch --config_file training/configs/fsdp2.yaml -m training.sft \
        --config training/configs/sft_9b.yaml

The second of the paper's three stages (arXiv 2510.17800, section 3.3): instructions with pages,
answers with the thought before them, reading pages aloud throughout. Examples come from
``python -m training.data``. The same command goes on where a run was interrupted; metrics are in
``metrics.jsonl``, curves in ``curves.png``, the model in ``final``, all under ``output_dir``.
"""

from __future__ import annotations

from training.command import told_in_a_line
from training.stages.supervised import main

if __name__ == "__main__":
    with told_in_a_line():
        main()
