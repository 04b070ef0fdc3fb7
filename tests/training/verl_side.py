"""Reads, with verl's own classes, what was written for it; run in .venv-verl by test_verl.py.

python tests/training/verl_side.py FOLDER MODEL  # prints what verl makes of it, as JSON
"""

from __future__ import annotations

import asyncio
import json
import shlex
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from verl.trainer.ppo.reward import get_custom_reward_fn
from verl.trainer.ppo.utils import need_critic, need_reference_policy
from verl.utils.config import omega_conf_to_dataclass, validate_config
from verl.utils.dataset.rl_dataset import RLHFDataset
from verl.utils.tokenizer import build_multimodal_processor_inputs, hf_processor


def main() -> None:
    """Prints settings, rows and a reward."""
    folder, model = Path(sys.argv[1]), sys.argv[2]
    config = _config(folder)
    validate_config(config, need_reference_policy(config), need_critic(config))
    actor = omega_conf_to_dataclass(config.actor_rollout_ref.actor)
    rollout = omega_conf_to_dataclass(config.actor_rollout_ref.rollout)
    processor = hf_processor(model)
    rows = RLHFDataset(
        str(folder / "examples.parquet"), processor.tokenizer, config.data, processor
    )
    told = {
        "clip": [actor.clip_ratio_low, actor.clip_ratio_high],
        "kl": [need_reference_policy(config), actor.kl_loss_coef, actor.kl_loss_type],
        "lr": actor.optim.lr,
        "betas": list(actor.optim.betas),
        "loss": actor.loss_agg_mode,
        "prompts": [config.data.train_batch_size, actor.ppo_mini_batch_size],
        "answers": rollout.n,
        "window": rollout.max_model_len,
        "filter": config.algorithm.filter_groups.enable,
        "steps": config.trainer.total_training_steps,
        "rows": [_row(rows[place], processor, config) for place in range(len(rows))],
    }
    sys.stdout.write(f"\n{json.dumps(told)}\n")


def _config(folder: Path) -> Any:
    """Returns the settings that the launch script gives verl."""
    command = (folder / "train.sh").read_text(encoding="utf-8").partition("main_ppo")[2]
    words = [word for word in shlex.split(command) if word not in ("\n", "$@")]
    place = str(files("verl.trainer") / "config")
    with initialize_config_dir(config_dir=place, version_base=None):
        return compose(config_name="ppo_trainer", overrides=words)


def _row(row: dict[str, Any], processor: Any, config: Any) -> dict[str, Any]:
    """Returns what the model would see of a row, and what a right answer to it would earn."""
    messages, truth = row["raw_prompt"], row["reward_model"]["ground_truth"]
    text = processor.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
    images, _, _ = RLHFDataset._process_multi_modal_info(messages, 14, config.data)
    made = build_multimodal_processor_inputs(processor, text=[text], images=images)
    ids = made["input_ids"][0].tolist()
    score = get_custom_reward_fn(config)
    rewards = [
        asyncio.run(score(row["data_source"], said, truth, row["extra_info"]))
        for said in (json.loads(truth)["target"], "")
    ]
    return {
        "text": text,
        "sizes": [image.size for image in images],
        "page_tokens": ids.count(processor.image_token_id),
        "rewards": rewards,
        "extra": row["extra_info"]["id"],
    }


if __name__ == "__main__":
    main()
