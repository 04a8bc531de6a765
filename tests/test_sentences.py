"""Figure 4's small model learns all three operations, on sentences that it never saw."""

from dataclasses import replace

from aalprivacy.attributes import DISEASE_GROUP_OF
from aalprivacy.sentences import RECIPE, learn, simulate_sentences, words
from aalprivacy.text import from_tokens, to_tokens


def test_sentences_say_what_becomes_of_them():
    sentences = simulate_sentences(300, seed=1)
    assert sentences.equals(simulate_sentences(300, seed=1))
    assert not sentences.equals(simulate_sentences(300, seed=2))
    for row in sentences.itertuples():
        _, verb, disease = row.sentence.split(" ", 2)
        assert row.view == f"* {verb} {DISEASE_GROUP_OF[disease]}"


def test_words_of_sentences():
    assert words("john has lewy body") == ["john", "has", "lewy body"]
    assert words("*") == ["*", "", ""]
    assert words("") == ["", "", ""]


def test_a_small_model_learns_them():
    known, new = simulate_sentences(4000, seed=1), simulate_sentences(200, seed=2)
    told = []
    pair = learn(known, replace(RECIPE, updates=500, averaging=0.95), lambda *at: told.append(at))
    lines = from_tokens(pair.decode(pair.encode(to_tokens(new["sentence"]))))
    assert (lines == new["view"]).mean() > 0.9
    assert [update for update, _ in told] == [100, 200, 300, 400, 500]
    assert told[-1][1] < told[0][1]
