"""What the stages share: the model, the chat template, rows of examples, records of a run."""
