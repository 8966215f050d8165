//! What vendors call their faults, in words: where a message is all that tells them apart.
//!
//! Each row names where its words were seen. A row asks for as much of the sentence as nobody else says, in lower case.

use crate::verdict::{Capability, FaultClass, Wording};

/// All of them. What is more particular stands first.
pub(super) const ALL: &[Wording] = &[
    // Longer than the model can read.
    //
    // OpenAI, Groq, OpenRouter and vLLM ("This model's maximum context length is 16384 tokens": vllm-project/vllm#20409);
    // Mistral ("too large for model with 32768 maximum context length").
    context(&["maximum context length"]),
    // Anthropic: "prompt is too long: 200251 tokens > 200000 maximum" (boldsoftware/exe.dev#62).
    context(&["prompt is too long"]),
    // Anthropic: "input length and `max_tokens` exceed context limit" (API reference, "Context windows").
    context(&["exceed context limit"]),
    // OpenAI Responses: "Your input exceeds the context window of this model"; llama-cpp-python: "Requested tokens (2285) exceed
    // context window of 2048" (abetlen/llama-cpp-python#416).
    context(&["exceed", "context window"]),
    // Gemini: "The input token count (1200293) exceeds the maximum number of tokens allowed" (google-gemini/gemini-cli#6678).
    context(&["input token count", "exceeds"]),
    // llama.cpp: "the request exceeds the available context size", "Context size has been exceeded." (ggml-org/llama.cpp#19774).
    context(&["context size", "exceed"]),
    // vLLM: "The decoder prompt (length 40000) is longer than the maximum model length of 32768".
    context(&["longer than the maximum model length"]),
    // SGLang: "The input (9000 tokens) is longer than the model's context length (8192 tokens)".
    context(&["longer than the model's context length"]),
    // Text Generation Inference: "`inputs` tokens + `max_new_tokens` must be <= 4096".
    context(&["`inputs` tokens + `max_new_tokens` must be"]),
    // LM Studio: "The number of tokens to keep from the initial prompt is greater than the context length".
    context(&["greater than the context length"]),
    // xAI: "This model's maximum prompt length is 131072 but the request contains 537812 tokens".
    context(&["maximum prompt length"]),
    // Refused by a policy.
    //
    // Azure: "The response was filtered due to the prompt triggering Azure OpenAI's content management policy" (Microsoft Learn,
    // "Content filtering").
    filter(&["content management policy"]),
    // Anthropic: "Output blocked by content filtering policy".
    filter(&["blocked by content filtering policy"]),
    // OpenAI, `invalid_prompt`: "Your prompt was flagged as potentially violating our usage policy".
    filter(&["flagged as potentially violating our usage policy"]),
    // OpenAI images: "Your request was rejected as a result of our safety system".
    filter(&["rejected as a result of our safety system"]),
    // OpenRouter, "Errors and debugging", 403: the model requires moderation and the input was flagged.
    filter(&["requires moderation", "flagged"]),
    // No money.
    //
    // Anthropic, 400: "Your credit balance is too low to access the Anthropic API" (continuedev/continue#5499).
    billing(&["credit balance is too low"]),
    // DeepSeek, "Error codes": "Insufficient Balance".
    billing(&["insufficient balance"]),
    // Gemini API, "Troubleshooting guide", FAILED_PRECONDITION: the free tier is not available, "Please enable billing".
    billing(&["please enable billing"]),
    // An assistant's message may not come last.
    //
    // Anthropic: "This model does not support assistant message prefill. The conversation must end with a user message."
    // (anomalyco/opencode#37685), "pre-filling the `assistant` response is not supported" (agentjido/req_llm#642);
    // llama.cpp: "Assistant response prefill is incompatible with enable_thinking." (ggml-org/llama.cpp#20861).
    lacks(&["prefill"], Capability::Prefill),
    lacks(&["pre-fill"], Capability::Prefill),
    // Mistral: "Expected last role User or Tool (or Assistant with prefix True) for serving but got assistant"
    // (langchain-ai/langchain#28846).
    lacks(&["expected last role"], Capability::Prefill),
    // Perplexity: "Last message must have role `user`." (BerriAI/litellm#3918).
    lacks(&["last message must have role"], Capability::Prefill),
    // vLLM and SGLang, of templates that end with the user: "conversation roles must alternate user/assistant/user/assistant/...".
    lacks(&["conversation roles must alternate"], Capability::Prefill),
    // No tools.
    //
    // Ollama: "registry.ollama.ai/library/gemma3:4b does not support tools".
    lacks(&["does not support tools"], Capability::Tools),
    lacks(&["does not support function calling"], Capability::Tools),
    // OpenRouter, 404: "No endpoints found that support tool use" (evalstate/fast-agent#122), and "... the provided 'tool_choice'
    // value" (zed-industries/zed#36094).
    lacks(&["no endpoints found that support", "tool"], Capability::Tools),
    // vLLM: "\"auto\" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set".
    lacks(&["tool choice requires --enable-auto-tool-choice"], Capability::Tools),
    // llama.cpp: "tools param requires --jinja flag".
    lacks(&["tools param requires --jinja"], Capability::Tools),
    // No images.
    //
    // OpenRouter, 404: "No endpoints found that support image input" (JohnnyZ93/oai-compatible-copilot#229).
    lacks(&["no endpoints found that support", "image"], Capability::Images),
    // OpenAI: "Invalid content type. image_url is only supported by certain models."
    lacks(&["image_url is only supported by certain models"], Capability::Images),
    // DeepSeek: "unknown variant `image_url`, expected `text`".
    lacks(&["unknown variant `image_url`"], Capability::Images),
    // vLLM: "... is not a multimodal model".
    lacks(&["is not a multimodal model"], Capability::Images),
    // llama.cpp: "image input is not supported - hint: if this is unexpected, you may need to provide the mmproj".
    lacks(&["image input is not supported"], Capability::Images),
    lacks(&["does not support image"], Capability::Images),
    // No sound: llama.cpp, OpenRouter.
    lacks(&["audio input is not supported"], Capability::Audio),
    lacks(&["no endpoints found that support", "audio"], Capability::Audio),
    lacks(&["does not support audio"], Capability::Audio),
    // No form. OpenAI: "Invalid parameter: 'response_format' of type 'json_schema' is not supported with this model."
    lacks(&["'response_format' of type", "not supported"], Capability::Form),
    // DeepSeek: "This response_format type is unavailable now".
    lacks(&["response_format type is unavailable"], Capability::Form),
    // Groq: "This model does not support response format `json_schema`."
    lacks(&["does not support response format"], Capability::Form),
    // Bedrock, of Claude: "output_config.format: Extra inputs are not permitted" (presenton/presenton#939).
    lacks(&["output_config.format", "not permitted"], Capability::Form),
    // Gemini before 3: "Function calling with a response mime type: 'application/json' is unsupported".
    lacks(&["response mime type", "is unsupported"], Capability::Form),
    // No such model, for this account.
    //
    // Gemini: "models/x is not found for API version v1beta, or is not supported for generateContent".
    away(&["is not found for api version"], &[404]),
    // Anthropic: "model: claude-x".
    away(&["model: "], &[404]),
    // vLLM: "The model `x` does not exist."; SGLang and others alike.
    away(&["model", "does not exist"], &[404]),
    // Ollama: "model 'x' not found"; Cohere: "model 'x' not found, make sure the correct model ID was used".
    away(&["model", "not found"], &[404]),
    // DeepSeek, 400: "Model Not Exist".
    away(&["model not exist"], &[400, 404]),
    // OpenRouter, 400: "x is not a valid model ID".
    away(&["is not a valid model id"], &[400, 404]),
];

const fn context(says: &'static [&'static str]) -> Wording {
    Wording { says, at: &[], class: FaultClass::ContextLength, lacks: None }
}

const fn filter(says: &'static [&'static str]) -> Wording {
    Wording { says, at: &[], class: FaultClass::ContentFilter, lacks: None }
}

const fn billing(says: &'static [&'static str]) -> Wording {
    Wording { says, at: &[], class: FaultClass::Billing, lacks: None }
}

const fn lacks(says: &'static [&'static str], what: Capability) -> Wording {
    Wording { says, at: &[], class: FaultClass::Capability, lacks: Some(what) }
}

const fn away(says: &'static [&'static str], at: &'static [u16]) -> Wording {
    Wording { says, at, class: FaultClass::ModelAway, lacks: None }
}
