//! What LiteLLM calls a kind of service, and what it is here. Addresses and variables are those of its provider pages
//! (docs.litellm.ai, "Supported Models & Providers").

/// A kind of service as LiteLLM knows it.
pub(super) struct Known {
    /// Before the slash of a model, or `custom_llm_provider`.
    pub(super) theirs: &'static str,
    /// Our `type`.
    pub(super) kind: &'static str,
    /// Where it is when nobody says; empty: it must be said.
    pub(super) home: &'static str,
    /// The variable of its key; empty: none is usual.
    pub(super) key: &'static str,
    /// What is different here.
    pub(super) remark: &'static str,
}

/// Any service that speaks the same API.
pub(super) const COMPATIBLE: &str = "openai-compatible";

const fn own(theirs: &'static str, kind: &'static str, home: &'static str, key: &'static str) -> Known {
    Known { theirs, kind, home, key, remark: "" }
}

/// One that speaks OpenAI's API at this address.
const fn like(theirs: &'static str, home: &'static str, key: &'static str) -> Known {
    own(theirs, COMPATIBLE, home, key)
}

/// One that speaks OpenAI's API besides its own.
const fn besides(theirs: &'static str, home: &'static str, key: &'static str) -> Known {
    let remark =
        "asked through its OpenAI-compatible surface, chat above all; its own language is not spoken yet";
    Known { theirs, kind: COMPATIBLE, home, key, remark }
}

const ALL: &[Known] = &[
    own("openai", "openai", "https://api.openai.com/v1", "OPENAI_API_KEY"),
    own("text-completion-openai", "openai", "https://api.openai.com/v1", "OPENAI_API_KEY"),
    own("azure", "azure", "", "AZURE_API_KEY"),
    own("azure_text", "azure", "", "AZURE_API_KEY"),
    own("ollama", "ollama", "http://localhost:11434", ""),
    own("ollama_chat", "ollama", "http://localhost:11434", ""),
    own("lm_studio", "lmstudio", "http://localhost:1234/v1", ""),
    own("hosted_vllm", "vllm", "", ""),
    own("vllm", "vllm", "", ""),
    own("groq", "groq", "https://api.groq.com/openai/v1", "GROQ_API_KEY"),
    own("mistral", "mistral", "https://api.mistral.ai/v1", "MISTRAL_API_KEY"),
    own("deepseek", "deepseek", "https://api.deepseek.com/v1", "DEEPSEEK_API_KEY"),
    own("together_ai", "together", "https://api.together.xyz/v1", "TOGETHERAI_API_KEY"),
    own("fireworks_ai", "fireworks", "https://api.fireworks.ai/inference/v1", "FIREWORKS_AI_API_KEY"),
    own("xai", "xai", "https://api.x.ai/v1", "XAI_API_KEY"),
    own("perplexity", "perplexity", "https://api.perplexity.ai", "PERPLEXITYAI_API_KEY"),
    own("cerebras", "cerebras", "https://api.cerebras.ai/v1", "CEREBRAS_API_KEY"),
    own("anthropic", "anthropic", "https://api.anthropic.com/v1", "ANTHROPIC_API_KEY"),
    own("gemini", "gemini", "https://generativelanguage.googleapis.com/v1beta", "GEMINI_API_KEY"),
    own("cohere", "cohere", "https://api.cohere.com/v2", "COHERE_API_KEY"),
    own("cohere_chat", "cohere", "https://api.cohere.com/v2", "COHERE_API_KEY"),
    own("bedrock", "bedrock", "", "AWS_BEARER_TOKEN_BEDROCK"),
    own("bedrock_converse", "bedrock", "", "AWS_BEARER_TOKEN_BEDROCK"),
    own("vertex_ai", "vertex", "", ""),
    own("vertex_ai_beta", "vertex", "", ""),
    own("openrouter", "openrouter", "https://openrouter.ai/api/v1", "OPENROUTER_API_KEY"),
    own("huggingface", "huggingface", "https://router.huggingface.co/v1", "HF_TOKEN"),
    like("codestral", "https://codestral.mistral.ai/v1", "CODESTRAL_API_KEY"),
    like("nvidia_nim", "https://integrate.api.nvidia.com/v1", "NVIDIA_NIM_API_KEY"),
    like("deepinfra", "https://api.deepinfra.com/v1/openai", "DEEPINFRA_API_KEY"),
    like("sambanova", "https://api.sambanova.ai/v1", "SAMBANOVA_API_KEY"),
    like("moonshot", "https://api.moonshot.ai/v1", "MOONSHOT_API_KEY"),
    like("dashscope", "https://dashscope-intl.aliyuncs.com/compatible-mode/v1", "DASHSCOPE_API_KEY"),
    like("volcengine", "https://ark.cn-beijing.volces.com/api/v3", "VOLCENGINE_API_KEY"),
    like("hyperbolic", "https://api.hyperbolic.xyz/v1", "HYPERBOLIC_API_KEY"),
    like("featherless_ai", "https://api.featherless.ai/v1", "FEATHERLESS_AI_API_KEY"),
    like("meta_llama", "https://api.llama.com/compat/v1", "LLAMA_API_KEY"),
    like("custom_openai", "", ""),
    like("openai_like", "", ""),
    like("litellm_proxy", "", "LITELLM_PROXY_API_KEY"),
    like("llamafile", "", ""),
    like("xinference", "", ""),
    like("databricks", "", "DATABRICKS_API_KEY"),
    besides("azure_ai", "", "AZURE_AI_API_KEY"),
];

