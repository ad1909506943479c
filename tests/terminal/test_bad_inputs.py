"""Bad inputs of every kind: one clear line, exit 1 or 2, nothing written, never a traceback."""

import pytest

DEPLOY = ("deploy", "qwen3-32b", "sglang")

WORDS = [
    # names and paths
    ((*DEPLOY, "../x"), "“.” is not allowed"),
    ((*DEPLOY, "a/b"), "“/” is not allowed"),
    ((*DEPLOY, "/etc/passwd"), "“/” is not allowed"),
    ((*DEPLOY, "..%2fx"), "“.” is not allowed"),
    ((*DEPLOY, ""), "name: empty"),
    ((*DEPLOY, "A"), "“A” is not allowed"),
    ((*DEPLOY, "1a"), "must begin with a letter"),
    ((*DEPLOY, "a-"), "must begin with a letter and end"),
    ((*DEPLOY, "qwen2.5"), "“.” is not allowed"),
    ((*DEPLOY, "x" * 46), "longer than 45 characters"),
    ((*DEPLOY, "vllm"), "would set VLLM_PORT"),
    ((*DEPLOY, "a\nb"), "U+000A is not allowed"),
    ((*DEPLOY, "a\tb"), "U+0009 is not allowed"),
    ((*DEPLOY, "a\u202eb"), "RIGHT-TO-LEFT OVERRIDE"),
    ((*DEPLOY, "a\u200bb"), "ZERO WIDTH SPACE"),
    ((*DEPLOY, "m\u043edel"), "is not allowed"),
    ((*DEPLOY, "😀"), "is not allowed"),
    ((*DEPLOY, "{{7*7}}"), "“{” is not allowed"),
    ((*DEPLOY, "--environment", "../prod"), "environment"),
    ((*DEPLOY, "--environment", "prod"), "has no environment.yaml"),
    ((*DEPLOY, "--namespace", "kube_system"), "namespace"),
    ((*DEPLOY, "--storage", "../claim"), "claim"),
    ((*DEPLOY, "--model-path", "/models/../../etc"), "“.” and “..” are not allowed"),
    ((*DEPLOY, "--model-path", "oss://bucket/x"), "an absolute path"),
    ((*DEPLOY, "--model-path", "file:///x"), "an absolute path"),
    ((*DEPLOY, "--model-path", "/m; rm -rf /"), "an absolute path"),
    # sizes
    ((*DEPLOY, "--replicas", "-1"), "must be between 0 and 1000"),
    ((*DEPLOY, "--replicas", "0"), "a deploy is of at least one group"),
    ((*DEPLOY, "--replicas", "1e9"), "not a valid integer"),
    ((*DEPLOY, "--replicas", "NaN"), "not a valid integer"),
    ((*DEPLOY, "--replicas", "1.5"), "not a valid integer"),
    ((*DEPLOY, "--replicas", "0x10"), "not a valid integer"),
    ((*DEPLOY, "--replicas", "\u0663"), "not a valid integer"),
    ((*DEPLOY, "--replicas", "1_0"), "not a valid integer"),
    ((*DEPLOY, "--replicas", "999999999999999999999"), "must be between 0 and 1000"),
    ((*DEPLOY, "--tp", "3"), "64 attention heads"),
    ((*DEPLOY, "--tp", "0"), "TP 0"),
    ((*DEPLOY, "--tp", "4", "--nodes", "2"), "make them equal"),
    ((*DEPLOY, "--pp", "65", "--nodes", "13", "--gpus-per-node", "10"), "64 layers"),
    ((*DEPLOY, "--gpus-per-node", "0"), "GPUs a pod 0"),
    ((*DEPLOY, "--gpus-per-node", "99"), "GPUs a pod 99"),
    ((*DEPLOY, "--nodes", "1000"), "size 1000"),
    ((*DEPLOY, "--context", "0"), "max model length 0"),
    ((*DEPLOY, "--context", "99999999999"), "max model length"),
    ((*DEPLOY, "--context", "500000"), "reads at most"),
    ((*DEPLOY, "--cpu", "0"), "CPU 0"),
    ((*DEPLOY, "--memory", "24GiB"), "expected a quantity"),
    ((*DEPLOY, "--memory", "-1Gi"), "expected a quantity"),
    ((*DEPLOY, "--memory", "1e3"), "expected a quantity"),
    ((*DEPLOY, "--shm", "24Gi;"), "expected a quantity"),
    ((*DEPLOY, "--max-surge", "-1"), "maxSurge -1"),
    ((*DEPLOY, "--max-surge", "0", "--max-unavailable", "0"), "no group could ever be updated"),
    # engines, images, arguments
    (("deploy", "qwen3-32b", "tgi"), "is not one of 'vllm', 'sglang'"),
    (("deploy", "qwen3-32b", "sglang; curl evil|sh"), "is not one of"),
    (("deploy", "qwen3-32", "sglang"), "did you mean qwen3-32b?"),
    (("deploy", "{{7*7}}", "sglang"), "not in the catalogue"),
    ((*DEPLOY, "--engine-version", "9.9"), "9.9"),
    ((*DEPLOY, "--engine-version", "latest"), "latest"),
    ((*DEPLOY, "--image", "evil.io/x:latest"), "latest"),
    ((*DEPLOY, "--image", "evil.io/x"), "version"),
    ((*DEPLOY, "--image", "x@sha256:short"), "image"),
    ((*DEPLOY, "--image", ""), "image"),
    ((*DEPLOY, "--quant", "int1"), "expected one of"),
    ((*DEPLOY, "--arg", "--trust-remote-code"), "--trust-remote-code"),
    ((*DEPLOY, "--arg", "--api-key=sk-secret"), "--api-key"),
    ((*DEPLOY, "--arg", "--host=$(LWS_LEADER_ADDRESS)"), "--host"),
    ((*DEPLOY, "--arg", "--no-such-flag"), "--no-such-flag"),
    ((*DEPLOY, "--arg", "; rm -rf /"), "; rm -rf /"),
    ((*DEPLOY, "--env", "NOVALUE"), "expected NAME=VALUE"),
    ((*DEPLOY, "--env", "A B=1"), "environment variable A B"),
    ((*DEPLOY, "--node-label", "a b=c"), "node label"),
    ((*DEPLOY, "--toleration", "a b"), "toleration key"),
    ((*DEPLOY, "--component", "../x"), "component"),
    ((*DEPLOY, "--component", "no-such"), "no-such"),
    ((*DEPLOY, "--reason", "a\u202eb"), "RIGHT-TO-LEFT OVERRIDE"),
    ((*DEPLOY, "--tpp", "2"), "No such option '--tpp'"),
    # verbs on what is not there
    (("scale", "nobody", "2"), "deployment nobody: not found"),
    (("scale", "nobody", "two"), "not a valid integer"),
    (("update", "nobody"), "nothing to change"),
    (("undeploy", "../x"), "not found"),
    (("restart", "nobody"), "not found"),
    (("depoly", "x"), "did you mean “deploy”?"),
    (("fit", "qwen3-32b", "sglang", "--gpu", "L2O"), "L2O"),
    (("fit", "qwen3-32b", "sglang", "--gpu", "L20", "--tp", "5"), "attention heads"),
    (("models", "show", "nobody"), "not in the catalogue"),
    (("diff", "--upload-pack=x"), "upload-pack"),
    (("diff", "no-such-rev"), "no-such-rev"),
    (("check", "--changed-since", "$(id)"), "$(id)"),
    (("check", "nowhere"), "does not exist"),
    (("import", "nothing.yaml"), "does not exist"),
]


