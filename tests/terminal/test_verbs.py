"""The verbs of desired state in a new repository, from the first deploy to the last undeploy."""

import json
import re

import pytest

from gitops.documents import load_all, load_mapping

NAME = "qwen3-32b-sglang"
FOLDER = f"overlays/staging/{NAME}"

MANIFESTS = """\
apiVersion: leaderworkerset.x-k8s.io/v1
kind: LeaderWorkerSet
metadata: {name: old-sglang}
spec:
  replicas: 2
  leaderWorkerTemplate:
    size: 2
    leaderTemplate:
      metadata: {labels: {role: leader}}
      spec: &pod
        containers:
          - name: engine
            image: lmsysorg/sglang:v0.5.9
            command: [sh, -c, "python3 -m sglang.launch_server --model-path /models/Qwen3-32B \
              --tp 2 --dist-init-addr $(LWS_LEADER_ADDRESS):20000 --nnodes $(LWS_GROUP_SIZE) \
              --node-rank $(LWS_WORKER_INDEX) --trust-remote-code --host 0.0.0.0 --port 8000"]
            resources: {limits: {nvidia.com/gpu: "1", memory: 64Gi, cpu: "8"}}
            volumeMounts: [{name: model, mountPath: /models/Qwen3-32B}]
        volumes: [{name: model, persistentVolumeClaim: {claimName: llm-model}}]
    workerTemplate:
      spec: POD
---
apiVersion: v1
kind: Secret
metadata: {name: oss-secret}
stringData: {akId: LTAI5tAAAAAAAAAA, akSecret: hunter2}
"""


def pod(text):
    """Write the leader's pod out for the worker: anchors are refused."""
    head, _, rest = text.partition("      spec: &pod\n")
    body, _, tail = rest.partition("    workerTemplate:\n      spec: POD\n")
    return f"{head}      spec:\n{body}    workerTemplate:\n      spec:\n{body}{tail}"


def test_a_new_repository_checks_and_plans_without_writing(repository):
    before = repository.snapshot()

    said = repository("plan", "qwen3-32b", "sglang", "--engine-version", "0.4.10.post2")

    assert said.out.startswith(
        f"deploy(staging/{NAME}): sglang 0.4.10.post2 · 1×(2×1 GPU) · TP 2\n"
    )
    assert f"  + {FOLDER}/llm.yaml\n" in said.out
    assert "+kind: LeaderWorkerSet\n" in said.out
    assert repository.snapshot() == before


def test_deploy_scale_update_restart_undeploy_each_change_what_they_say(repository):
    repository("deploy", "qwen3-32b", "sglang", "--reason", "測試一下")
    repository("check")
    repository.commit()
    first = lws(repository)

    scaled = json.loads(repository("scale", NAME, "3", "--json").out)
    assert scaled["title"] == f"scale(staging/{NAME}): 1 → 3 groups"
    assert (scaled["impact"]["kind"], scaled["impact"]["gpus_after"]) == ("scale", 6)
    assert lws(repository)["spec"]["replicas"] == 3

    repository(
        "update", NAME, "--context", "16384", "--arg", "--max-running-requests", "--arg", "8"
    )
    arguments = lws(repository)["spec"]["leaderWorkerTemplate"]["leaderTemplate"]["spec"]
    assert "--context-length" in arguments["containers"][0]["args"]
    assert arguments["containers"][0]["args"][-2:] == ["--max-running-requests", "8"]

    restarted = repository("restart", NAME)
    assert "rolling restart of 3 groups, 1 down at a time" in restarted.out
    assert first["spec"]["leaderWorkerTemplate"] != lws(repository)["spec"]["leaderWorkerTemplate"]
    repository("check")

    undeployed = repository("undeploy", NAME)
    assert "6 GPUs released, storage stays" in undeployed.out
    assert not (repository.folder / FOLDER).exists()


