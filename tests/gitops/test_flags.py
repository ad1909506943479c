"""Extra arguments against the list of each version: one row that passes, one that is refused."""

import json
import re

import pytest

from gitops import assets
from gitops.engine import Engine
from gitops.errors import InvalidRequestError
from gitops.flags import Reason, check_args, load_flags

FOLDER = assets.root() / "kustomize" / "catalog" / "flags"


def refusal(engine, version, *args, **more):
    with pytest.raises(InvalidRequestError) as refused:
        check_args(Engine(engine), version, args, **more)
    return str(refused.value)


@pytest.mark.parametrize(
    ("engine", "version", "args"),
    [
        ("vllm", "0.10.0", []),
        ("vllm", "0.10.0", ["--max-num-seqs", "64"]),
        ("vllm", "0.10.0", ["--max-num-seqs=64", "--enforce-eager"]),
        ("vllm", "0.10.0", ["--seed", "-1", "--swap-space=0"]),
        ("vllm", "0.33.0", ["--no-enable-prefix-caching"]),
        ("vllm", "0.33.0", ["--cudagraph-capture-sizes", "1", "2", "4", "--enforce-eager"]),
        ("vllm", "0.33.0", ["--override-generation-config", '{"temperature": 0.5, "x": "a b;$("}']),
        ("vllm", "0.33.0", ["--eplb-config.window_size", "100"]),
        ("vllm", "0.33.0", ["--eplb-config.use_async=true"]),
        ("vllm", "0.33.0", ["--lora-modules", "sql=/models/loras/sql", "de=/models/loras/de"]),
        ("vllm", "0.33.0", ["--quantization", "fp8", "--kv-cache-dtype", "fp8"]),
        ("vllm", "0.13.0", ["--dtype", "bfloat16"]),
        ("sglang", "0.4.10.post2", ["--mem-fraction-static", "0.9", "--disable-radix-cache"]),
        ("sglang", "0.5.23", ["--kv-cache-dtype=fp8_e4m3", "--log-requests-level", "0"]),
        ("sglang", "0.5.9", ["--cuda-graph-bs", "1", "8", "--reasoning-parser", "qwen3"]),
    ],
)
def test_arguments_that_a_version_takes_pass(engine, version, args):
    check_args(Engine(engine), version, args)


