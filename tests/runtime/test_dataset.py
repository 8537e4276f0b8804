"""A labelled folder and its index.csv: which row is about which picture, and what is said of the others."""

import csv
from pathlib import Path

import pytest

from fauxto.errors import FauxtoError
from fauxto.evaluate.dataset import find, read_index


def write_index(folder: Path, *rows: list[str]) -> Path:
    with (folder / "index.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    return folder / "index.csv"


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """DATA with train and val, in both the same names."""
    touch(tmp_path, *(f"{part}/{label}/{i}.jpg" for part in ("train", "val") for label in ("ai", "real") for i in "12"))
    return tmp_path


def sources(folder: Path, index_folder: Path) -> dict[str, str]:
    found = find(folder, read_index(index_folder))
    return {picture.path.relative_to(index_folder).as_posix(): picture.source for picture in found}


def test_a_row_is_about_the_picture_at_its_path_and_no_other_of_that_name(data: Path) -> None:
    write_index(data, ["path", "source"], ["train/ai/1.jpg", "studio"], ["./val/real/2.jpg", "camera"])
    assert sources(data / "train", data) == {
        "train/ai/1.jpg": "studio", "train/ai/2.jpg": "", "train/real/1.jpg": "", "train/real/2.jpg": "",
    }  # fmt: skip
    assert sources(data / "val", data) == {
        "val/ai/1.jpg": "", "val/ai/2.jpg": "", "val/real/1.jpg": "", "val/real/2.jpg": "camera",
    }  # fmt: skip


def test_a_folder_is_found_by_any_name(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_index(data, ["path", "source"], ["train/ai/1.jpg", "studio"])
    monkeypatch.chdir(data / "train")
    for folder, above in ((Path(), Path("..")), (Path("../train"), data), (data / "train", Path(".."))):
        assert [picture.source for picture in find(folder, read_index(folder, above))] == ["studio", "", "", ""]


def test_an_id_is_the_end_of_a_stem_and_goes_before_the_path(tmp_path: Path) -> None:
    touch(tmp_path, "ai/shop__17.jpg", "ai/18.png", "real/shop__x__19.jpg")
    write_index(
        tmp_path,
        ["id", "path", "source"],
        ["17", "images/a.jpg", "a"],  # where a row has an id, its path may mean anything
        ["18", "images/a.jpg", "b"],
        ["19", "ai/18.png", "c"],
    )
    assert sources(tmp_path, tmp_path) == {"ai/18.png": "b", "ai/shop__17.jpg": "a", "real/shop__x__19.jpg": "c"}


@pytest.mark.parametrize(
    ("rows", "key"),
    [
        ([["path", "source"], ["ai/1.jpg", "a"], ["ai/2.jpg", "b"], ["./ai/1.jpg", "c"]], "ai/1.jpg"),
        ([["id", "source"], ["1", "a"], ["2", "a"], ["1", "a"]], "1"),
    ],
)
def test_a_key_that_stands_twice_is_refused(tmp_path: Path, rows: list[list[str]], key: str) -> None:
    index = write_index(tmp_path, *rows)
    with pytest.raises(FauxtoError) as error:
        read_index(tmp_path)
    assert str(error.value) == f"{index}: lines 2 and 4 are both about '{key}'; keep one of them"


def test_a_row_that_names_nothing_is_refused_and_an_empty_line_is_none(tmp_path: Path) -> None:
    touch(tmp_path, "ai/1.jpg")
    index = write_index(tmp_path, ["path", "source", "style"], ["ai/1.jpg", "a"], ["", "", ""])
    (picture,) = find(tmp_path, read_index(tmp_path))
    assert (picture.source, picture.style, picture.licence) == ("a", "", "")
    write_index(tmp_path, ["path", "source"], ["ai/1.jpg", "a"], ["", "b"])
    with pytest.raises(FauxtoError) as error:
        read_index(tmp_path)
    assert str(error.value) == f"{index}: line 3 has neither an id nor a path"


def test_rows_without_a_picture_are_counted_and_told_once(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gone = [[f"train/ai/{i}.jpg", "x"] for i in range(3, 8)]
    index = write_index(data, ["path", "source"], ["train/ai/1.jpg", "x"], *gone, ["val/ai/1.jpg", "x"])
    find(data / "val", read_index(data))
    assert capsys.readouterr().err == ""  # the rows of the other split are none of its business
    find(data / "train", read_index(data))
    assert capsys.readouterr().err == (
        f"{index}: 5 of the 6 rows for {data / 'train'} name no picture there: "
        "train/ai/3.jpg, train/ai/4.jpg, train/ai/5.jpg, ...\n"
    )


def test_ids_without_a_picture_are_told_where_the_whole_index_is_meant(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_index(data, ["id", "source"], ["1", "x"], ["9", "x"])
    find(data / "train", read_index(data))
    assert capsys.readouterr().err == ""
    index = write_index(data / "train", ["id", "source"], ["1", "x"], ["9", "x"])
    find(data / "train", read_index(data / "train"))
    assert capsys.readouterr().err == f"{index}: 1 of the 2 rows for {data / 'train'} name no picture there: 9\n"


def test_an_index_of_other_pictures_is_told(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    index = write_index(data, ["path", "source"], ["test/ai/1.jpg", "x"], ["test/ai/2.jpg", "x"])
    find(data / "train", read_index(data))
    said = capsys.readouterr().err
    assert said == f"{index}: none of its 2 rows names a picture in {data / 'train'}: test/ai/1.jpg, test/ai/2.jpg\n"


def test_paths_below_the_labelled_folder_are_refused_with_the_fix(data: Path) -> None:
    index = write_index(data, ["path", "source"], ["ai/1.jpg", "x"], ["real/1.jpg", "x"])
    with pytest.raises(FauxtoError) as error:
        find(data / "train", read_index(data))
    assert str(error.value) == f"{index}: write paths relative to the folder it lies in: train/ai/1.jpg, not ai/1.jpg"


def test_pictures_come_in_the_order_of_their_paths_and_art_is_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    touch(tmp_path, "ai/b.jpg", "ai/a/2.PNG", "ai/c/1.webp", "ai/._b.jpg", "ai/notes.txt", "real/z.jpg", "other/1.jpg")
    write_index(tmp_path, ["path", "style"], ["ai/c/1.webp", "art"], ["real/z.jpg", "photo"])
    found = find(tmp_path, read_index(tmp_path))
    assert [(picture.path.relative_to(tmp_path).as_posix(), picture.is_ai, picture.source) for picture in found] == [
        ("ai/a/2.PNG", True, "a"), ("ai/b.jpg", True, ""), ("real/z.jpg", False, ""),
    ]  # fmt: skip
    assert capsys.readouterr().err == ""  # a row about art has its picture too


def test_an_index_from_a_spreadsheet_is_read_and_another_table_is_named(tmp_path: Path) -> None:
    index = tmp_path / "index.csv"
    index.write_text("\ufeffpath,source\nai/1.png,album\n", encoding="utf-8")
    assert read_index(tmp_path / "nothing", tmp_path).by_path["ai/1.png"]["source"] == "album"
    index.write_text("name,source\nai/1.png,album\n", encoding="utf-8")
    with pytest.raises(FauxtoError, match=r"index\.csv: has no column 'id' or 'path'"):
        read_index(tmp_path)
    index.write_bytes("path,source\nai/1.png,Müller\n".encode("latin-1"))
    with pytest.raises(FauxtoError, match=r"index\.csv: cannot be read .* save it as CSV, UTF-8"):
        read_index(tmp_path)
