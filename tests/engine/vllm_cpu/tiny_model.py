"""Make a tiny Qwen3 model that thinks, answers and stops; run by the engine's own Python.

`python tiny_model.py FOLDER` writes weights, tokenizer and chat template; nothing is downloaded.
The network is a table: attention and MLP add nothing, a token's embedding is a unit vector, and
the output layer holds the tokens that may follow. So a real engine says whole sentences, with
thoughts between <think> and </think>, a natural end, and a choice that its sampler makes.
"""

import sys

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import GenerationConfig, PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

CONTEXT = 2048
WIDTH = 512  # hidden size and vocabulary: one dimension a token
PAD, START, END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
THOUGHTS = (
    " Let me read this again",
    " First comes the question",
    " Perhaps somebody wants short words",
    " Now think about every pod",
)
ANSWERS = (
    " A leader serves and workers hold weights.",
    " Groups restart when one dies early.",
    " Larger models need more GPUs everywhere.",
    " Weights lie upon shared storage volumes.",
    " Tokens arrive slowly while streams grow.",
    " Callers wait until probes pass twice.",
)
TEMPLATE = (
    "{%- for m in messages -%}"
    "{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>\n' }}"
    "{%- endfor -%}{%- if add_generation_prompt -%}{{ '<|im_start|>assistant\n' }}"
    "{%- if enable_thinking is defined and enable_thinking is false -%}"
    "{{ '<think>\n\n</think>\n\n' }}{%- endif -%}{%- endif -%}"
)


def tokenizer() -> PreTrainedTokenizerFast:
    """Return a byte-level BPE in which each word of the sentences is one token."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=WIDTH - 8,
        special_tokens=[PAD, START, END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    lines = [*THOUGHTS, *ANSWERS, "user", "assistant", "system"]
    made.train_from_iterator([*(f"{line}\n\n" for line in lines), *lines] * 200, trainer)
    made.add_tokens([AddedToken(word, normalized=False) for word in ("<think>", "</think>")])
    fast = PreTrainedTokenizerFast(
        tokenizer_object=made,
        eos_token=END,
        pad_token=PAD,
        additional_special_tokens=[START, END],
    )
    fast.chat_template = TEMPLATE
    return fast


def successors(fast: PreTrainedTokenizerFast) -> dict[int, list[int]]:
    """Return which tokens may follow which, the likeliest first."""

    def ids(text: str) -> list[int]:
        return [int(each) for each in fast.encode(text, add_special_tokens=False)]

    [line], [gap], [think], [thought] = ids("\n"), ids("\n\n"), ids("<think>"), ids("</think>")
    follows: dict[int, list[int]] = {line: [think], think: [], thought: [gap], gap: []}
    for texts, begin, end in ((THOUGHTS, think, thought), (ANSWERS, gap, ids(END)[0])):
        for words in map(ids, texts):
            follows[begin].append(words[0])
            for word, after in zip(words, [*words[1:], end], strict=True):
                known = follows.setdefault(word, [])
                known.extend([after] * (after not in known))
    follows[ids(END)[0]] = follows[gap]  # what comes when the end is ignored
    return follows


def model(fast: PreTrainedTokenizerFast) -> Qwen3ForCausalLM:
    """Return the network that follows the table."""
    shape = Qwen3Config(
        vocab_size=WIDTH, hidden_size=WIDTH, intermediate_size=128, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, head_dim=32,
        max_position_embeddings=CONTEXT, tie_word_embeddings=False,
        eos_token_id=fast.eos_token_id, pad_token_id=fast.pad_token_id, bos_token_id=None,
    )  # fmt: skip
    made = Qwen3ForCausalLM(shape)
    with torch.no_grad():
        for layer in made.model.layers:
            layer.self_attn.o_proj.weight.zero_()
            layer.mlp.down_proj.weight.zero_()
        made.model.embed_tokens.weight.copy_(torch.eye(WIDTH))
        made.lm_head.weight.zero_()
        for token, following in successors(fast).items():
            for rank, after in enumerate(following):
                made.lm_head.weight[after, token] = 1.0 - 0.02 * min(rank, 1)
    made.generation_config = GenerationConfig(
        eos_token_id=fast.eos_token_id, pad_token_id=fast.pad_token_id
    )
    return made.to(torch.bfloat16)


if __name__ == "__main__":
    fast = tokenizer()
    torch.manual_seed(0)
    model(fast).save_pretrained(sys.argv[1], safe_serialization=True)
    fast.save_pretrained(sys.argv[1])