@pytest.mark.parametrize(
    ("engine", "version", "args", "text"),
    [
        # Unknown, or of other versions.
        (
            "vllm",
            "0.10.0",
            ["--max-num-seq", "64"],
            (
                "extra argument --max-num-seq: not on the list of flags of vLLM 0.10.0;"
                " did you mean --max-num-seqs?"
            ),
        ),
        ("vllm", "0.33.0", ["--zzzz"], "see kustomize/catalog/flags"),
        ("vllm", "0.33.0", ["--max_num_seqs=1"], "did you mean --max-num-seqs?"),
        (
            "vllm",
            "0.18.1",
            ["--swap-space", "4"],
            "extra argument --swap-space: vLLM 0.18.1 does not have it, 0.10.0 to 0.14.1 have;",
        ),
        ("vllm", "0.10.0", ["--enable-log-requests"], "0.10.2 and newer have"),
        ("vllm", "0.13.0", ["--attention-backend", "X"], "0.14.1 and newer have"),
        ("sglang", "0.4.10.post2", ["--tokenizer-worker-num", "2"], "0.5.5.post3 and newer have"),
        ("sglang", "0.5.23", ["--cuda-graph-bs", "1"], "0.4.10.post2 to 0.5.9 have"),
        # Form.
        (
            "vllm",
            "0.33.0",
            ["64"],
            "extra argument 64: belongs to no flag; write --flag value or --flag=value",
        ),
        ("vllm", "0.33.0", ["--enforce-eager", "true"], "extra argument true: belongs to no flag"),
        ("vllm", "0.33.0", ["--max-num-seqs", "64", "65"], "extra argument 65: belongs to no flag"),
        ("vllm", "0.33.0", ["-tp", "2"], "use a flag's long name"),
        ("vllm", "0.33.0", ["--"], "belongs to no flag"),
        ("vllm", "0.33.0", ["--enforce-eager=1"], "takes no value; write it without 1"),
        ("vllm", "0.33.0", ["--max-num-seqs"], "its value is missing; add one"),
        ("vllm", "0.33.0", ["--max-num-seqs="], "its value is missing; add one"),
        ("vllm", "0.33.0", ["--max-num-seqs", "--seed", "1"], "--max-num-seqs: its value is"),
        ("vllm", "0.33.0", ["--no-max-num-seqs"], "not on the list"),
        ("sglang", "0.5.23", ["--no-disable-radix-cache"], "not on the list"),
        ("sglang", "0.5.23", ["--hicache-ratio.x", "1"], "not on the list"),
        # Values.
        ("vllm", "0.33.0", ["--dtype", "int3"], "choose one of auto, half, float16"),
        ("vllm", "0.33.0", ["--load-format", "pt"], "choose one of auto, safetensors"),
        ("sglang", "0.5.23", ["--load-format", "npcache"], "choose one of auto, safetensors"),
        ("vllm", "0.33.0", ["--seed", "1; rm -rf /"], "expected letters, digits and"),
        ("vllm", "0.33.0", ["--seed", "$(API_KEY)"], "expected letters, digits and"),
        ("vllm", "0.33.0", ["--seed", "`id`"], "expected letters, digits and"),
        ("vllm", "0.33.0", ["--seed=1&&id"], "expected letters, digits and"),
        ("vllm", "0.33.0", ["--seed", "1\n2"], "expected letters, digits and"),
        ("vllm", "0.33.0", ["--eplb-config", "{no json"], "not JSON; correct it"),
        ("vllm", "0.33.0", ["--eplb-config", "[" * 100_000], "not JSON; correct it"),
        ("vllm", "0.33.0", ["--lora-modules", "x=/etc/passwd"], "only those below /models/"),
        ("vllm", "0.33.0", ["--lora-modules", "x=/models/../etc"], "only those below /models/"),
        ("vllm", "0.33.0", ["--lora-modules", '{"path":"/etc/x"}'], "only those below /models/"),
        ("vllm", "0.33.0", ["--lora-modules", "x=s3://bucket/x"], "an address"),
        ("sglang", "0.5.23", ["--lora-paths", "x=https://evil/x"], "an address"),
    ],
)
def test_arguments_that_a_version_does_not_take_are_refused(engine, version, args, text):
    assert text in refusal(engine, version, *args)


@pytest.mark.parametrize(
    ("engine", "flag", "reason", "why"),
    [
        ("vllm", "--trust-remote-code", "code", "it loads code"),
        ("vllm", "--tool-parser-plugin", "code", "it loads code"),
        ("vllm", "--logits-processors", "code", "it loads code"),
        ("vllm", "--chat-template", "files", "it reads or writes files outside the model"),
        ("vllm", "--download-dir", "files", "it reads or writes files outside the model"),
        ("vllm", "--host", "network", "it reaches other hosts or opens ports"),
        ("vllm", "--port", "network", "it reaches other hosts or opens ports"),
        ("vllm", "--api-server-count", "network", "it reaches other hosts or opens ports"),
        ("vllm", "--api-key", "secret", "it carries a secret"),
        ("vllm", "--hf-token", "secret", "it carries a secret"),
        ("vllm", "--ssl-keyfile", "secret", "it carries a secret"),
        ("sglang", "--trust-remote-code", "code", "it loads code"),
        ("sglang", "--enable-custom-logit-processor", "code", "it loads code"),
        ("sglang", "--file-storage-path", "files", "it reads or writes files"),
        ("sglang", "--disaggregation-mode", "network", "it reaches other hosts"),
        ("sglang", "--admin-api-key", "secret", "it carries a secret"),
    ],
)
def test_a_dangerous_flag_is_refused_with_its_class_unless_the_policy_names_it(
    engine, flag, reason, why
):
    version = {"vllm": "0.33.0", "sglang": "0.5.23"}[engine]
    args = [flag] if load_flags(Engine(engine)).flags[flag].kind in {"switch", "toggle"} else []
    args = args or [f"{flag}=x"]

    text = refusal(engine, version, *args)

    assert text.startswith(f"extra argument {flag}: refused ({reason}), {why}")
    assert text.endswith(f"a policy may allow it under engine-flags: {flag}")
    check_args(Engine(engine), version, args, {flag})


