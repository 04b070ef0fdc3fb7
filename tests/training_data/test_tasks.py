"""Tasks: what they ask is answered by their pages, and what is right is rewarded."""

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from glyph_shared.asking.prompts import NOT_ON_PAGES
from glyph_shared.errors import ConfigError, InputError
from training import rewards
from training.data.drawing import DrawnExample, draw, theta
from training.data.invented import invented_records, words
from training.data.material import Material, plant, sentence_ends
from training.data.records import Record
from training.data.rows import trainer_row
from training.tasks import TASKS, Example, Pages, Task, Turn
from training.tasks.code_lookup import CodeLookup
from training.tasks.example import Evidence, from_row, page_mark, to_row, user
from training.tasks.given import Instructions, Summaries
from training.tasks.needles import Needles
from training.tasks.questions import KINDS, CitedAnswers, FactQuestions
from training.tasks.reading import InterleavedText, MaskedSpans, MissingPages, PageOcr, blanks
from training.tasks.task import drawn_kind, wordings

TRIPLE = Record("row:1", "The mill burned in 1901.", "prose", instruction="When?", response="1901")
SMALL: list[Task] = [
    PageOcr(chars=3000),
    InterleavedText(part_chars=600, parts=4),
    MaskedSpans(chars=900),
    MissingPages(page_chars=700),
    FactQuestions(most_chars=6000),
    CitedAnswers(most_chars=6000),
    Needles(most_chars=8000),
    CodeLookup(most_files=5, file_chars=400),
    Summaries(chars=2000),
    Instructions(),
]


@pytest.fixture(scope="module")
def material() -> Material:
    return Material([*invented_records(12, chars=2000), TRIPLE])


def made(task: Task, material: Material, seed: int) -> Example:
    example = task.example(random.Random(seed), material, f"{task.name}-{seed}")
    return example.with_pages("en", seed)


def some(task: Task, material: Material, count: int = 12) -> Iterator[Example]:
    return (made(task, material, seed) for seed in range(count))


def shown_text(example: Example) -> str:
    return "\n".join(part.text for part in example.pages)


def test_every_task_is_tried_here():
    assert [task.name for task in SMALL] == list(TASKS)


@pytest.mark.parametrize("task", SMALL, ids=lambda task: task.name)
def test_the_target_of_every_task_has_the_full_reward(task: Task, material: Material):
    for example in some(task, material, 6):
        drawn = draw(example).example
        parts = task.reward(drawn.target, drawn)
        assert set(parts.values()) == {1.0}, (drawn.target, parts)


@pytest.mark.parametrize("task", SMALL, ids=lambda task: task.name)
def test_no_answer_has_no_reward(task: Task, material: Material):
    drawn = draw(made(task, material, 1)).example
    assert set(task.reward("", drawn).values()) == {0.0}


@pytest.mark.parametrize("task", SMALL, ids=lambda task: task.name)
def test_a_wrong_answer_scores_less_than_the_right_one(task: Task, material: Material):
    drawn = draw(made(task, material, 2)).example
    assert task.score("Perhaps seventeen crooked spoons.", drawn) < 0.5


@pytest.mark.parametrize("task", SMALL, ids=lambda task: task.name)
def test_the_same_numbers_make_the_same_example(task: Task, material: Material):
    assert made(task, material, 3) == made(task, material, 3)
    assert len({made(task, material, seed).turns for seed in range(8)}) > 1 or task.name == (
        "instructions"
    )


@pytest.mark.parametrize("task", SMALL, ids=lambda task: task.name)
def test_an_example_survives_json(task: Task, material: Material):
    example = made(task, material, 4)
    assert from_row(json.loads(json.dumps(to_row(example)))) == example


@pytest.mark.parametrize("task", SMALL, ids=lambda task: task.name)
def test_drawn_examples_have_as_many_pictures_as_places_for_them(task: Task, material: Material):
    drawn = draw(made(task, material, 5))
    for form, conversation in (("sft", "messages"), ("rl", "prompt")):
        row = trainer_row(drawn, form)
        parts = [part for message in row[conversation] for part in message["content"]]
        assert sum(part["type"] == "image" for part in parts) == len(row["images"]) > 0
        sizes = [picture.size for picture in row["images"]]
        assert sizes == [page.size_px for page in drawn.all_pages]


