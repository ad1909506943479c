"""Whole argument lists for each recipe and mode, and a person's text as engine and shell see it."""

import shutil
import subprocess

import pytest

from gitops.catalog import Catalog
from gitops.errors import InvalidRequestError
from gitops.launch import form_of, launch, literal
from gitops.models import Yarn
from gitops.overlay import render
from tests.gitops.test_overlay_bench import build, containers, made, repository

YARN = Yarn(4.0, 32768)
LONG = {"maxModelLen": 131072}
SCALING = '"rope_type":"yarn","factor":4.0,"original_max_position_embeddings":32768'
STRETCHED = '"max_position_embeddings":131072'


def words(text):
    return tuple(text.split())


def release(form, version, **change):
    return made(form, engineVersion=version, **change)


RAY = words(
    "--model /models/Qwen3-32B --served-model-name qwen3-32b --port 8000 --tensor-parallel-size 2"
    " --distributed-executor-backend ray"
)
NODES = words(
    "--distributed-executor-backend mp --nnodes $(LWS_GROUP_SIZE) --node-rank $(LWS_WORKER_INDEX)"
    " --master-addr $(LWS_LEADER_ADDRESS) --master-port 29501"
)
MP = words("/models/Qwen3-32B --served-model-name qwen3-32b")
TP2 = words("--tensor-parallel-size 2")
PORT = words("--port 8000")
SGLANG = words(
    "--model-path /models/Qwen3-32B --served-model-name qwen3-32b --host 0.0.0.0 --port 8000"
)
MEETING = words(
    "--dist-init-addr $(LWS_LEADER_ADDRESS):20000 --nnodes $(LWS_GROUP_SIZE)"
    " --node-rank $(LWS_WORKER_INDEX)"
)
MEMORY = words("--mem-fraction-static 0.88")
METRICS = words("--enable-metrics")


def sglang(*middle, sizes="--tp-size 2", nodes=MEETING, memory=MEMORY):
    return (*SGLANG, *words(sizes), *nodes, *middle, *memory)