@pytest.mark.parametrize(("words", "line"), WORDS, ids=[" ".join(w)[:60] for w, _ in WORDS])
def test_bad_words_end_in_one_clear_line_and_write_nothing(repository, words, line):
    check(repository, words, line)


def check(repository, words, line):
    before = repository.snapshot()

    said = repository.attempt(*words)

    assert said.code in {1, 2}, said
    assert line in said.err, said
    assert "Traceback" not in said.err
    told = [t for t in said.err.splitlines() if t.strip() and not t.startswith(("Usage:", "Try "))]
    assert len(told) == 1, said
    assert repository.snapshot() == before


DEPLOYED = "overlays/staging/qwen3-32b-sglang/llm.yaml"

SOURCES = [
    (b"\xff\xfe", "is not UTF-8"),
    (b"a: 1\na: 2\n", "stands twice"),
    (b"a: &x 1\nb: *x\n", "anchors and aliases are refused"),
    (b"a: &a [x]\nb: &b [*a,*a]\nc: [*b,*b]\n", "anchors and aliases are refused"),
    (b"[" * 5000, "nesting depth"),
    (b"!!python/object:os.system x\n", "could not determine a constructor"),
    (b"- a\n", "expected a mapping"),
    (b"", "expected one YAML document, found 0"),
    (b"a: 1\n---\nb: 2\n", "expected one YAML document, found 2"),
    (b"\ta: 1\n", "cannot start any token"),
    (b"x" * 1_000_001, "larger than 1000000 bytes"),
    (b"replcas: 1\n", "unknown field replcas; did you mean replicas?"),
    (b"name: x\n", "missing required field"),
]