def lws(repository):
    objects = load_all(repository("render", FOLDER).out)
    return next(o for o in objects if o["kind"] == "LeaderWorkerSet")


def test_the_same_deploy_again_changes_nothing(repository):
    repository("deploy", "qwen3-32b", "vllm")
    before = repository.snapshot()

    said = repository("deploy", "qwen3-32b", "vllm")

    assert "is already as you ask; nothing changes" in said.out
    assert repository.snapshot() == before


def test_what_people_put_into_custom_is_kept_and_built(repository):
    repository("deploy", "qwen3-32b", "sglang")
    custom = repository.folder / FOLDER / "custom"
    component = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n"
    (custom / "kustomization.yaml").write_text(component + "resources: [map.yaml]\n")
    (custom / "map.yaml").write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ours}\n")

    repository("scale", NAME, "2")

    assert "name: ours" in repository("render", FOLDER).out
    assert (custom / "kustomization.yaml").read_text().endswith("resources: [map.yaml]\n")


def test_a_hand_edit_fails_check_and_render_write_mends_it(repository):
    repository("deploy", "qwen3-32b", "sglang")
    edited = repository.folder / FOLDER / "leaderworkerset.yaml"
    edited.write_text(edited.read_text().replace("52Gi", "24Gi"))

    said = repository.attempt("check")
    assert said.code == 1
    assert "leaderworkerset.yaml was edited by hand; change llm.yaml" in said.out
    assert "custom/" in said.out

    repository("render", FOLDER, "--write")
    repository("check")


def test_check_changed_since_looks_only_at_what_a_change_touches(repository):
    for engine in ("sglang", "vllm"):
        repository("deploy", "qwen3-32b", engine)
    repository.commit()
    assert repository("check", "--changed-since", "HEAD").out.startswith("nothing to check")

    repository("scale", NAME, "2")
    said = repository("check", "--changed-since", "HEAD", "--format", "json")
    assert [report["folder"] for report in json.loads(said.out)] == [FOLDER]


@pytest.mark.parametrize(
    ("more", "namespace", "code"),
    [
        ("", "default", 1),
        ("cluster", "default", 0),
        ("context", "default", 0),
        ("", "prod", 0),
    ],
)
def test_two_environments_of_one_cluster_cannot_both_own_a_deployment(
    repository, more, namespace, code
):
    repository("deploy", "qwen3-32b", "sglang")
    overlays = repository.folder / "overlays"
    there = (overlays / "staging/environment.yaml").read_text()
    for field in filter(None, [more]):
        there = re.sub(rf"^{field}:.*\n", "", there, flags=re.MULTILINE)
        there += f"{field}: prod-eu\n"
    (overlays / "prod").mkdir()
    (overlays / "prod/environment.yaml").write_text(there.replace("staging", "prod"))
    words = ("--environment", "prod", "--namespace", namespace)
    repository("deploy", "qwen3-32b", "sglang", *words)

    said = repository.attempt("check")

    assert said.code == code
    line = f"LeaderWorkerSet default/{NAME} is also that of overlays/prod/{NAME}, in the same"
    assert (line in said.out) == (code == 1)


def test_a_pull_request_cannot_waive_itself(repository):
    repository("deploy", "qwen3-32b", "sglang")
    repository.commit()
    custom = repository.folder / FOLDER / "custom/kustomization.yaml"
    component = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n"
    patch = "- {op: replace, path: /spec/type, value: NodePort}\n"
    (custom.parent / "service.yaml").write_text(patch)
    custom.write_text(component + "patches: [{path: service.yaml, target: {kind: Service}}]\n")
    policy = repository.folder / "policy.yaml"
    waiver = "rules:\n  - {lint: service-type, severity: waived, reason: trust me}\n"
    policy.write_text(waiver)

    said = repository.attempt("check", "--changed-since", "HEAD", "--format", "github")

    assert said.code == 1
    assert f"::error file={FOLDER}/llm.yaml,title=service-type::" in said.out