@pytest.mark.parametrize(
    ("engine", "flag"),
    [
        ("vllm", "--model"),
        ("vllm", "--tensor-parallel-size"),
        ("vllm", "--nnodes"),
        ("vllm", "--master-addr"),
        ("vllm", "--headless"),
        ("vllm", "--max-model-len"),
        ("vllm", "--hf-overrides"),
        ("vllm", "--distributed-executor-backend"),
        ("sglang", "--model-path"),
        ("sglang", "--model"),
        ("sglang", "--tp-size"),
        ("sglang", "--tensor-parallel-size"),
        ("sglang", "--dist-init-addr"),
        ("sglang", "--nccl-init-addr"),
        ("sglang", "--context-length"),
        ("sglang", "--enable-metrics"),
    ],
)
def test_what_leadline_sets_is_refused_whatever_the_policy_says(engine, flag):
    version = {"vllm": "0.33.0", "sglang": "0.5.23"}[engine]

    text = refusal(engine, version, f"{flag}=1", allowed_by_policy={flag})

    assert text == (
        f"extra argument {flag}: refused (leadline), Leadline sets it; change its field in llm.yaml"
    )


def test_a_key_of_a_dangerous_json_flag_is_as_dangerous_as_the_flag():
    assert "refused (code)" in refusal("vllm", "0.33.0", "--compilation-config.backend", "x")
    assert "refused (leadline)" in refusal("vllm", "0.33.0", "--hf-overrides.auto_map", "x")
    assert "refused (code)" in refusal("vllm", "0.33.0", "--no-trust-remote-code")


@pytest.mark.parametrize("engine", Engine)
def test_the_flags_that_leadline_sets_are_never_offered(engine):
    table = load_flags(engine)

    leadline = {flag.name for flag in table.flags.values() if flag.reason is Reason.LEADLINE}

    assert {f"--{kind}-parallel-size" for kind in ("tensor", "pipeline", "data")} < leadline
    assert "--served-model-name" in leadline


@pytest.mark.parametrize("engine", Engine)
def test_every_class_has_flags_and_no_flag_stands_in_two(engine):
    text = (FOLDER / f"{engine.value}.yaml").read_text(encoding="utf-8")
    head, choices, refused = re.split(r"^(?:choices|refused):\n", text, flags=re.MULTILINE)
    names = re.findall(r"^ +(--[a-z0-9-]+):", head + refused, re.MULTILINE)
    chosen = re.findall(r"^ +(--[a-z0-9-]+):", choices, re.MULTILINE)

    assert len(names) == len(set(names))
    assert [name for name in chosen if load_flags(engine).flags[name].reason] == []
    assert {flag.reason for flag in load_flags(engine).flags.values()} == {None, *Reason}


def test_a_team_s_list_is_read_instead():
    own = (FOLDER / "vllm.yaml").read_text()
    text = own.replace("allowed:\n", "allowed:\n  --mine: switch 0.10.0\n")

    check_args(Engine.VLLM, "0.33.0", ["--mine"], flags_text=text)
    assert "not on the list" in refusal("vllm", "0.33.0", "--mine")


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ("toggle 0.10.0", "sometimes 0.10.0", "expected KIND FIRST [to LAST]"),
        ("  code:", "  fun:", "Invalid enum value"),
        ("engine: vllm", "engine: vllm\nmore: 1", "unknown field"),
    ],
)
def test_a_wrong_list_is_refused(old, new, text):
    content = (FOLDER / "vllm.yaml").read_text(encoding="utf-8").replace(old, new, 1)

    assert text in refusal("vllm", "0.33.0", "--seed", "1", flags_text=content)


def test_a_json_value_keeps_its_strings_free_of_paths_at_any_depth():
    deep = json.dumps({"a": [{"b": {"c": "/etc/shadow"}}]})

    assert "only those below /models/" in refusal("vllm", "0.33.0", "--eplb-config", deep)
