"""The embedded reader's recipe: synthetic pages, three training stages, export, evaluation."""