/// Kinds that speak nothing we speak.
const NOT_SPOKEN: &[&str] = &[
    "ai21",
    "aiohttp_openai",
    "aleph_alpha",
    "assemblyai",
    "aws_polly",
    "azure_speech",
    "bytez",
    "clarifai",
    "cloudflare",
    "dataforseo",
    "datarobot",
    "deepgram",
    "elevenlabs",
    "fal_ai",
    "friendliai",
    "github",
    "github_copilot",
    "infinity",
    "jina_ai",
    "langgraph",
    "maritalk",
    "milvus",
    "nlp_cloud",
    "novita",
    "oci",
    "oobabooga",
    "petals",
    "predibase",
    "recraft",
    "replicate",
    "runwayml",
    "sagemaker",
    "sagemaker_chat",
    "sagemaker_nova",
    "sap",
    "snowflake",
    "stability",
    "topaz",
    "triton",
    "v0",
    "voyage",
    "watsonx",
    "watsonx_text",
];

impl Known {
    /// What the service itself calls a model of theirs.
    ///
    /// # Errors
    /// Why there is none here, as the end of a sentence.
    pub(super) fn own_name(&self, name: &str) -> Result<String, &'static str> {
        match self.kind {
            "vertex" => of_vertex(name),
            "bedrock" => of_bedrock(name),
            _ => Ok(name.to_owned()),
        }
    }
}

/// Gemini and Claude are called by their names, models of one's own by a number.
fn of_vertex(name: &str) -> Result<String, &'static str> {
    let is_number = |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit());
    let own = name.strip_prefix("gemini/").unwrap_or(name);
    match own {
        "*" => Err("Vertex has no list of models, so each has to be named"),
        number if is_number(number) => Ok(format!("endpoints/{number}")),
        own if own.starts_with("gemini-") || own.starts_with("claude-") => Ok(own.to_owned()),
        _ => Err("of Vertex, Gemini and Claude are spoken to here, and no others yet"),
    }
}

/// A way of asking or a region may stand before the model's id.
fn of_bedrock(name: &str) -> Result<String, &'static str> {
    let mut own = name;
    while let Some((before, rest)) = own.split_once('/') {
        match before {
            "converse" | "invoke" => {}
            "agent" | "agentcore" | "kb" => {
                return Err("of Bedrock, models are spoken to here, and no agents");
            }
            _ if before.starts_with("arn:") => break,
            _ if rest.starts_with("arn:") => {
                return Err("an imported model, which does not converse as others do");
            }
            _ if before.matches('-').count() >= 2 => {
                return Err("it names its region in its name: write `aws_region_name`, and import again");
            }
            _ => return Err("how it is asked is not known here"),
        }
        own = rest;
    }
    if own == "*" {
        return Err("Bedrock has no list of models here, so each has to be named");
    }
    Ok(own.to_owned())
}

/// What a model is served by.
pub(super) enum Served {
    /// One of these, and its own name for the model.
    By(&'static Known, String),
    /// A kind we do not speak.
    NotSpoken(String),
    /// Nothing says by whom.
    Unsaid(String),
}

/// Who serves a model: `vendor/model`, or a vendor said apart, or a name that is known by itself.
pub(super) fn served(model: &str, said: Option<&str>) -> Served {
    let known = |word: &str| ALL.iter().find(|known| known.theirs == word);
    if let Some(said) = said {
        let own = model.strip_prefix(&format!("{said}/")).unwrap_or(model).to_owned();
        return known(said)
            .map_or_else(|| Served::NotSpoken(said.to_owned()), |known| Served::By(known, own));
    }
    if let Some((before, own)) = model.split_once('/') {
        if let Some(known) = known(before) {
            return Served::By(known, own.to_owned());
        }
        if NOT_SPOKEN.contains(&before) {
            return Served::NotSpoken(before.to_owned());
        }
        return Served::Unsaid(model.to_owned());
    }
    let begins = |words: &[&str]| words.iter().any(|word| model.starts_with(word));
    let by = if begins(OPENAI) {
        known("openai")
    } else if begins(&["claude-"]) {
        known("anthropic")
    } else if begins(&["command-"]) {
        known("cohere")
    } else {
        None
    };
    by.map_or_else(|| Served::Unsaid(model.to_owned()), |known| Served::By(known, model.to_owned()))
}

/// How names begin that LiteLLM takes for OpenAI's without being told.
const OPENAI: &[&str] = &[
    "gpt-",
    "o1",
    "o3",
    "o4",
    "chatgpt-",
    "text-embedding-",
    "text-moderation-",
    "omni-moderation-",
    "whisper-",
    "tts-",
    "dall-e-",
    "davinci-",
    "babbage-",
    "ft:gpt-",
];
