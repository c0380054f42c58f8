"""Numbers in text come out as `float` reads them, bit for bit, at any length and in any order."""

from pathlib import Path

import numpy as np
import pytest

from pointins_engine.errors import SceneError
from pointins_engine.scenes.readers import decimals

PATH = Path("scan.txt")


def read(text: str, limit: int = 10**9) -> np.ndarray:
    return decimals.read_numbers(text.encode(), 0, limit, PATH)


@pytest.mark.parametrize("form", ["%.6f", "%.3f", "%d", "%.8f", "%+.2f", "%.17g", "%.6e", "%r"])
@pytest.mark.parametrize("scale", [1.0, 1e-3, 5e6])
def test_every_way_to_write_a_number_gives_what_float_gives(form, scale):
    values = np.random.default_rng(0).normal(0, scale, 3000)
    words = [form % value for value in values.tolist()]
    assert read(" ".join(words)).tobytes() == np.array([float(w) for w in words]).tobytes()


def test_odd_numbers_among_plain_ones_give_what_float_gives():
    words = (
        "-0 +5 5. .5 -.25 1e400 -1e-400 nan inf 12345678.12345678 123456789 0.123456789012345678 "
        "007 9007199254740993 99999999.99999999"
    ).split()
    values = read(" ".join(["1.5"] * 1000 + words))[1000:]
    assert values.tobytes() == np.array([float(word) for word in words]).tobytes()


@pytest.mark.parametrize(
    "word", ["abc", "1.2.3", "--5", "1_000", "5-", "0x10", "1,5", ".", "-", "é"]
)
def test_a_word_that_is_no_number_is_named_with_its_line(word):
    with pytest.raises(SceneError, match="line 3 holds"):
        read(f"1 2\n3 4\n5 {word}\n7 8\n")


@pytest.mark.parametrize("chunk", [7, 16, 64])
def test_the_size_of_the_pieces_changes_nothing(monkeypatch, chunk):
    rng = np.random.default_rng(1)
    table = rng.normal(0, 100, (60, 3))
    text = "\n\n".join(" ".join(f"{value:.4f}" for value in row) for row in table).encode()
    expected = np.array([float(word) for word in text.split()])
    monkeypatch.setattr(decimals, "_CHUNK", chunk)
    assert decimals.count_words(text) == 180
    np.testing.assert_array_equal(decimals.read_numbers(text, 0, 1000, PATH), expected)
    np.testing.assert_array_equal(decimals.read_numbers(text, 0, 31, PATH), expected[:31])
    if chunk == 64:
        found = decimals.read_table(text, 0, 3, PATH)
        np.testing.assert_array_equal(found, expected.reshape(60, 3))


def test_numbers_after_the_last_one_wanted_are_not_looked_at():
    assert read("1 2 3\nand prose", limit=3).tolist() == [1, 2, 3]


def test_lines_that_make_up_for_each_other_are_noticed():
    with pytest.raises(SceneError, match="line 2 holds 4 values, the lines before it 3"):
        decimals.read_table(b"1 2 3\n1 2 3 4\n1 2\n1 2 3\n", 0, 3, PATH)


def test_blank_lines_and_odd_ends_of_line_are_no_rows():
    text = b"\n1 2 3\r\n\r\n  4 5 6\n\n7 8 9"
    assert decimals.read_table(text, 0, 3, PATH).tolist() == [[1, 2, 3], [4, 5, 6], [7, 8, 9]]