def test_wordings_of_the_tests_are_never_those_of_training():
    kinds = ("ocr", "masked", "summary", "hop", "list", "compare", "cite", "code_value")
    for kind in kinds:
        assert not set(wordings(kind, held_out=True)) & set(wordings(kind, held_out=False))
    for kind in ("persons", "cities", "things", "sentences"):
        assert not set(words(kind, held_out=True)) & set(words(kind, held_out=False))


# ---- reading ----


def test_ocr_wants_what_the_first_page_shows_and_nothing_else(material: Material):
    drawn = draw(made(PageOcr(chars=30_000), material, 0))
    (page,) = drawn.all_pages
    start, end = page.char_span
    text = drawn.example.pages[0].text
    assert drawn.example.target == text[start:end].strip()
    assert 0 < len(drawn.example.target) < len(text)


def test_ocr_counts_every_wrong_char(material: Material):
    drawn = draw(made(PageOcr(), material, 0)).example
    assert PageOcr().score(drawn.target[:-50], drawn) == pytest.approx(1 - 50 / len(drawn.target))


def test_interleaved_parts_make_up_the_passage(material: Material):
    example = made(InterleavedText(part_chars=600, parts=6), material, 4)
    roles = [turn.role for turn in example.turns]
    assert roles == (["user", "assistant"] * 3)[: len(roles)]
    assert roles[-1] == "user"
    assert len(example.pages) == (len(roles) + 1) // 2


def test_blanks_hide_words_that_only_the_target_tells(material: Material):
    for example in some(MaskedSpans(chars=1500), material):
        hidden = blanks(example.target)
        page = shown_text(example)
        for number, text in hidden.items():
            assert page.count(f"[{number}]____") == 1
            assert text
        assert len(hidden) == page.count("____")


def test_a_blank_left_out_counts_nothing(material: Material):
    example = next(e for e in some(MaskedSpans(), material) if len(blanks(e.target)) > 1)
    lines = example.target.split("\n")
    assert MaskedSpans().score(lines[0], example) < 1
    assert MaskedSpans().score(lines[0], example) >= 1 / len(lines)


def test_the_missing_page_stands_between_the_others(material: Material):
    example = made(MissingPages(page_chars=700), material, 1)
    before, after = example.pages
    assert example.target not in before.text + after.text
    assert example.turns[0].parts[1] == "[The missing page.]\n"


def test_a_blank_in_chinese_hides_some_signs_and_no_paragraph():
    text = "小船中午离开港口。桥下的水很深，没有人过去。" * 30
    task = MaskedSpans(chars=500, longest=4)
    example = task.example(random.Random(0), Material([Record("zh", text, "cjk")]), "e")
    assert all(0 < len(hidden) <= 8 for hidden in blanks(example.target).values())


# ---- questions ----


@pytest.mark.parametrize("kind", ["lookup", "list", "compare", "hop", "absent"])
def test_evidence_is_where_the_thought_says(kind: str, material: Material):
    task = FactQuestions(most_chars=9000, kinds={kind: 1})
    for example in some(task, material, 8):
        drawn = draw(example)
        text = shown_text(example)
        for number, evidence in enumerate(example.evidence):
            statement = text[evidence.start : evidence.end]
            assert f"says: {statement}" in example.thought
            page = int(drawn.example.thought.split("Page ")[number + 1].split()[0])
            start, end = drawn.all_pages[page - 1].char_span
            assert start <= evidence.start < end
        assert bool(example.evidence) == (kind != "absent")


def test_an_unanswerable_question_is_answered_nowhere(material: Material):
    task = FactQuestions(kinds={"absent": 1}, most_chars=3000)
    for example in some(task, material):
        assert example.target == NOT_ON_PAGES
        assert task.score("not on these pages", example) == 1
        assert task.score("4711", example) == 0


