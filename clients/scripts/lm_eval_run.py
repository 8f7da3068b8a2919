"""EleutherAI's lm-evaluation-harness: `local-chat-completions` on a task of our own, so that nothing is downloaded."""

from __future__ import annotations

import json
import os
from pathlib import Path

from checks import FOLDER, KEY, MODEL, V1, check, command, directed, main, same

QUESTIONS = [("two and two", "four"), ("three and three", "six"), ("the capital of France", "Paris")]
TASK = """\
task: ours
dataset_path: json
dataset_kwargs:
  data_files:
    test: {data}
test_split: test
output_type: generate_until
doc_to_text: "{{{{question}}}}"
doc_to_target: "{{{{answer}}}}"
generation_kwargs:
  until: ["STOP"]
  max_gen_toks: 64
metric_list:
  - metric: exact_match
metadata:
  version: 1
"""
OFFLINE = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "OPENAI_API_KEY": KEY}


@check("chat: a task of three questions, with stop and max_tokens, two at a time")
def evaluated() -> None:
    folder = Path(os.environ["HOME"])
    data = folder / "ours.jsonl"
    with data.open("w") as lines:
        for question, answer in QUESTIONS:
            asked = directed(question, text=f"{answer}STOP and nothing more")
            lines.write(json.dumps({"question": asked, "answer": answer}) + "\n")
    (folder / "ours.yaml").write_text(TASK.format(data=data))
    where = f"model={MODEL},base_url={V1}/chat/completions,num_concurrent=2,max_retries=1,tokenized_requests=False"
    command(
        f"{FOLDER}/bin/lm_eval",
        *("--model", "local-chat-completions", "--model_args", where, "--tasks", "ours"),
        *("--include_path", str(folder), "--apply_chat_template", "--output_path", str(folder / "results")),
        seconds=240,
        **OFFLINE,
    )
    (found,) = (folder / "results").rglob("results_*.json")
    same(json.loads(found.read_text())["results"]["ours"]["exact_match,none"], 1.0)


main()
