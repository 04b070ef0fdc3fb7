r"""Continual pretraining: a vision-language model learns to read long text as pages.

    python -m training.pretrain --config training/configs/pretrain_debug.yaml
    accelerate launch --config_file training/configs/fsdp2.yaml -m training.pretrain \
        --config training/configs/pretrain_9b.yaml --global_batch 168

The first of the paper's three stages (arXiv 2510.17800, section 3.1): pages in many styles, read
aloud, amid text, with masked spans and missing pages to be restored. Pages are drawn as they are
needed, so a corpus in many styles takes the room of its texts. Runs go on and end as those of
``training.sft`` do.
"""

from __future__ import annotations

from training.command import told_in_a_line
from training.stages.supervised import main

if __name__ == "__main__":
    with told_in_a_line():
        main()
