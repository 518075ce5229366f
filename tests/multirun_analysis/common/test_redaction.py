"""Secrets: what is typed, written and sent to colleagues holds none, in whichever way it was written; all else is left as it is."""

from pathlib import Path

import pytest
import yaml
from analysis_sweeps import expect, make_record

from multirun_analysis.common import redaction
from multirun_analysis.common.redaction import is_secret, redacted_arguments, redacted_command, redacted_line, redacted_text, redacted_yaml
from multirun_analysis.records.commands import load_commands
from multirun_analysis.report.report import write_report
from multirun_analysis.schema import sealed_line

SECRET = "s3cr3t"
TYPED = [
    [f"+hydra.job.env_set.X={SECRET}"],
    [f"++hydra.job.env_set.X={SECRET} with spaces"],
    [f"+hydra.job.env_set={{X:{SECRET},Y:2}}"],
    [f"+hydra.job={{env_set:{{X:{SECRET}}}}}"],
    [f"hydra={{job:{{env_set:{{X:{SECRET}}}}}}}"],
    [f"'+hydra.job.env_set.X={SECRET}'"],
    [f"+dataset.token={SECRET}"],
    [f"dataset.api_key='{SECRET} more'"],
    [f"dataset.apiKey={SECRET}"],
    [f"+dataset.login={{user:me,password:{SECRET}}}"],
    [f"+dataset.login={{user: me, 'secret': '{SECRET}'}}"],
    [f"dataset.url=https://me:{SECRET}@host/x"],
    [f"dataset.url=https://host/x?access_token={SECRET}&y=1"],
    [f"dataset.token=${{oc.env:TOKEN,{SECRET}}}"],
    ["--token", SECRET],
    [f"--password={SECRET}"],
    [f"+x=ghp_{SECRET}0123456789012345678"],
    [f"+x=hf_{SECRET}0123456789012345678"],
    [f"dataset.TOKEN={SECRET},{SECRET}2"],
]
PLAIN = [
    "width=8,16", "seed=range(0,4)", "-m", "matching=[weights,activations]", "hydra.sweep.dir=a b", "dataset.root=${oc.env:DATA}",
    "dataset.token=${oc.env:TOKEN}", "model.tokens=100", "+model.monkey=true", "optimizer={name:sgd,lr:0.1}", "hydra/launcher=joblib", "~x",
    "+dataset.url=https://host/x?y=1", "hydra.job.env_copy=[X]", "dataset.author=me",
]  # fmt: skip


@pytest.mark.parametrize("arguments", TYPED)
def test_a_secret_that_was_typed_is_masked_in_commands_and_in_the_report(write_sweep, arguments):
    assert SECRET not in "".join(redacted_arguments(arguments))
    command = redacted_command("python -m lmc_sweeps " + redaction.shlex.join(arguments))
    assert SECRET not in command
    assert "***" in command
    if len(arguments) == 1:
        assert SECRET not in redacted_line(f"width=8 {arguments[0]} seed=1")
    record = make_record("a")
    folder = write_sweep([record], [expect(record)])
    typed = "python -m lmc_sweeps " + redaction.shlex.join(arguments)
    (folder / "commands.jsonl").write_text(sealed_line({"command": typed}))  # of a version that masked less
    assert load_commands([folder]) == [command]


@pytest.mark.usefixtures("no_figures")
def test_the_report_shows_no_secret_that_an_earlier_version_wrote_down(write_sweep):
    record = make_record("a") | {"notes": [f"dataset: from https://me:{SECRET}@host/"]}
    folder = write_sweep([record, make_record("b", seed=1) | {"failure": f"OSError: no https://host?token={SECRET}"}], [expect(record)])
    (folder / "commands.jsonl").write_text(sealed_line({"command": f"python -m lmc_sweeps +hydra.job.env_set.X={SECRET}"}))
    report = write_report([folder])
    assert "hydra.job.env_set.X=***" in (report.folder / "report.html").read_text()
    for path in report.folder.iterdir():
        assert SECRET.encode() not in path.read_bytes(), path.name


