from tests.js import expected


def test_the_file_that_javascript_is_tested_with_is_what_python_makes_today() -> None:
    assert expected.FILE.read_text(encoding="utf-8") == expected.text(), "run python -m tests.js.expected"
