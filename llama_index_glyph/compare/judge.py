"""An LLM as a judge of answers that no string comparison does justice to."""

from __future__ import annotations

from llama_index.core.evaluation import CorrectnessEvaluator
from llama_index.core.llms import LLM

from llama_index_glyph.compare.questions import Question

PASSES = 4.0
"""From here on, of 1 to 5, LlamaIndex's evaluator counts an answer as right by default."""


class Judge:
    """Asks an LLM, through LlamaIndex's ``CorrectnessEvaluator``, whether an answer is right.

    A judge errs too, and favours its own kind: its name belongs beside every figure.
    """

    def __init__(self, llm: LLM) -> None:
        self._evaluator = CorrectnessEvaluator(llm=llm, score_threshold=PASSES)
        model = llm.metadata.model_name
        self.name = f"{model} (LlamaIndex's CorrectnessEvaluator, {PASSES:g} of 5)"

    async def score(self, question: Question, answer: str) -> float | None:
        """Returns 1.0 if the answer passes, 0.0 if not, None if the judge gave no score."""
        told = await self._evaluator.aevaluate(
            query=question.question, response=answer, reference=" or ".join(question.answers)
        )
        return None if told.passing is None else float(told.passing)