@pytest.mark.parametrize(
    ("deployment", "yarn", "leader", "workers"),
    [
        # vLLM 0.10.0 and 0.11.0 with Ray.
        (release("vllm-ray", "0.10.0"), None, RAY, None),
        (
            release("vllm-ray", "0.10.0", maxModelLen=32768),
            None,
            (*RAY, "--max-model-len", "32768"),
            None,
        ),
        (
            release("vllm-ray", "0.11.0", **LONG),
            YARN,
            (*RAY, "--rope-scaling", f"{{{SCALING}}}", "--max-model-len", "131072"),
            None,
        ),
        (
            release("vllm-ray", "0.10.0", parallel={"pipeline": 2}),
            None,
            words(
                "--model /models/Qwen3-32B --served-model-name qwen3-32b --port 8000"
                " --tensor-parallel-size 1 --pipeline-parallel-size 2"
                " --distributed-executor-backend ray"
            ),
            None,
        ),
        (
            release("vllm-ray", "0.10.0", size=1, resources={"memory": "52Gi", "gpus": 2}),
            None,
            (*RAY[:-1], "mp"),
            None,
        ),
        (
            release("vllm-ray", "0.10.0", size=2, parallel={"tensor": 1, "data": 2, "expert": 2}),
            None,
            words(
                "--model /models/Qwen3-32B --served-model-name qwen3-32b --port 8000"
                " --tensor-parallel-size 1 --data-parallel-size 2 --enable-expert-parallel"
                " --data-parallel-size-local 1 --data-parallel-backend ray"
                " --distributed-executor-backend ray"
            ),
            None,
        ),
        # vLLM by itself.
        (
            release("vllm-mp", "0.33.0"),
            None,
            (*MP, *PORT, *TP2, *NODES),
            (*MP, *TP2, *NODES, "--headless"),
        ),
        (
            release("vllm-mp", "0.11.1", **LONG),
            YARN,
            (
                *(*MP, *PORT, *TP2, *NODES, "--hf-overrides"),
                f'{{"rope_scaling":{{{SCALING}}},{STRETCHED}}}',
                *("--max-model-len", "131072"),
            ),
            (
                *(*MP, *TP2, *NODES, "--hf-overrides"),
                f'{{"rope_scaling":{{{SCALING}}},{STRETCHED}}}',
                *("--max-model-len", "131072", "--headless"),
            ),
        ),
        (
            release("vllm-mp", "0.33.0", **LONG),
            YARN,
            (
                *(*MP, *PORT, *TP2, *NODES, "--hf-overrides"),
                f'{{"rope_parameters":{{{SCALING},"rope_theta":1000000}},{STRETCHED}}}',
                *("--max-model-len", "131072"),
            ),
            (
                *(*MP, *TP2, *NODES, "--hf-overrides"),
                f'{{"rope_parameters":{{{SCALING},"rope_theta":1000000}},{STRETCHED}}}',
                *("--max-model-len", "131072", "--headless"),
            ),
        ),
        (
            release("vllm-mp", "0.33.0", size=1, resources={"memory": "52Gi", "gpus": 2}),
            None,
            (*MP, *PORT, *TP2, "--distributed-executor-backend", "mp"),
            None,
        ),
        (
            release(
                "vllm-mp",
                "0.33.0",
                parallel={"tensor": 2, "data": 2, "expert": 4},
                resources={"memory": "52Gi", "gpus": 2},
                quantization="fp8",
                modelPath="/models/Qwen3-32B-FP8",
                apiKeySecret="keys",
                engineArgs=["--max-num-seqs", "64"],
            ),
            None,
            (
                *words("/models/Qwen3-32B-FP8 --served-model-name qwen3-32b --port 8000"),
                *words("--tensor-parallel-size 2 --data-parallel-size 2 --enable-expert-parallel"),
                *(*NODES, "--api-key", "$(API_KEY)", "--max-num-seqs", "64"),
            ),
            (
                *words("/models/Qwen3-32B-FP8 --served-model-name qwen3-32b"),
                *words("--tensor-parallel-size 2 --data-parallel-size 2 --enable-expert-parallel"),
                *(*NODES, "--headless", "--max-num-seqs", "64"),
            ),
        ),
        # SGLang.
        (release("sglang", "0.4.10.post2"), None, (*sglang(), *METRICS), sglang()),
        (
            release("sglang", "0.5.23", **LONG),
            YARN,
            (
                *sglang(
                    "--json-model-override-args",
                    f'{{"rope_scaling":{{{SCALING}}},{STRETCHED}}}',
                    "--context-length",
                    "131072",
                ),
                *METRICS,
            ),
            sglang(
                "--json-model-override-args",
                f'{{"rope_scaling":{{{SCALING}}},{STRETCHED}}}',
                "--context-length",
                "131072",
            ),
        ),
        (
            release("sglang", "0.5.23", maxModelLen=4096, apiKeySecret="keys"),
            None,
            (*sglang("--context-length", "4096"), *METRICS, "--api-key", "$(API_KEY)"),
            sglang("--context-length", "4096"),
        ),
        (
            release("sglang", "0.5.9", engineArgs=["--mem-fraction-static=0.8"]),
            None,
            (*sglang(memory=()), *METRICS, "--mem-fraction-static=0.8"),
            (*sglang(memory=()), "--mem-fraction-static=0.8"),
        ),
        (
            release("sglang", "0.4.10.post2", parallel={"pipeline": 2}),
            None,
            (*sglang(sizes="--tp-size 1 --pp-size 2"), *METRICS),
            sglang(sizes="--tp-size 1 --pp-size 2"),
        ),
        (
            release("sglang", "0.5.9", parallel={"data": 2, "expert": 1}),
            None,
            (*sglang(sizes="--tp-size 2 --dp-size 2 --enable-dp-attention"), *METRICS),
            sglang(sizes="--tp-size 2 --dp-size 2 --enable-dp-attention"),
        ),
        (
            release("sglang", "0.5.23", parallel={"data": 2}),
            None,
            (*sglang(sizes="--tp-size 2 --attn-dp-size 2"), *METRICS),
            sglang(sizes="--tp-size 2 --attn-dp-size 2"),
        ),
        (
            release("sglang", "0.5.23", parallel={"tensor": 2, "expert": 2}),
            None,
            (*sglang(sizes="--tp-size 2 --ep-size 2"), *METRICS),
            sglang(sizes="--tp-size 2 --ep-size 2"),
        ),
        (
            release(
                "sglang", "0.5.23", size=1, parallel={"data": 2},
                resources={"memory": "52Gi", "gpus": 2},
            ),
            None,
            (*sglang(sizes="--tp-size 1 --dp-size 2", nodes=()), *METRICS),
            None,
        ),
    ],
)  # fmt: skip
def test_the_arguments_of_a_version_and_mode_are_these(deployment, yarn, leader, workers):
    arguments = launch(deployment, yarn)

    assert arguments.leader == leader
    assert arguments.workers == workers


