"""What is kept is read again; what is half there, or damaged, is not."""

import os
from pathlib import Path

import pytest
import tiny_disk

from polydistill.storage import signal_cache
from polydistill.storage.signal_cache import HEAD, SignalCache


def key(number: int) -> bytes:
    return number.to_bytes(16, "big")


ROWS = {key(number): bytes([number]) * (10 + number) for number in range(5)}


def kept(folder: Path, rows: dict[bytes, bytes] = ROWS) -> Path:
    """The file of rows that were kept one by one."""
    cache = SignalCache(folder)
    for one, data in rows.items():
        cache.put({one: data})
    cache.close()
    return max(folder.glob("rows-*.bin"))


def found(folder: Path) -> dict[bytes, bytes]:
    cache = SignalCache(folder)
    return {one: cache.read(one) for one in ROWS if one in cache}


def test_what_was_kept_is_read(tmp_path: Path):
    assert found(tmp_path) == {}
    kept(tmp_path)
    assert found(tmp_path) == ROWS


def test_a_row_is_there_when_put_returns(tmp_path: Path):
    writer, reader = SignalCache(tmp_path), SignalCache(tmp_path)
    writer.put({key(1): b"one"})
    assert key(1) not in reader
    reader.look()
    assert reader.read(key(1)) == b"one"
    writer.put({key(2): b"two"})
    reader.look()
    assert reader.read(key(2)) == b"two"
    writer.close()


def test_several_write_at_once_and_what_was_first_stays(tmp_path: Path):
    one, other = SignalCache(tmp_path), SignalCache(tmp_path)
    one.put({key(1): b"first", key(2): b"a"})
    other.put({key(1): b"second", key(3): b"b"})
    assert len(list(tmp_path.glob("rows-*.bin"))) == 2
    for cache in (one, other):
        cache.close()
        cache.look()
        assert [cache.read(key(number)) for number in (1, 2, 3)] == [b"first", b"a", b"b"]


@pytest.mark.parametrize("cut", range(1, HEAD.size + 14 + 1))
def test_a_row_that_is_half_there_is_not_there(cut: int, tmp_path: Path):
    """Cut anywhere in its last row, as by a kill or a full disk; what is kept after it goes into another file."""
    path = kept(tmp_path)
    os.truncate(path, path.stat().st_size - cut)
    assert found(tmp_path) == {one: data for one, data in ROWS.items() if one != key(4)}
    kept(tmp_path, {key(4): ROWS[key(4)]})
    assert found(tmp_path) == ROWS


def test_a_row_that_is_being_written_is_there_once_it_is_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = kept(tmp_path)
    data = path.read_bytes()
    for cut in (3, HEAD.size + 13):
        path.write_bytes(data[:-cut])
        cache = SignalCache(tmp_path)
        assert key(4) not in cache
        path.write_bytes(data)
        cache.look()
        assert cache.read(key(4)) == ROWS[key(4)]
    assert capsys.readouterr().err == "", "that is no damage"


def flipped(path: Path, offset: int) -> None:
    data = bytearray(path.read_bytes())
    data[offset] ^= 4
    path.write_bytes(data)


def test_a_damaged_row_is_said_and_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = kept(tmp_path)
    flipped(path, HEAD.size + 3)  # in the bytes of the first row
    assert found(tmp_path) == {one: data for one, data in ROWS.items() if one != key(0)}
    assert f"{path}: 10 bytes are not what was written; what they held is captured again" in capsys.readouterr().err


@pytest.mark.parametrize("at", range(HEAD.size))
def test_after_a_damaged_head_nothing_is_believed(at: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path, first = kept(tmp_path), HEAD.size + 10
    size = path.stat().st_size
    flipped(path, first + at)
    assert found(tmp_path) == {key(0): ROWS[key(0)]}
    assert f"{size - first:,} bytes are not what was written" in capsys.readouterr().err


def test_damage_while_it_is_in_use_is_an_error(tmp_path: Path):
    path, cache = kept(tmp_path), SignalCache(tmp_path)
    flipped(path, HEAD.size + 3)
    with pytest.raises(OSError, match="has changed while it was used; the same command captures again"):
        cache.read(key(0))


def test_a_full_disk_keeps_what_was_kept(tmp_path: Path):
    cache = SignalCache(tmp_path)
    cache.put(ROWS)
    with tiny_disk.full(4000):
        cache.put({key(5): os.urandom(2000)})
        with pytest.raises(OSError, match=r"rows-000000-.* cannot be written: .*make room if its disk is full"):
            cache.put({key(6): os.urandom(20_000)})
    cache.close()
    assert found(tmp_path) == ROWS
    cache.look()
    assert key(5) in cache
    assert key(6) not in cache


def test_a_statement_is_read_or_refused(tmp_path: Path):
    assert signal_cache.about(tmp_path) is None
    signal_cache.state(tmp_path, {"teacher": "a"})
    assert signal_cache.about(tmp_path) == {"teacher": "a"}
    for damaged in ("{", "[]", ""):
        (tmp_path / "about.json").write_text(damaged)
        with pytest.raises(OSError, match=r"is damaged; move .* away, and its signals are captured again"):
            signal_cache.about(tmp_path)