@pytest.mark.parametrize(
    "sentence", ["KeyError: 'scope'", "one key: two", "`width` must be 1, got -1.", "a/b.csv: it is no CSV; run again"]
)
def test_a_sentence_that_tells_no_secret_is_left_as_it_is(sentence):
    assert redacted_text(sentence) == sentence


@pytest.mark.parametrize("text", PLAIN)
def test_what_is_no_secret_is_left_as_it_was_typed(text):
    assert redacted_arguments([text]) == [text]
    assert redacted_line(f"width=8 {text}") == f"width=8 {text}"


@pytest.mark.parametrize(
    ("key", "secret"),
    [
        ("HF_TOKEN", True), ("token", True), ("dataset.auth.password", True), ("api-key", True), ("apiKey", True), ("AWS_SECRET_ACCESS_KEY", True),
        ("sshPrivateKey", True), ("pwd", True), ("tokens", False), ("tokenizer", False), ("monkey", False), ("keys", False), ("author", False),
        ("path", False), ("pattern", False), ("model.bias", False),
    ],
)  # fmt: skip
def test_a_key_is_known_as_a_secret_by_its_words(key, secret):
    assert is_secret(key) is secret


def test_the_home_of_the_user_is_a_tilde_and_other_folders_stay(monkeypatch):
    monkeypatch.setattr(Path, "home", lambda: Path("/home/alice"))
    redaction._home.cache_clear()
    try:
        assert redacted_text("no folder '/home/alice/data' beside /home/alice2/x, /mnt/home/alice/y") == (
            "no folder '~/data' beside /home/alice2/x, /mnt/home/alice/y"
        )
        assert redacted_arguments(["hydra.sweep.dir=/home/alice/runs/a"]) == ["hydra.sweep.dir=~/runs/a"]
    finally:
        redaction._home.cache_clear()


YAML = f"""hydra:
  job:
    name: lmc_sweeps
    env_set:
      X: {SECRET}
      Y: '{SECRET}

        more {SECRET}'
    env_copy: []
  overrides:
    hydra:
    - +hydra.job.env_set.X={SECRET}
    - '+hydra.job.env_set.Y={SECRET} x'
    task:
    - width=8
dataset:
  root: ${{oc.env:DATA}}
  token: {SECRET}
width: 8
password:
  inner: {SECRET}
key: null
"""
MASKED = """hydra:
  job:
    name: lmc_sweeps
    env_set:
      X: '***'
      Y: '***'
    env_copy: []
  overrides:
    hydra:
    - +hydra.job.env_set.X=***
    - '+hydra.job.env_set.Y=***'
    task:
    - width=8
dataset:
  root: ${oc.env:DATA}
  token: '***'
width: 8
password:
  inner: '***'
key: null
"""


def test_secrets_in_yaml_are_masked_line_by_line_and_all_else_stays():
    assert redacted_yaml(YAML) == MASKED
    assert redacted_yaml(MASKED) == MASKED
    assert yaml.safe_load(MASKED)["hydra"]["job"]["env_set"] == {"X": "***", "Y": "***"}
    assert redacted_yaml("a: ghp_0123456789012345678901\n- ghp_0123456789012345678901\n") == "a: '***'\n- '***'\n"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("failed: Authorization: Bearer abcdef", "failed: Authorization: Bearer ***"),
        ("X-Api-Key: abc, and so on", "X-Api-Key: ***, and so on"),
        ("login with password: hunter2", "login with password: ***"),
        ("passwords are none of our business: all of them", "passwords are none of our business: all of them"),
    ],
)
def test_words_for_secrets_in_sentences(text, masked):
    assert redacted_text(text) == masked
    assert redacted_text(masked) == masked


def test_a_secret_of_several_words_in_quotation_marks_is_masked_whole():
    line = '+hydra.job.env_set.DSN="server=db user=bob pw=hunter2" width=8'
    assert redacted_line(line) == "+hydra.job.env_set.DSN=*** width=8"