def test_the_catalogue_tells_when_a_context_must_be_stretched():
    catalog = Catalog.load()

    assert catalog.yarn(made()) is None
    assert catalog.yarn(made(maxModelLen=40960)) is None
    assert catalog.yarn(made(maxModelLen=40961)) == YARN


@pytest.mark.parametrize(
    ("deployment", "yarn", "text"),
    [
        (
            made("vllm-ray", size=4, parallel={"tensor": 2, "data": 2}),
            None,
            (
                "DP 2 over 4 pods: with Ray each pod holds whole ranks; use a DP that 4 divides, or"
                " vLLM 0.11.1 or newer"
            ),
        ),
        (
            made(model="ours", **LONG),
            YARN,
            (
                "context 131072: the rope_theta of ours is not known, and vLLM 0.33.0 wants it"
                " beside YaRN; serve the model's own length, or take SGLang"
            ),
        ),
        (made(base="kustomize/engines/llama/v1"), None, "vllm-ray, vllm-mp, sglang"),
    ],
)
def test_what_a_launch_form_cannot_do_is_refused(deployment, yarn, text):
    with pytest.raises(InvalidRequestError) as refusal:
        launch(deployment, yarn)

    assert text in str(refusal.value)


@pytest.mark.parametrize(
    ("base", "form"),
    [
        ("kustomize/engines/vllm-ray/v1", "vllm-ray"),
        ("kustomize/engines/vllm-mp/v12", "vllm-mp"),
        ("team/bases/sglang-acme/v1", "sglang"),
    ],
)
def test_a_base_says_its_launch_form(base, form):
    assert form_of(base) == form


HOSTILE = (
    "$(LWS_LEADER_ADDRESS)",
    "$(API_KEY)",
    "$$(API_KEY)",
    "$$",
    "$",
    "$HOME",
    "${HOME}",
    "$$$(API_KEY)$",
    "; rm -rf /",
    "`id`",
    "$(id)",
    "&& true",
    "'",
    '"',
    "a 'b' \"c\"",
    "line\nbreak\n",
    "\\",
    "\\n\\",
    "*",
    "--",
    "a\tb",
    "$(",
    "!#~",
    '{"a": "$(API_KEY)"}',
)
POD = {
    "LWS_LEADER_ADDRESS": "q-0.q.models",
    "LWS_GROUP_SIZE": "2",
    "LWS_WORKER_INDEX": "1",
    "API_KEY": "the key",
    "HOME": "/root",
}


def kubelet(text, variables):
    """Expand a text as the kubelet does: Kubernetes' expansion/expand.go, step by step."""
    done, rest = "", text
    while rest:
        if rest.startswith("$$"):
            done, rest = done + "$", rest[2:]
        elif rest.startswith("$(") and ")" in rest:
            name, _, after = rest[2:].partition(")")
            done, rest = done + variables.get(name, f"$({name})"), after
        else:
            done, rest = done + rest[0], rest[1:]
    return done


@pytest.mark.parametrize("text", HOSTILE)
def test_a_literal_text_comes_out_of_the_kubelet_as_it_went_in(text):
    assert kubelet(literal(text), POD) == text


