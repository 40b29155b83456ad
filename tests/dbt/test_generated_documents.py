"""The generated documents are those of the project as it stands."""

from orchestration.documentation import DICTIONARY, INPUT_CONTRACT, write_documentation


def test_the_generated_documents_are_up_to_date(tmp_path, monkeypatch):
    monkeypatch.setenv("STOCKSTRATA_HOME", str(tmp_path / "home"))
    write_documentation(tmp_path / "dictionary.md", tmp_path / "contract.md")
    for made, kept in ((tmp_path / "dictionary.md", DICTIONARY), (tmp_path / "contract.md", INPUT_CONTRACT)):
        assert kept.read_text(encoding="utf-8") == made.read_text(encoding="utf-8"), "run `make docs`"
