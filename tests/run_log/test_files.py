"""Files are whole or not there; lines may be torn and do no harm."""

import json
from pathlib import Path

import numpy as np
import pytest

from pointins_engine.errors import RunError
from pointins_engine.run_log import files


def test_arrays_come_back_bit_for_bit_with_their_metadata(tmp_path: Path):
    arrays = {
        "half": np.float16([[0.1, -2.5, 65504.0]]),
        "label": np.int16([-1, 3]),
        "empty": np.zeros((0, 3), np.float32),
    }
    files.write_arrays(tmp_path / "a" / "x.safetensors", arrays, {"scene": "room"})
    back, metadata = files.read_arrays(tmp_path / "a" / "x.safetensors")
    assert metadata == {"scene": "room"}
    for name, array in arrays.items():
        assert back[name].dtype == array.dtype
        np.testing.assert_array_equal(back[name], array)


def test_a_failed_write_leaves_the_old_file_and_no_temporary(tmp_path: Path):
    target = tmp_path / "state.json"
    files.write_json(target, {"step": 1})
    with pytest.raises(ValueError, match="Out of range float"):
        files.write_json(target, {"step": float("nan")})
    assert files.read_json(target) == {"step": 1}
    folder = tmp_path / "taken"
    folder.mkdir()
    (folder / "inside").touch()
    with pytest.raises(RunError, match="cannot be written"):
        files.write_bytes(folder, b"x")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["state.json", "taken"]


def test_every_torn_tail_is_ignored_and_can_be_cut(tmp_path: Path):
    path = tmp_path / "events.jsonl"
    whole = b'{"step":1}\n{"step":2}\n'
    last = b'{"step":3}\n'
    for torn in range(len(last)):
        path.write_bytes(whole + last[:torn])
        lines, end = files.read_lines(path)
        assert [line["step"] for line in lines] == [1, 2]
        assert end == len(whole)
        assert files.cut_torn_line(path) == torn
        assert path.read_bytes() == whole


def test_reading_goes_on_where_it_stopped(tmp_path: Path):
    path = tmp_path / "events.jsonl"
    files.append_line(path, {"step": 1})
    first, end = files.read_lines(path)
    files.append_line(path, {"step": 2})
    second, _ = files.read_lines(path, end)
    assert [line["step"] for line in first + second] == [1, 2]


def test_a_damaged_line_hides_only_itself(tmp_path: Path):
    path = tmp_path / "events.jsonl"
    path.write_bytes(b'{"step":1}\n\x00\xff garbage\n[1]\n{"step":4}\n')
    assert [line["step"] for line in files.read_lines(path)[0]] == [1, 4]


def test_a_file_that_is_no_json_object_is_named(tmp_path: Path):
    path = tmp_path / "run.json"
    path.write_text(json.dumps([1]))
    with pytest.raises(RunError, match=r"run\.json holds a list, expected a JSON object"):
        files.read_json(path)
    with pytest.raises(RunError, match="cannot be read"):
        files.read_json(tmp_path / "missing.json")
    damaged = tmp_path / "x.safetensors"
    damaged.write_bytes(b"\x00" * 20)
    with pytest.raises(RunError, match="cannot be read as safetensors"):
        files.read_arrays(damaged)
