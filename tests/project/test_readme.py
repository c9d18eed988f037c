"""The README's code runs as it stands, on fewer clips and for fewer epochs."""

import re
from pathlib import Path

import pytest

from sklearn_sed._learners import _base

README = Path(__file__).parents[2] / "README.md"
SMALLER = {
    "make_soundscapes(200,": "make_soundscapes(10,",
    "make_soundscapes(50,": "make_soundscapes(6,",
    "[0, 0.1, 0.5, 1.0]": "[0, 0.1]",
    "KFold(3)": "KFold(2)",
}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::sklearn_sed.exceptions.RareClassWarning")
def test_code_runs(tmp_path, monkeypatch):
    text = README.read_text(encoding="utf-8")
    code = "\n".join(re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL))
    for old, new in SMALLER.items():
        assert old in code
        code = code.replace(old, new)
    monkeypatch.setattr(_base, "AUTO_EPOCHS", 2)
    monkeypatch.setattr(_base, "AUTO_STEPS", 2)
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(compile(code, "README.md", "exec"), names)
    assert len(names["events"]) == 6
    assert "twopasssed__detector__cosine_weight" in names["search"].best_params_
