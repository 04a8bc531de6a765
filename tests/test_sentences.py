"""Figure 4's small model learns all three operations, on sentences that it never saw."""

from dataclasses import replace

import pytest

from aalprivacy import InputError, Pair
from aalprivacy.homes import DISEASE_GROUP_OF
from aalprivacy.sentences import (
    POLICY,
    READER,
    RECIPE,
    SCHEMA,
    learn,
    simulate_sentences,
    view_of_sentence,
    words,
)
from aalprivacy.views import apply_policy


def test_sentences_say_what_becomes_of_them():
    sentences = simulate_sentences(300, seed=1)
    assert sentences.equals(simulate_sentences(300, seed=1))
    assert not sentences.equals(simulate_sentences(300, seed=2))
    views = apply_policy(sentences, POLICY, READER)
    for sentence, view in zip(sentences["sentence"], views["sentence"], strict=True):
        _, verb, disease = sentence.split(" ", 2)
        assert view == f"* {verb} {DISEASE_GROUP_OF[disease]}"


@pytest.mark.parametrize("sentence", ["john", "john has", "john has none", "john likes asthma"])
def test_other_sentences_are_refused(sentence):
    sentences = simulate_sentences(3, seed=1)
    sentences.loc[1, "sentence"] = sentence
    with pytest.raises(InputError, match=f"row 1, sentence: .*a disease.*{sentence}"):
        SCHEMA.check(sentences)


def test_words_of_sentences():
    assert words("john has lewy body") == ["john", "has", "lewy body"]
    assert words("*") == ["*", "", ""]
    assert words("") == ["", "", ""]


def right(pair, sentences):
    """Which decoded sentences are right, and which verbs are."""
    written = pair.decode(pair.encode_entries(sentences))
    expected = pair.view_lines(sentences)
    verbs = [words(got)[1] == words(want)[1] for got, want in zip(written, expected, strict=True)]
    return (written == expected).mean(), sum(verbs) / len(verbs)


def test_a_small_model_begins_to_learn_them(tmp_path):
    new, told = simulate_sentences(200, seed=2), []
    recipe = replace(RECIPE, updates=150, batch_size=32, averaging=0.9)
    pair = learn(simulate_sentences(1000, seed=1), recipe, lambda *at: told.append(at))
    ((update, loss),) = told
    assert update == 100
    assert loss < 1.2  # a guess among 42 tokens has 3.7
    exact, verbs = right(pair, new)
    assert exact > 0.1
    assert verbs > 0.6
    pair.save(tmp_path)
    read = Pair.load(tmp_path, rules={"sentence": view_of_sentence})
    assert right(read, new) == right(pair, new)


@pytest.mark.slow
def test_a_small_model_learns_them():
    known, new = simulate_sentences(4000, seed=1), simulate_sentences(200, seed=2)
    told = []
    pair = learn(known, replace(RECIPE, updates=500, averaging=0.95), lambda *at: told.append(at))
    exact, _ = right(pair, new)
    assert exact > 0.9
    assert [update for update, _ in told] == [100, 200, 300, 400, 500]
    assert told[-1][1] < told[0][1]
