"""The tiny world's model as a GGUF file, as llama.cpp reads it."""

from pathlib import Path


def write(folder: Path, path: Path) -> Path:
    """Writes a folder's Llama model with its byte tokenizer and chat template, weights in float32."""
    import gguf
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    tokenizer, config = AutoTokenizer.from_pretrained(folder), model.config
    file = gguf.GGUFWriter(path, "llama")
    file.add_name("tiny")
    file.add_context_length(config.max_position_embeddings)
    file.add_embedding_length(config.hidden_size)
    file.add_block_count(config.num_hidden_layers)
    file.add_feed_forward_length(config.intermediate_size)
    file.add_head_count(config.num_attention_heads)
    file.add_head_count_kv(config.num_key_value_heads)
    file.add_rope_dimension_count(config.hidden_size // config.num_attention_heads)
    file.add_rope_freq_base(config.rope_parameters["rope_theta"])
    file.add_layer_norm_rms_eps(config.rms_norm_eps)
    file.add_vocab_size(config.vocab_size)
    words = {id: word for word, id in tokenizer.get_vocab().items()}
    words[len(words)] = "Āā"  # there must be a merge; bytes 0 and 1, which no text holds
    special = set(tokenizer.added_tokens_decoder)
    kinds = {True: gguf.TokenType.CONTROL, False: gguf.TokenType.NORMAL}
    file.add_tokenizer_model("gpt2")
    file.add_tokenizer_pre("default")
    file.add_token_list([words.get(id, f"<unused{id}>") for id in range(config.vocab_size)])
    file.add_token_types([kinds[id in special or id not in words] for id in range(config.vocab_size)])
    file.add_token_merges(["Ā ā"])
    file.add_bos_token_id(tokenizer.bos_token_id)
    file.add_eos_token_id(tokenizer.eos_token_id)
    file.add_add_bos_token(False)
    if tokenizer.chat_template:
        file.add_chat_template(tokenizer.chat_template)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, config.num_hidden_layers)
    heads = {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}
    for name, weight in model.state_dict().items():
        if name == "lm_head.weight" and config.tie_word_embeddings:
            continue
        for projection, count in heads.items():
            if projection in name:  # llama.cpp turns neighbouring values, transformers the two halves
                rows = weight.shape[0] // count // 2
                weight = weight.reshape(count, 2, rows, -1).swapaxes(1, 2).reshape(weight.shape)
        file.add_tensor(names.get_name(name, try_suffixes=(".weight",)), weight.contiguous().numpy())
    file.write_header_to_file()
    file.write_kv_data_to_file()
    file.write_tensors_to_file()
    file.close()
    return path
