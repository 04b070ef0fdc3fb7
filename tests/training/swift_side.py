"""Encodes conversations with ms-swift's own template; run in .venv-swift by test_swift.py.

    python tests/training/swift_side.py MODEL CONVERSATIONS  # prints lists of ids, as JSON

Its ``glm4v`` is a list of prefixes in code, written without our templates.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from swift import get_processor, get_template


def main() -> None:
    """Prints the ids of each conversation up to the model's turn."""
    processor = get_processor(sys.argv[1], model_type="glm4v")
    template = get_template(processor, template_type="glm4v")
    template.set_mode("transformers")
    conversations = json.loads(Path(sys.argv[2]).read_text(encoding="utf-8"))
    ids = [template.encode(conversation)["input_ids"] for conversation in conversations]
    sys.stdout.write(f"\n{json.dumps(ids)}\n")


if __name__ == "__main__":
    main()