def test_a_flag_off_the_list_is_allowed_by_a_policy_with_its_reason(repository):
    words = ("deploy", "qwen3-32b", "sglang", "--arg", "--trust-remote-code")
    assert repository.attempt(*words).code == 1
    allowed = "engine-flags:\n  - {flag: --trust-remote-code, reason: ours alone}\n"
    waived = "rules:\n  - {lint: trust-remote-code, severity: waived, reason: ours alone}\n"
    (repository.folder / "policy.yaml").write_text(allowed + waived)

    repository("deploy", "qwen3-32b", "sglang", "--arg", "--trust-remote-code")

    assert "waived" in repository("check").out


def test_diff_compares_what_two_revisions_build_to(repository):
    repository("deploy", "qwen3-32b", "sglang")
    repository.commit()
    repository("scale", NAME, "2")
    repository.commit()

    said = repository("diff", "HEAD~1", "HEAD")

    assert "-  replicas: 1\n+  replicas: 2\n" in said.out
    assert repository("diff", "HEAD", "HEAD").out == "no rendered difference\n"
    assert "<details>" in repository("diff", "HEAD~1", "--markdown").out


def test_manifests_become_an_overlay_that_passes_and_no_secret_is_carried(repository):
    (repository.folder / "old.yaml").write_text(pod(MANIFESTS))

    said = repository("import", "old.yaml", "--environment", "staging")

    assert "--trust-remote-code was dropped" in said.out
    assert "its values were not carried" in said.out
    source = load_mapping(
        (repository.folder / "overlays/staging/old-sglang/llm.yaml").read_text(), "llm.yaml"
    )
    assert (source["model"], source["engine"], source["replicas"]) == ("qwen3-32b", "sglang", 2)
    (repository.folder / "old.yaml").unlink()
    assert not [path for path, data in repository.snapshot().items() if b"hunter2" in data]
    repository("check")


def test_upgrading_a_repository_changes_no_released_base(repository):
    base = repository.folder / "kustomize/engines/sglang/v1/service.yaml"
    base.unlink()

    said = repository("init", ".", "--upgrade")
    again = repository("init", ".", "--upgrade")

    assert "kustomize/engines/sglang/v1" in said.out
    assert again.code == 0


def test_a_model_is_added_from_its_config_and_can_be_deployed(repository):
    config = {
        "_name_or_path": "acme/Tiny-1B", "architectures": ["Qwen3ForCausalLM"],
        "model_type": "qwen3", "hidden_size": 2048, "num_hidden_layers": 16,
        "num_attention_heads": 16, "num_key_value_heads": 8, "head_dim": 128,
        "intermediate_size": 6144, "vocab_size": 151936, "max_position_embeddings": 32768,
        "tie_word_embeddings": True, "torch_dtype": "bfloat16",
    }  # fmt: skip
    (repository.folder / "config.json").write_text(json.dumps(config))

    repository("models", "add", "config.json")

    assert "tiny-1b" in repository("models", "tiny").out
    repository("deploy", "tiny-1b", "vllm", "--tp", "1")
    repository("check")


