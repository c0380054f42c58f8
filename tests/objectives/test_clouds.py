"""Rows of a batch fall apart into clouds, whatever their order."""

import torch

from pointins_engine.objectives.clouds import rows_per_cloud


def test_each_cloud_gets_its_rows_in_rising_order():
    batch_index = torch.tensor([2, 0, 2, 0, 3])
    rows = rows_per_cloud(batch_index, 4)
    assert [part.tolist() for part in rows] == [[1, 3], [], [0, 2], [4]]


def test_rows_that_are_not_kept_belong_to_no_cloud():
    batch_index = torch.tensor([0, 0, 1, 1])
    rows = rows_per_cloud(batch_index, 2, torch.tensor([True, False, False, False]))
    assert [part.tolist() for part in rows] == [[0], []]
