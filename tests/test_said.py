"""What the decks say of their settings, against the recipes."""

import dataclasses

import pytest

from isthmus.reproduction.recipes import RECIPES
from isthmus.reproduction.said import departures, said, set_to


def test_every_setting_of_the_decks_is_kept_or_named():
    assert set(said()) <= set(RECIPES)
    assert {RECIPES[name].deck for name in said()} == set("ABCDE")
    for row in departures():
        assert row.why
        assert row.deck is None or row.deck != row.ours


def test_what_was_cut_is_on_the_list():
    cut = {(row.recipe, row.what): (row.deck, row.ours) for row in departures()}
    assert cut["e-one-denoiser", "epochs"] == (50_000, 500)
    assert ("a-autoencoder-32", "epochs") not in cut


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("a-pca-10", {"options": {"n_components": 11}}, "a-pca-10: components is 11"),
        ("a-pca-10", {"departures": {"components": "few"}}, "what no deck says: components"),
        ("a-som-10", {"departures": {}}, "neighbourhood is None"),
    ],
)
def test_a_departure_without_a_reason_is_an_error(name, change, words):
    recipes = {name: dataclasses.replace(RECIPES[name], **change)}
    with pytest.raises(ValueError, match=words):
        list(departures(recipes))


def test_a_setting_is_an_option_or_a_constant_of_its_functions_module():
    assert set_to(RECIPES["e-eight"], "AS_THE_DECK.batch_size") == 5
    assert set_to(RECIPES["b-convolution"], "SMALL") == [[55, 52], [57, 50]]