@pytest.mark.parametrize(
    "words",
    [
        ("models", "--json"), ("models", "qwen", "--json"),
        ("models", "show", "qwen3-32b", "--json"),
        ("fit", "qwen3-32b", "sglang", "--gpu", "L20", "--tp", "2", "--nodes", "2", "--json"),
        ("plan", "qwen3-32b", "sglang", "--json"), ("check", "--json"),
        ("deploy", "qwen3-32b", "sglang", "--json"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_json_is_json_and_nothing_else_on_standard_output(repository, words):
    assert json.loads(repository(*words).out) is not None


def test_the_guides_setting_is_tight_on_two_l20_and_does_not_fit_on_32_gb(repository):
    guide = ("fit", "qwen3-32b", "sglang", "--tp", "2", "--nodes", "2", "--context", "40960")
    version = ("--engine-version", "0.4.10.post2")

    assert "at 40,960 tokens: tight" in repository(*guide, *version, "--gpu", "L20").out
    assert "does not fit" in repository(*guide, *version, "--gpu", "gpu-32gb").out


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_can_complete_the_verbs(repository, shell):
    assert "_LEADLINE_COMPLETE" in repository("completion", shell).out


@pytest.mark.parametrize(
    "verb",
    ["check", "completion", "deploy", "diff", "fit", "import", "init", "models", "plan", "render",
     "restart", "run", "sandbox", "scale", "undeploy", "update"],
)  # fmt: skip
def test_every_verb_has_help_with_an_example(repository, verb):
    said = repository(verb, "--help").out

    assert f"{verb} " in said.split("Options:")[0].replace("Usage: leadline", "")


def test_fit_says_how_the_gpus_are_spread(repository):
    words = ("fit", "qwen3-32b", "sglang", "--gpu", "L20", "--tp", "4", "--nodes")

    assert "2 nodes with 2 GPUs each" in repository(*words, "2").out
    said = repository.attempt(*words, "3")
    assert (said.code, said.err) == (1, "leadline: nodes 3: 4 GPUs do not divide among them\n")


def test_a_team_adds_a_gpu_type_of_its_own(repository):
    (repository.folder / "catalog").mkdir()
    (repository.folder / "catalog/gpus.yaml").write_text(
        "gpus:\n  x48:\n    name: X 48 GB\n    mib: 49140\n    sm: '8.9'\n    source: its sheet\n"
    )

    assert "X 48 GB" in repository("fit", "qwen3-32b", "vllm", "--gpu", "x48", "--tp", "2").out


def test_a_vulnerable_version_is_warned_of_before_it_is_written(repository):
    words = ("qwen3-32b", "vllm", "--engine-version", "0.10.0", "--json")

    findings = json.loads(repository("plan", *words).out)["findings"]

    assert {(f["rule"], f["severity"]) for f in findings} == {("vulnerable-engine", "warning")}
    assert all("CVE-" in f["text"] or "GHSA-" in f["text"] for f in findings)


def test_an_unknown_component_is_named_with_the_known_ones(repository):
    said = repository.attempt("deploy", "qwen3-32b", "vllm", "--component", "rdna")

    assert said.code == 1
    assert said.err.startswith("leadline: component rdna: not in kustomize/components; known: ")
    assert "rdma" in said.err


def test_scaling_to_nothing_says_that_all_stops(repository):
    repository("deploy", "qwen3-32b", "vllm", "chat")

    assert "all groups stop; the deployment stays" in repository("scale", "chat", "0").out


def test_plan_says_in_its_help_that_it_writes_nothing(repository):
    assert "Show what a deploy would change" in repository("plan", "--help").out


def test_a_storage_unit_is_rendered_again(repository):
    folder = repository.folder / "overlays/staging/storage/models"
    folder.mkdir(parents=True)
    (folder / "storage.yaml").write_text(
        "kind: nas\nname: models\nenvironment: staging\nnamespace: default\ncapacity: 100Gi\n"
        "server: id.cn-hangzhou.nas.aliyuncs.com\n"
    )

    said = repository("render", "--write", str(folder))

    assert "kind: PersistentVolume" in said.out
    assert repository("check", str(folder)).out.startswith("ok ")


def test_a_team_lists_a_flag_of_its_own(repository):
    words = ("plan", "qwen3-32b", "vllm", "--arg", "--mine", "--json")
    assert "not on the list" in repository.attempt(*words).err
    own = (repository.folder / "kustomize/catalog/flags/vllm.yaml").read_text()
    place = repository.folder / "catalog/flags/vllm.yaml"
    place.parent.mkdir(parents=True)
    place.write_text(own.replace("allowed:\n", "allowed:\n  --mine: switch 0.10.0\n"))

    assert "--mine" in json.dumps(json.loads(repository(*words).out))
