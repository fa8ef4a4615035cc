"""Tables of events measure how near events are to one another."""

from dataclasses import replace

import numpy as np
import pytest

from app.silencer.numbers import SCORES
from app.silencer.table import Table, distances, neighbourhood
from tests.silencer.house import person, tree


def test_a_table_has_a_row_for_each_event_even_for_none() -> None:
    table = Table.of([tree(0, "unoccupied"), person(0), person(1, "occupied")])
    assert len(table) == 3
    assert table.people.tolist() == [False, True, True]
    assert table.tagged.tolist() == [True, False, True]
    assert Table.of([]).cells.shape == (0, 2)


def test_nearness_falls_with_cells_and_hours_across_midnight() -> None:
    table = Table.of([tree(0)])
    moved = replace(table, cells=table.cells + np.array([1, 0]))
    before, after = (replace(table, hours=np.array([hour])) for hour in (23, 0))
    noon = replace(table, hours=np.array([12]))
    assert neighbourhood(table, table)[0, 0] == 1.0
    assert 0.3 < neighbourhood(table, moved)[0, 0] < 0.4
    assert neighbourhood(before, after)[0, 0] > 0.75
    assert neighbourhood(before, noon)[0, 0] < 1e-9


def test_distances_are_those_of_the_columns() -> None:
    far = distances(np.array([[0.0, 0.0]]), np.array([[3.0, 4.0], [0.0, 0.0]]))
    assert far == pytest.approx(np.array([[5 / np.sqrt(2), 0.0]]))


def test_people_without_a_tag_borrow_the_scores_of_tagged_ones() -> None:
    table = Table.of([person(0), person(1), person(2, "occupied", sure=False)])
    lent = table.numbers[2, SCORES]
    assert table.with_borrowed_scores().numbers[:, SCORES].tolist() == [lent] * 3
    nobody = Table.of([person(0), tree(0, "unoccupied")])
    assert nobody.with_borrowed_scores().numbers[0, SCORES] == 0.0
