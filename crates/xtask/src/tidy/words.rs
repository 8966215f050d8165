//! Wall: one word a thing (docs/glossary.md), and a vendor's name only where that vendor is described.

use super::source::{Source, in_name, words_at};
use super::tree::Tree;
use super::violation::Violation;

/// Names of vendors and of the servers and models that stand for one; plain English words (together) are left out.
const VENDORS: &[&str] = &[
    "anthropic",
    "azure",
    "bedrock",
    "cerebras",
    "cohere",
    "dashscope",
    "deepinfra",
    "deepseek",
    "elevenlabs",
    "gemini",
    "groq",
    "huggingface",
    "jina",
    "kokoro",
    "koboldcpp",
    "litellm",
    "llamacpp",
    "lmstudio",
    "localai",
    "mistral",
    "moonshot",
    "nvidia",
    "ollama",
    "openai",
    "openrouter",
    "sambanova",
    "sglang",
    "vertex",
    "vllm",
    "whisper",
    "xai",
    "zhipu",
];

/// Our own name holds a vendor's; it never counts.
const OUR_NAMES: &[&str] = &["openai-proxy", "openai_proxy"];

/// Where vendors may be named, and why there. Tests may name them everywhere.
const OPEN_TO_VENDORS: &[(&str, &str)] = &[
    ("crates/protocol/src/vendor/", "the vendors themselves"),
    ("crates/protocol/src/dialect/", "languages carry the name of who invented them"),
    ("crates/protocol/src/codec/", "likewise"),
    ("crates/config/src/layer/", "environment variables people have already set, such as a vendor's key"),
    ("crates/openai-proxy/src/command/", "examples in the help text"),
    ("crates/testkit/", "fake vendors"),
    ("crates/xtask/src/tidy/words.rs", "the list above"),
];

/// Honest exceptions: file, word, why.
const EXCEPTIONS: &[(&str, &str, &str)] = &[
    ("crates/protocol/src/operation/spelling.rs", "openai", "a base path callers write: /openai/v1/..."),
    (
        "crates/protocol/src/operation/spelling.rs",
        "anthropic",
        "a base path callers write: /anthropic/v1/messages",
    ),
    ("crates/protocol/src/usage.rs", "groq", "the member x_groq, under which one vendor counts"),
    ("crates/protocol/src/listing.rs", "anthropic", "the header by which its programs are known"),
    ("crates/config/src/document/listener.rs", "ollama", "the setting ollama_listen"),
    ("crates/control/src/later.rs", "ollama", "likewise"),
    ("crates/config/src/document/provider.rs", "openai", "a value of the setting api"),
    ("crates/gateway/src/front.rs", "openai", "the welcome page speaks of OpenAI clients"),
    (
        "crates/gateway/src/identify/signature.rs",
        "bedrock",
        "what is signed for, and a variable of AWS's libraries",
    ),
    (
        "crates/openai-proxy/src/predecessor/mod.rs",
        "azure",
        "the folder the older proxy keeps its database in",
    ),
    (
        "crates/openai-proxy/src/predecessor/modern.rs",
        "openai",
        "the kind that stands for every service of this API",
    ),
    ("crates/openai-proxy/src/screen.rs", "openai", "the first screen names OPENAI_API_KEY"),
];

/// Words banned from the names of types, and what to say instead.
const BANNED_IN_TYPES: &[(&str, &str)] = &[
    ("Adaptor", "the kind of service is a Vendor, one configured place of it a Provider"),
    ("Channel", "one configured place of a vendor is a Provider"),
    ("Helper", "name what it does"),
    ("Helpers", "name what it does"),
    ("Manager", "name what it keeps or does"),
    ("Refusal", "a reason not to answer is an ApiError; a refusal is the model's own"),
    ("Util", "name what it does"),
    ("Utils", "name what it does"),
];

/// Banned at the end of a name only: a `ChannelClosed` may be about a real channel.
const BANNED_AS_SUFFIX: &[&str] = &["Channel"];

/// Names of files and folders that attract whatever has no home.
const BANNED_FILES: &[&str] =
    &["utils", "util", "common", "helpers", "helper", "misc", "types", "models", "manager", "managers"];