def test_pages_that_lack_the_answer_speak_of_what_is_like_it(material: Material):
    kinds = {"absent": 1.0}
    task = FactQuestions(kinds=kinds, most_chars=3000)
    for seed in range(10):
        rng = random.Random(seed)
        drawn_kind(rng, kinds)
        (fact,) = KINDS["absent"](rng, material).unstated
        text = shown_text(made(task, material, seed)).lower()
        named = [name.lower() in text for name in (fact.attribute, fact.entity)]
        assert any(named)
        assert f"the {fact.attribute} of {fact.entity} is".lower() not in text


def test_refusing_an_answerable_question_scores_nothing(material: Material):
    task = FactQuestions(kinds={"lookup": 1}, most_chars=3000)
    assert task.score(NOT_ON_PAGES, made(task, material, 0)) == 0


def test_a_list_scores_its_share_and_guesses_cost(material: Material):
    task = FactQuestions(kinds={"list": 1}, most_chars=3000)
    example = next(e for e in some(task, material) if len(e.answers) == 2)
    first, second = example.answers
    assert task.score(f"{second}, {first}", example) == 1
    assert task.score(first, example) == pytest.approx(2 / 3)
    assert task.score(f"{first}, {second}, and, many, more", example) < 0.6


def test_two_hops_go_over_a_person_whom_the_question_does_not_name(material: Material):
    for example in some(FactQuestions(kinds={"hop": 1}, most_chars=3000), material):
        question = str(example.turns[0].parts[-1])
        person = next(p for p in words("persons", held_out=False) if p in example.thought)
        assert person not in question
        assert example.target not in question


def test_a_right_answer_with_the_wrong_page_has_half_of_the_score(material: Material):
    task = CitedAnswers(kinds={"lookup": 1}, most_chars=6000)
    drawn = draw(made(task, material, 0)).example
    answer = drawn.answers[0]
    assert task.score(drawn.target, drawn) == 1
    assert task.score(f"{answer} [page 99]", drawn) == 0.5
    assert task.reward(answer, drawn) == {"answer": 0.5, "format": 1, "citation": 0}


def test_several_pages_are_cited_together():
    text = "\n".join(f"Line {number} of the list." for number in range(400))
    places = (text.index("Line 399"), text.index("Line 0"), text.index("Line 1 "))
    evidence = tuple(Evidence(0, place, place + 6) for place in places)
    example = Example("e", "t", (user(Pages(text, "code")),), "x ⟦cited⟧", evidence=evidence)
    drawn = draw(example)
    assert drawn.example.target == f"x [pages 1, {len(drawn.all_pages)}]"


def test_an_example_has_one_look(material: Material):
    task = InterleavedText(part_chars=600, parts=6)
    example = max(some(task, material), key=lambda one: len(one.pages))
    configs = {theta(page.theta, page.seed) for page in example.with_pages("table8", 9).pages}
    assert len(example.pages) > 1
    assert configs == {theta("table8", 9)}


def test_pages_are_numbered_through_all_turns():
    text = "word " * 3000
    turns = (user(Pages(text, "en")), user(Pages("The answer is here.", "en")))
    example = Example("e", "t", turns, f"page {page_mark(0)}", evidence=(Evidence(1, 0, 5),))
    drawn = draw(example)
    assert drawn.example.target == f"page {len(drawn.pages[0]) + 1}"


def test_evidence_that_is_not_drawn_is_told():
    turns = (user(Pages("word " * 3000, "en", first=1)),)
    example = Example("e-7", "t", turns, "x", evidence=(Evidence(0, 14_000, 14_005),))
    with pytest.raises(InputError, match="evidence of example 'e-7' starts at char 14000"):
        draw(example)


@pytest.mark.parametrize("kind", ["single", "keys", "values", "trace"])
def test_needles_stand_in_the_text_and_their_values_answer(kind: str, material: Material):
    for example in some(Needles(most_chars=9000, kinds={kind: 1}), material, 8):
        text = shown_text(example)
        assert all(answer in text for answer in example.answers)
        needles = [text[e.start : e.end] for e in example.evidence]
        assert all(answer in " ".join(needles) for answer in example.answers)
        assert 0 <= int(example.about["depth"]) < 10


