"""Import: which commands are understood, and what is refused with the next step."""

import pytest

from gitops.engine import Engine
from gitops.environment import Environment
from gitops.errors import InvalidRequestError
from gitops.importing import Wanted, import_manifests
from gitops.importing.commands import Start, read_start
from gitops.importing.flags import read_flags

STAGING = Environment(name="staging", claims=("llm-model",))
TEXT = """
apiVersion: leaderworkerset.x-k8s.io/v1
kind: LeaderWorkerSet
metadata: {name: mine}
spec:
  leaderWorkerTemplate:
    size: 2
    workerTemplate:
      spec:
        containers:
        - name: engine
          image: registry.example/sglang:v0.5.23
          command: [python3, -m, sglang.launch_server]
          args: [--model-path, /models/Qwen3-8B, --tp-size, "2", --nnodes, "2"]
          resources: {limits: {nvidia.com/gpu: 1, memory: 80Gi}}
          volumeMounts: [{name: model, mountPath: /models/Qwen3-8B}]
        volumes:
        - name: model
          persistentVolumeClaim: {claimName: llm-model}
"""
NATIVE = "--nnodes $(LWS_GROUP_SIZE) --node-rank $(LWS_WORKER_INDEX) --master-addr $(X)"
RAY = "bash /x/multi-node-serving.sh leader --ray_cluster_size=$LWS_GROUP_SIZE"


def shell(line):
    return ["/bin/bash", "-ec", line]


def serves(engine, *flags):
    return Start(engine, tuple(flags))


@pytest.mark.parametrize(
    ("words", "start"),
    [
        (
            shell(f"exec vllm serve /models/X -tp 2 {NATIVE} --headless"),
            serves(
                Engine.VLLM,
                ("--model", ("/models/X",)),
                ("-tp", ("2",)),
                ("--nnodes", ("$(LWS_GROUP_SIZE)",)),
                ("--node-rank", ("$(LWS_WORKER_INDEX)",)),
                ("--master-addr", ("$(X)",)),
                ("--headless", ()),
            ),
        ),
        (
            ["vllm", "serve", "/models/X", "--max_model_len=1000"],
            serves(Engine.VLLM, ("--model", ("/models/X",)), ("--max-model-len", ("1000",))),
        ),
        (
            ["--model", "/models/X", "--seed", "-1"],
            serves(Engine.VLLM, ("--model", ("/models/X",)), ("--seed", ("-1",))),
        ),
        (
            ["/usr/bin/python3.12", "-m", "sglang.launch_server", "--model-path", "/models/X"],
            serves(Engine.SGLANG, ("--model-path", ("/models/X",))),
        ),
        (
            shell("sglang serve --model-path '/models/X' \\\n  --tp $SIZE\n"),
            serves(Engine.SGLANG, ("--model-path", ("/models/X",)), ("--tp", ("8",))),
        ),
        (
            shell("# serve it\nA=1 B='x y' exec vllm serve /models/X --hf-overrides '{\"a\": 1}'"),
            Start(
                Engine.VLLM,
                (("--model", ("/models/X",)), ("--hf-overrides", ('{"a": 1}',))),
                (("A", "1"), ("B", "x y")),
            ),
        ),
        (shell("ray start --address=$(X):6379 --block"), Start(None)),
        (["bash", "/x/multi-node-serving.sh", "worker", "--ray_address=$(X)"], Start(None)),
        (
            shell(f"{RAY} && vllm serve /models/X"),
            serves(Engine.VLLM, ("--model", ("/models/X",))),
        ),
    ],
)
def test_the_known_forms_of_a_command_are_read(words, start):
    assert read_start(words, {"SIZE": "8"}, Engine.VLLM) == start


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("vllm serve /models/X | tee log", "holds “|”: import reads only commands in a row"),
        ("vllm serve /models/X > log", "holds “>”"),
        ("vllm serve /models/X &", "holds “&”"),
        ("vllm serve /models/$(hostname -s)", "holds “(”"),
        ("vllm serve /models/`id`", "holds backticks"),
        ("vllm serve /models/X --stop ';'", "quoted operators"),
        ("vllm serve /models/X # x", "a comment behind a command"),
        ("vllm serve '/models/X", "a quote that does not end"),
        ("while true; do vllm serve /models/X; done", "holds “while”"),
        ("if true; then vllm serve /models/X; fi", "holds “if”"),
        ("vllm serve /models/X; vllm serve /models/Y", "starts two servers"),
        ("python3 -m http.server", "starts neither vLLM nor SGLang"),
        ("", "starts neither vLLM nor SGLang"),
    ],
)
def test_what_a_shell_could_do_otherwise_is_refused(line, said):
    with pytest.raises(InvalidRequestError) as refusal:
        read_start(shell(line), {}, None)

    assert said in str(refusal.value)


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ("--load-format runai", "--load-format was not carried: "),
        ("--no-such-flag 1", "--no-such-flag was not carried: not on the list of flags"),
        ("-x 1", "-x was not carried: "),
        ("--hf-token canary", "--hf-token was not carried: a secret does not stand on a command"),
        ("--seed $(SEED)", "--seed was not carried: its value comes from a variable"),
        ("--port 9000", "port 9000 was not carried: 8000 is served"),
    ],
)
def test_a_flag_that_cannot_be_an_argument_is_noted(flags, said):
    start = read_start(["vllm", "serve", "/models/X", *flags.split()], {}, None)

    launched = read_flags(start, "0.33.0")

    assert launched.extra == ()
    assert [note[: len(said)] for note in launched.notes] == [said]
    assert "canary" not in str(launched)