@pytest.mark.parametrize(("content", "line"), SOURCES, ids=[line for _, line in SOURCES])
def test_a_bad_llm_yaml_is_one_clear_line_in_every_verb(repository, content, line):
    repository("deploy", "qwen3-32b", "sglang")
    (repository.folder / DEPLOYED).write_bytes(content)

    check(repository, ("scale", "qwen3-32b-sglang", "2"), line)
    checked = repository.attempt("check")
    assert checked.code == 1
    assert line in checked.out
    assert "Traceback" not in checked.err


KUSTOMIZATIONS = [
    ("resources: [https://evil.example/x]\n", "https://evil.example/x"),
    ("resources: [../../../../../etc]\n", "outside"),
    ("resources: [/etc]\n", "/etc"),
    ("helmCharts: [{name: x}]\n", "helmCharts"),
    ("generators: [exec.yaml]\n", "exec.yaml"),
    ("openapi: {path: 'https://evil.example/x'}\n", "https://evil.example/x"),
    ("secretGenerator: [{name: x, literals: [a=b]}]\n", "secretGenerator"),
    ("resorces: [x]\n", "resorces"),
]


@pytest.mark.parametrize(("text", "line"), KUSTOMIZATIONS, ids=[line for _, line in KUSTOMIZATIONS])
def test_a_custom_kustomization_that_reaches_outside_is_refused(repository, text, line):
    repository("deploy", "qwen3-32b", "sglang")
    head = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n"
    custom = repository.folder / "overlays/staging/qwen3-32b-sglang/custom/kustomization.yaml"
    custom.write_text(head + text)

    said = repository.attempt("check")

    assert said.code == 1
    assert line in said.out
    assert "Traceback" not in said.err


def test_a_link_out_of_the_repository_is_not_followed(repository, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (repository.folder / "overlays/staging/qwen3-32b-sglang").symlink_to(outside)

    said = repository.attempt("deploy", "qwen3-32b", "sglang")

    assert said.code == 1
    assert "symbolic link" in said.err
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize("text", ["{{ 7*7 }}", "{% for x in y %}", "${x}", "<!channel>", "'; x: y"])
def test_template_syntax_in_a_text_stays_text(repository, text):
    repository("deploy", "qwen3-32b", "sglang", "--reason", text, "--env", f"A={text}")

    source = (repository.folder / DEPLOYED).read_text()
    built = repository("render", "overlays/staging/qwen3-32b-sglang").out
    assert text in source.replace("\\", "")
    assert text.replace("'", "'") in built.replace("\\", "")
    repository("check")


CONFIGS = [
    (b"\xff", "is not a JSON object"),
    (b"[]", "expected an object"),
    (b"{", "is not a JSON object"),
    (b'{"a": 1, "a": 2}', "stands twice"),
    (b'{"a": NaN}', "is no JSON number"),
    (b"[" * 100_000, "is not a JSON object"),
    (b'{"architectures": ["Evil"], "_name_or_path": "a/b"}', "Evil"),
    (b"{}", "add --repository"),
    (b" " * 1_000_001, "larger than"),
]


@pytest.mark.parametrize(("content", "line"), CONFIGS, ids=[line for _, line in CONFIGS])
def test_a_bad_config_is_one_clear_line(repository, content, line):
    (repository.folder / "config.json").write_bytes(content)

    check(repository, ("models", "add", "config.json"), line)


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"\xff", "is not UTF-8"),
        (b"- a\n", "is not a mapping"),
        (b"", "holds no manifest"),
        (b"kind: LeaderWorkerSet\n", "importing"),
        (b"a: 1\na: 2\n", "stands twice"),
    ],
)
def test_a_bad_manifest_is_one_clear_line(repository, content, line):
    (repository.folder / "x.yaml").write_bytes(content)

    check(repository, ("import", "x.yaml"), line)