def test_a_plain_text_is_not_changed_for_the_kubelet():
    assert [literal(text) for text in ("$HOME", "a$b", "$(X)", "{}")] == [
        "$HOME",
        "a$b",
        "$$(X)",
        "{}",
    ]


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """The built containers of each launch form with every hostile text as argument and variable."""
    change = {
        "engineArgs": list(HOSTILE),
        "environmentVariables": {f"V{n}": text for n, text in enumerate(HOSTILE)},
        "apiKeySecret": "keys",
    }
    forms = ("vllm-ray", "vllm-mp", "sglang")
    overlays = [render(made(form, **change)) for form in forms]
    built = build(repository(tmp_path_factory.mktemp("hostile")), *overlays)
    return dict(zip(forms, map(containers, built), strict=True))


@pytest.fixture
def started(tmp_path):
    """Start a container's command as a kubelet would; return the argv of each program it starts.

    Programs are stubs that write down what they got; nothing else is on PATH.
    """
    for program in ("bash", "python3", "vllm"):
        stub = tmp_path / program
        stub.write_text(
            f'#!{shutil.which("sh")}\nfor a in {program} "$@" end-of-call; do'
            f' printf "%s\\0" "$a"; done >> {tmp_path}/calls\n'
        )
        stub.chmod(0o755)

    def start(container):
        argv = [kubelet(word, POD) for word in (*container["command"], *container.get("args", []))]
        argv[0] = shutil.which("sh") if argv[0] == "sh" else str(tmp_path / argv[0])
        subprocess.run(argv, env=POD | {"PATH": str(tmp_path)}, cwd=tmp_path, check=True)
        calls = (tmp_path / "calls").read_text().split("end-of-call\0")
        return [call.split("\0")[:-1] for call in calls if call]

    return start


@pytest.mark.parametrize("form", ["vllm-ray", "vllm-mp", "sglang"])
def test_every_hostile_text_reaches_the_engine_as_one_literal_argument(hostile, started, form):
    *before, call = started(hostile[form][0])

    assert call[-len(HOSTILE) :] == list(HOSTILE)
    assert call[call.index("--api-key") + 1] == "the key"
    assert [program for program, *_ in before] == (["bash"] if form == "vllm-ray" else [])
    assert {"vllm-ray": "python3", "vllm-mp": "vllm", "sglang": "python3"}[form] == call[0]


@pytest.mark.parametrize("form", ["vllm-mp", "sglang"])
def test_workers_get_the_same_texts_and_no_key(hostile, started, form):
    [call] = started(hostile[form][1])

    assert call[-len(HOSTILE) :] == list(HOSTILE)
    assert "the key" not in call
    assert "q-0.q.models" in " ".join(call)


def test_ray_is_started_before_the_server_for_the_whole_group(hostile, started):
    ray, server = started(hostile["vllm-ray"][0])

    assert ray[1:] == [
        "/vllm-workspace/examples/online_serving/multi-node-serving.sh",
        "leader",
        "--ray_cluster_size=2",
        "--ray_init_timeout=1800",
    ]
    assert server[1:3] == ["-m", "vllm.entrypoints.openai.api_server"]


def test_a_group_of_one_pod_starts_no_ray(hostile, started, monkeypatch):
    monkeypatch.setitem(POD, "LWS_GROUP_SIZE", "1")

    assert [program for program, *_ in started(hostile["vllm-ray"][0])] == ["python3"]


def test_a_server_does_not_start_where_ray_failed(hostile, started, tmp_path):
    (tmp_path / "bash").write_text(f"#!{shutil.which('sh')}\nexit 1\n")

    with pytest.raises(subprocess.CalledProcessError):
        started(hostile["vllm-ray"][0])
    assert not (tmp_path / "calls").exists()


@pytest.mark.parametrize("form", ["vllm-ray", "vllm-mp", "sglang"])
def test_every_hostile_text_is_a_literal_variable(hostile, form):
    for container in hostile[form]:
        values = {entry["name"]: entry.get("value") for entry in container["env"]}

        assert [kubelet(values[f"V{n}"], POD) for n in range(len(HOSTILE))] == list(HOSTILE)
