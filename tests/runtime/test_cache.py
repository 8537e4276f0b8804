"""The cache folder: where the system keeps such things, and never a reason to fail."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fauxto import cache


def test_the_cache_folder_follows_the_system(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("FAUXTO_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))
    monkeypatch.setattr("os.path.expanduser", lambda path: path.replace("~", "/home/me"))
    for system, expected in (
        ("linux", tmp_path / "xdg" / "fauxto"),
        ("darwin", Path("/home/me/Library/Caches/fauxto")),
        ("win32", tmp_path / "local" / "fauxto"),
    ):
        monkeypatch.setattr("sys.platform", system)
        assert cache.folder() == expected


@given(
    st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5) | st.none(), max_size=3),
    st.dictionaries(st.text(max_size=5), st.floats(allow_nan=False) | st.text(max_size=5), max_size=3),
)
def test_what_the_cache_keeps_comes_back_for_its_own_key_only(key: dict, value: dict) -> None:
    cache.write("test", key, value)
    assert cache.read("test", key) == value
    assert cache.read("test", key | {"more than five": 1}) is None


def test_a_file_that_cannot_be_replaced_leaves_nothing_beside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FAUXTO_CACHE", str(tmp_path))
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(PermissionError(13, "in use")))
    cache.write("test", {"a": 1}, {"b": 2})
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("FAUXTO_CACHE", str(tmp_path / "file"))
    assert cache.make("models") is None
    cache.write("test", {"a": 1}, {"b": 2})
    assert cache.read("test", {"a": 1}) is None