/// Checks that vendors are named in their own places only; comments may name anybody.
pub(crate) fn vendor_names(tree: &Tree, violations: &mut Vec<Violation>) {
    let closed = |source: &&Source| {
        source.is_product() && !OPEN_TO_VENDORS.iter().any(|(place, _)| source.path.starts_with(place))
    };
    for source in tree.sources.iter().filter(closed) {
        let spoken = without_our_names(&source.spoken);
        for (at, vendor) in vendors_in(&spoken) {
            let excepted = EXCEPTIONS.iter().any(|(file, word, _)| *file == source.path && *word == vendor);
            if excepted || source.is_test(at) || is_dialect(&spoken, at) {
                continue;
            }
            let wrong = format!("the vendor `{vendor}` is named");
            let cure = "ask the vendor's description in crates/protocol/src/vendor/ instead";
            violations.push(Violation::new(&source.path, source.line(at), wrong, cure));
        }
    }
}

/// Checks the names of types against the glossary.
pub(crate) fn type_names(tree: &Tree, violations: &mut Vec<Violation>) {
    for source in &tree.sources {
        for keyword in ["type", "struct", "enum", "trait", "union"] {
            for at in words_at(&source.code, keyword) {
                let rest = source.code[at + keyword.len()..].trim_start();
                let name = &rest[..rest.bytes().take_while(|&byte| in_name(byte)).count()];
                if let Some((word, cure)) = banned_in(name) {
                    let wrong = format!("the type `{name}` uses the word `{word}`");
                    let cure = format!("{cure} (docs/glossary.md)");
                    violations.push(Violation::new(&source.path, source.line(at), wrong, cure));
                }
            }
        }
    }
}

/// Checks that no file or folder is named after nothing in particular.
pub(crate) fn file_names(tree: &Tree, violations: &mut Vec<Violation>) {
    for source in &tree.sources {
        let steps = source.path.trim_end_matches(".rs").split('/');
        if let Some(step) = steps.into_iter().find(|step| BANNED_FILES.contains(step)) {
            let wrong = format!("`{step}` names no one thing");
            violations.push(Violation::new(&source.path, 1, wrong, "name the file after what lives in it"));
        }
    }
}

/// Blanks out our own name, in any case of its letters.
fn without_our_names(spoken: &str) -> String {
    let mut bytes = spoken.as_bytes().to_vec();
    let lower = spoken.to_ascii_lowercase();
    for name in OUR_NAMES {
        for (at, _) in lower.match_indices(name) {
            bytes[at..at + name.len()].fill(b' ');
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Every vendor's name that stands as a word of its own, be it `OpenAi`, `openai_key` or `"openai"`.
fn vendors_in(spoken: &str) -> Vec<(usize, &'static str)> {
    let lower = spoken.to_ascii_lowercase();
    let mut found = Vec::new();
    for vendor in VENDORS {
        let places = lower.match_indices(vendor).map(|(at, _)| at);
        found.extend(
            places.filter(|&at| is_word(spoken.as_bytes(), at, vendor.len())).map(|at| (at, *vendor)),
        );
    }
    found
}

/// Is this stretch a word? In `OpenAiClient` a capital begins the next one; in `coherent` nothing does.
fn is_word(text: &[u8], at: usize, length: usize) -> bool {
    let begins = at == 0 || {
        let before = text[at - 1];
        !before.is_ascii_alphabetic() || (before.is_ascii_lowercase() && text[at].is_ascii_uppercase())
    };
    begins && !text.get(at + length).is_some_and(u8::is_ascii_lowercase)
}

/// Is this the name of a language, as in `Dialect::OpenAiChat`?
fn is_dialect(spoken: &str, at: usize) -> bool {
    let begin =
        spoken.as_bytes()[..at].iter().rposition(|&byte| !in_name(byte)).map_or(0, |before| before + 1);
    ["Dialect::", "Wire::", "Door::"].iter().any(|of| spoken[..begin].ends_with(of))
}

/// The banned word in a type's name, if it has one, and the cure.
fn banned_in(name: &str) -> Option<(&'static str, &'static str)> {
    let humps = humps(name);
    let found = BANNED_IN_TYPES.iter().find(|(word, _)| {
        if BANNED_AS_SUFFIX.contains(word) { humps.last() == Some(word) } else { humps.contains(word) }
    });
    found.copied()
}

/// `UsageRecord` is `Usage` and `Record`.
fn humps(name: &str) -> Vec<&str> {
    let capitals =
        name.bytes().enumerate().skip(1).filter(|(_, byte)| byte.is_ascii_uppercase()).map(|(at, _)| at);
    let ends: Vec<usize> = capitals.chain([name.len()]).collect();
    let mut start = 0;
    ends.into_iter().map(|end| &name[std::mem::replace(&mut start, end)..end]).collect()
}
