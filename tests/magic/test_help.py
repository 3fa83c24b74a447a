"""The help texts say all that the parser knows, and nothing it does not."""

from __future__ import annotations

import re

import pytest

from jupyter_remote_gpu.machines import flags
from jupyter_remote_gpu.machines.gpus import FLAGS as GPU_FLAGS
from jupyter_remote_gpu.magic import verbs
from jupyter_remote_gpu.magic.arguments import parse_cell, parse_line
from jupyter_remote_gpu.magic.help import cell_help, line_help
from jupyter_remote_gpu.magic.verb_table import VERBS, Verb


def test_cell_help_lists_every_flag_and_marks_what_is_to_come() -> None:
    lines = cell_help().splitlines()
    for flag in flags.FLAGS:
        if flag.group not in flags.GROUPS:
            continue
        row = next(line for line in lines if line.startswith(f"  {flag.usage} "))
        assert flag.summary in row
        assert row.endswith(" *") is not flag.available


def test_cell_help_lists_every_gpu() -> None:
    assert set(GPU_FLAGS) <= set(cell_help().split())


def test_the_flags_that_the_help_names_exist() -> None:
    named = set(re.findall(r"(?<!\S)--([a-z][a-z0-9-]*)", cell_help()))
    assert named <= {flag.name for flag in flags.FLAGS} | set(GPU_FLAGS)


def test_examples_of_the_cell_help_are_understood() -> None:
    examples = re.findall(r"^  %%remote_gpu(.*?)  ", cell_help(), re.MULTILINE)
    assert len(examples) > 2
    for example in examples:
        parse_cell(example)


def test_line_help_lists_every_verb() -> None:
    lines = line_help().splitlines()
    for verb in VERBS:
        assert any(line.split("  ")[1:2] == [verb.usage] for line in lines), verb.name
        assert any(verb.summary in line for line in lines)


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_the_help_on_a_verb_has_its_flags_and_examples_that_parse(verb: Verb) -> None:
    text = line_help(verb.name)
    assert verb.explanation in text
    assert set(re.findall(r"^  --([a-z-]+)", text, re.MULTILINE)) == verb.flags
    for example in verb.examples:
        assert f"  {example}" in text
        line = example.partition("%remote_gpu")[2]
        assert parse_line(line).verb == verb.name


def test_help_fits_a_notebook() -> None:
    for text in (cell_help(), line_help(), *(line_help(verb.name) for verb in VERBS)):
        assert max(map(len, text.splitlines())) <= 100


def test_every_verb_of_the_table_is_carried_out() -> None:
    assert {verb.name for verb in VERBS} == set(verbs._VERBS)