@pytest.mark.parametrize(
    ("flags", "sizes"),
    [
        ("--tp 8 --dp 8 --enable-dp-attention --ep 8", (1, 8, 8)),
        ("--tp-size 8", (8, 1, 1)),
        ("--tp-size 4 --dp-size 2", (4, 2, 1)),
        ("--tp-size 16 --ep-size 16", (16, 1, 16)),
    ],
)
def test_sglangs_sizes_multiply_here(flags, sizes):
    words = ["sglang", "serve", "--model-path", "/models/X", *flags.split()]

    launched = read_flags(read_start(words, {}, None), "0.5.23")

    assert (launched.tensor, launched.data, launched.expert) == sizes
    assert launched.extra == ()


def test_a_set_of_one_template_is_taken_for_leader_and_workers(catalog):
    [deployment] = import_manifests(TEXT, STAGING, catalog).overlays

    assert (deployment.model, deployment.size, deployment.engine_version) == (
        "qwen3-8b",
        2,
        "0.5.23",
    )
    assert (deployment.resources.memory, deployment.resources.cpu) == ("80Gi", 8)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("Qwen3-8B", "Mine-7B", "which model is /models/Mine-7B? no repository of the catalogue"),
        ("sglang:v0.5.23", "sglang:latest", "pin a version tag or a digest"),
        ("sglang:v0.5.23", "sglang:2026-08", "its tag does not tell which SGLang it holds"),
        ("sglang:v0.5.23", "sglang:v0.3.0", "SGLang 0.3.0: no recipe covers it"),
        ("nvidia.com/gpu: 1, ", "", "its leader asks for no nvidia.com/gpu"),
        ("memory: 80Gi", "cpu: many, memory: 80Gi", "CPU many: expected a number of cores"),
        ("mountPath: /models/Qwen3-8B", "mountPath: /models", "make a storage unit whose path is"),
        (
            "mountPath: /models/Qwen3-8B",
            "mountPath: /models/Qwen3-8B, subPath: a",
            "make a storage",
        ),
        ("/models/Qwen3-8B, --tp", "Qwen/Qwen3-8B, --tp", "lies on no claim; make a storage unit"),
        ("claimName", "other", "claim"),
        ('--tp-size, "2"', '--tp-size, "4"', "= 4 GPUs a group, but 2 pods × 1 GPU = 2"),
        ('--tp-size, "2"', "--tp-size, two", "tensor parallel size two: expected a number"),
        ("--model-path, /models/Qwen3-8B, ", "", "its command names no model"),
        ("[python3, -m, sglang.launch_server]", "[sleep]", "starts neither vLLM nor SGLang"),
        ("{name: mine}", "{name: My_Set}", "name My_Set: “M” is not allowed"),
        ("size: 2", "size: 2\n    restartPolicy: Always", "LeaderWorkerSet has none such"),
        ("--nnodes", "--context-length, long, --nnodes", "context length long: expected a number"),
    ],
)
def test_a_set_that_cannot_be_a_deployment_is_refused_with_the_next_step(catalog, old, new, said):
    assert old in TEXT

    with pytest.raises(InvalidRequestError) as refusal:
        import_manifests(TEXT.replace(old, new), STAGING, catalog)

    assert str(refusal.value).startswith("importing LeaderWorkerSet ")
    assert said in str(refusal.value)