def test_a_call_across_files_has_the_value_that_python_computes():
    task = CodeLookup(file_chars=300)
    examples = some(task, Material([TRIPLE]), 30)
    for example in (e for e in examples if e.about["kind"] == "value"):
        text = shown_text(example)
        lines = [text[e.start : e.end] for e in example.evidence]
        names: dict = {}
        exec("\n".join(lines), names)
        function = lines[0].split("(")[0].removeprefix("def ")
        assert str(names[function]()) == example.target


def test_the_files_of_a_program_do_not_tell_by_their_number():
    task = CodeLookup(file_chars=200)
    examples = [e for e in some(task, Material([TRIPLE]), 40) if e.about["kind"] == "where"]
    assert len({e.target.rpartition("_")[2] for e in examples}) > 2


def test_given_summaries_go_before_invented_ones():
    told = Record("r", "A long report. " * 40, "prose", summary="It was long.")
    example = made(Summaries(), Material([told]), 0)
    assert (example.target, example.about) == ("It was long.", {"source": "given"})


def test_the_invented_report_states_its_findings():
    example = made(Summaries(chars=1500), Material([TRIPLE]), 0)
    assert all(
        sentence.strip() in shown_text(example) for sentence in example.target.split(". ")[:1]
    )
    assert "Finding 4: " in shown_text(example)


def test_an_instruction_keeps_its_thought_apart():
    record = replace(TRIPLE, response="<think>Line 1 says so.</think>1901")
    example = Instructions().of_record(record, "i")
    assert (example.thought, example.target) == ("Line 1 says so.", "1901")
    messages = trainer_row(draw(example.with_pages("en", 0)), "sft", think=True)["messages"]
    assert messages[-1]["content"][0]["text"] == record.response


def test_instructions_need_a_source_that_has_some():
    with pytest.raises(InputError, match="no record has an instruction; give a source"):
        made(Instructions(), Material(invented_records(2)), 0)


# ---- material, drawing, rewards ----


def test_statements_are_planted_whole_and_in_no_fixed_order():
    text = "One day it rained. Two days it did not. Then it snowed. All was white."
    statements = ["Alpha is 1.", "Beta is 2.", "Gamma is 3."]
    orders = set()
    for seed in range(20):
        made_text, spans = plant(random.Random(seed), text, statements)
        assert [made_text[a:b] for a, b in spans] == statements
        orders.add(tuple(sorted(range(3), key=lambda n: spans[n])))
    assert len(orders) > 2


def test_a_text_with_too_few_sentences_gets_more():
    made_text, spans = plant(random.Random(0), "no sentence", ["One is 1.", "Two is 2."])
    assert made_text.startswith("no sentence ")
    assert len(spans) == 2 <= len(sentence_ends(made_text))


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("sepia", "θ is one of document"),
        ('{"dpi": 0}', "dpi: Input should be greater than 0"),
        ("{dpi", "θ is no JSON object"),
    ],
)
def test_an_unknown_or_impossible_look_is_told(name: str, says: str):
    with pytest.raises(ConfigError, match=says):
        theta(name)


def test_a_look_is_a_space_with_a_seed_a_preset_a_file_or_json(tmp_path):
    file = tmp_path / "theta.json"
    file.write_text('{"dpi": 96}', encoding="utf-8")
    assert theta("web", 1) != theta("web", 2)
    assert theta("en").dpi == 72
    assert theta(str(file)).dpi == theta('{"dpi": 96}').dpi == 96


def test_a_drawn_example_tells_its_visual_tokens_with_their_marks():
    drawn = draw(Example("e", "t", (user(Pages("word " * 3000, "en")),), ""))
    assert isinstance(drawn, DrawnExample)
    pages = drawn.all_pages
    assert drawn.visual_tokens == sum(page.visual_tokens for page in pages) + 2 * len(pages)


