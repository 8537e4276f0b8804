"""The user's data folder: where the system keeps such things, for all that is kept in it."""

from pathlib import Path

import pytest

from fauxto import user_data
from fauxto.model import own_points
from fauxto.second_opinion import install


def test_the_data_folder_follows_the_system(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FAUXTO_DATA", str(tmp_path))
    assert user_data.folder() == tmp_path
    monkeypatch.delenv("FAUXTO_DATA")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("APPDATA", str(tmp_path / "roaming"))
    monkeypatch.setattr("os.path.expanduser", lambda path: path.replace("~", "/home/me"))
    for system, expected in (
        ("linux", tmp_path / "xdg" / "fauxto"),
        ("darwin", Path("/home/me/Library/Application Support/fauxto")),
        ("win32", tmp_path / "roaming" / "fauxto"),
    ):
        monkeypatch.setattr("sys.platform", system)
        assert user_data.folder() == expected
        assert own_points.folder() == expected / "operating-points"
        assert install.folder() == expected / "second-opinion"
