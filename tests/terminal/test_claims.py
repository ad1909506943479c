"""The claims that an environment offers: others are refused when planned, and when checked."""

ENVIRONMENT = "overlays/staging/environment.yaml"


def offer(repository, claims):
    file = repository.folder / ENVIRONMENT
    text = file.read_text("utf-8")
    file.write_text(text.replace("claims: []", f"claims: [{claims}]"), "utf-8")


def test_without_a_list_any_claim_may_be_named(repository):
    assert repository.attempt("plan", "qwen3-32b", "sglang", "--storage", "other").code == 0


def test_a_claim_that_is_not_offered_is_refused_with_those_that_are(repository):
    offer(repository, "llm-model, team-models")

    said = repository.attempt("plan", "qwen3-32b", "sglang", "--storage", "other")

    assert said.code == 1
    assert "mounts the claim other; the environment offers llm-model, team-models" in said.err
    for claim in ("llm-model", "team-models"):
        assert repository.attempt("plan", "qwen3-32b", "sglang", "--storage", claim).code == 0


def test_what_stands_is_checked_too(repository):
    repository("deploy", "qwen3-32b", "sglang", "--storage", "other")
    assert repository.attempt("check").code == 0
    offer(repository, "llm-model")

    said = repository.attempt("check")

    assert said.code == 1
    assert "mounts the claim other; the environment offers llm-model" in said.out