def test_a_row_that_is_no_example_is_told():
    with pytest.raises(InputError, match="KeyError 'turns'; a row has id, task, turns and target"):
        from_row({"id": "x", "task": "ocr", "target": ""})
    turn = {"role": "judge", "parts": []}
    with pytest.raises(InputError, match="role is 'judge'"):
        from_row({"id": "x", "task": "ocr", "target": "", "turns": [turn]})


def test_a_system_turn_stays_the_first_message():
    example = Example("e", "t", (Turn("system", ("Be brief.",)), user(Pages("Hi.", "en"))), "x")
    assert [message["role"] for message in draw(example).prompt] == ["system", "user"]


@pytest.mark.parametrize(
    ("completion", "form"),
    [
        ("<think>so</think>Lisbon", 1),
        ("<think></think>Lisbon", 1),
        ("\n<think>so</think>\nLisbon", 1),
        ("Lisbon", 0),
        ("<think>so</think>", 0),
        ("<think>so", 0),
        ("<think>a</think><think>b</think>Lisbon", 0),
        ("<think>a<think>b</think>Lisbon", 0),
        ("<think>so</think>Lisbon<|user|>", 0),
        ("well <think>so</think>Lisbon", 0),
    ],
)
def test_the_form_of_a_thought(completion: str, form: int):
    assert rewards.think_form(completion) == form


def test_a_thought_is_no_part_of_the_answer():
    assert rewards.written("<think>Oslo?</think> Lisbon ") == ("Oslo?", "Lisbon")
    assert rewards.written("<think>Oslo, for ever") == ("Oslo, for ever", "")
    assert rewards.written("Lisbon") == ("", "Lisbon")


@pytest.mark.parametrize(
    ("answer", "pages", "score"),
    [
        ("x [page 3]", [3], 1),
        ("x [pages 3, 5]", [5, 3], 1),
        ("x [page 3]", [3, 5], 2 / 3),
        ("x [page 4]", [3], 0),
        ("x", [3], 0),
        ("x", [], 1),
        ("x [page 3]", [], 0),
    ],
)
def test_cited_pages_are_scored_as_a_set(answer: str, pages: list[int], score: float):
    assert rewards.citations(answer, pages) == pytest.approx(score)


def test_chinese_overlaps_sign_by_sign():
    assert rewards.f1("小船离开", ["小船中午离开"]) == pytest.approx(0.8)
    assert rewards.f1("港口", ["小船"]) == 0


def test_a_stage_may_insist_on_a_thought(material: Material):
    drawn = draw(made(SMALL[4], material, 0)).example
    forms = [
        SMALL[4].reward(text, drawn, think=think)["format"]
        for text in (drawn.target, f"<think>So.</think>{drawn.target}")
        for think in (False, True)
    ]
    assert forms == [1, 0, 1, 1]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (lambda: PageOcr(chars=5), "ocr: chars is at least 100; got 5"),
        (lambda: MaskedSpans(spans=0), "masked: spans is at least 1; got 0"),
        (lambda: InterleavedText(parts=1), "interleaved: parts is at least 2; got 1"),
        (lambda: CodeLookup(least_files=2), "code_lookup: least_files is at least 3; got 2"),
        (lambda: Needles(least_chars=900, most_chars=300), "least_chars 900 is more than most_ch"),
        (lambda: FactQuestions(kinds={"lokup": 1}), "a kind is one of lookup, .* got 'lokup'"),
        (lambda: Needles(kinds={"single": 0}), "kinds have weights of 0 or more, not all 0"),
    ],
)
def test_impossible_options_are_told(options: Callable[[], Task], says: str):
    with pytest.raises(ConfigError, match=says):
        options()


def test_a_question_may_stand_alone(material: Material):
    task = FactQuestions(others=0, kinds={"lookup": 1}, least_chars=300, most_chars=400)
    assert made(task, material, 0).evidence


def test_rewards_are_weighed_by_name():
    parts = {"answer": 1.0, "format": 0.0}
    assert rewards.weighted(parts, {"answer": 3, "format": 1}) == 0.75
    assert rewards.weighted(parts, {"answer": 1}) == 1