def test_a_person_may_name_the_model_and_the_version(catalog):
    text = TEXT.replace("Qwen3-8B", "mine").replace("v0.5.23", "2026-08")
    wanted = Wanted(model="qwen3-8b", engine_version="0.5.23")

    [deployment] = import_manifests(text, STAGING, catalog, wanted).overlays

    assert (deployment.model, deployment.engine_version) == ("qwen3-8b", "0.5.23")
    assert deployment.model_path == "/models/mine"


def test_a_quantized_checkpoint_is_known_by_its_path(catalog):
    text = TEXT.replace("Qwen3-8B", "Qwen3-8B-FP8")
    [deployment] = import_manifests(text, STAGING, catalog).overlays

    assert (deployment.model, deployment.quantization) == ("qwen3-8b", "fp8")


@pytest.mark.parametrize(
    ("memory", "kept", "said"),
    [
        ("80Gi", "80Gi", ""),
        ("32Gi", "32Gi", "leaves 17Gi for the engine: it was kept, 47Gi would be safe"),
        ("30Gi", "47Gi", "leaves 15Gi for the engine: 47Gi was written"),
        ("64G", "59Gi", ""),
    ],
)
def test_memory_is_kept_where_check_would_take_it(catalog, memory, kept, said):
    found = import_manifests(TEXT.replace("80Gi", memory), STAGING, catalog)

    assert found.overlays[0].resources.memory == kept
    assert [said for note in found.notes if said and said in note] == ([said] if said else [])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\na: 2\n", "the key 'a' stands twice"),
        ("- 1\n", "a document is not a mapping"),
        ("", "holds no manifest"),
        ("kind: List\nitems: []\n", "holds no manifest"),
    ],
)
def test_what_is_no_manifest_is_refused(catalog, text, said):
    with pytest.raises(InvalidRequestError) as refusal:
        import_manifests(text, STAGING, catalog, source="mine.yaml")

    assert str(refusal.value).startswith("mine.yaml: ")
    assert said in str(refusal.value)


def test_kinds_that_are_not_understood_are_named(catalog):
    text = "kind: List\nitems: [{kind: ConfigMap, metadata: {name: a}}, {kind: Service}]\n"

    found = import_manifests(text, STAGING, catalog)

    assert (found.overlays, found.storage) == ([], [])
    assert found.notes == (
        "Service None: was not carried: it selects no set of this file; put it into custom/",
        "ConfigMap a: was not carried: import knows no ConfigMap; put it into custom/",
    )


def test_a_claim_that_the_environment_does_not_list_is_told(catalog):
    found = import_manifests(TEXT, Environment(name="staging"), catalog)

    assert (
        "LeaderWorkerSet mine: claim llm-model: add it to claims in"
        " overlays/staging/environment.yaml" in found.notes
    )
