//! Addresses and credentials as the vendors want them.

use super::*;
use crate::operation;

fn address(vendor: &str, site: &Site, path: &str, query: Option<&str>, model: Option<&str>) -> String {
    let found = operation::find(&http::Method::POST, path).unwrap();
    let ask = Ask { row: found.row, rest: found.rest, query, model };
    find(vendor).unwrap().address(site, &ask)
}

fn site(base_path: &str, api_version: Option<&str>) -> Site {
    Site { base_path: base_path.into(), api_version: api_version.map(Into::into), endpoints: Vec::new() }
}

#[test]
fn a_name_without_its_usual_tag_is_the_same_name_where_tags_are_usual() {
    let same = |vendor: &str, announced, asked| find(vendor).unwrap().answers_to(announced, asked);
    assert!(same("ollama", "llama3.2:latest", "llama3.2") && same("ollama", "x", "x:latest"));
    assert!(!same("ollama", "llama3.2:1b", "llama3.2") && !same("ollama", "llama3.2:latest", "llama3.2:1b"));
    assert!(!same("openai", "x:latest", "x") && same("openai", "x", "x"));
    for asked in ["X", " x\t", "library/x", "Registry.Ollama.ai/library/X:Latest", "x:LATEST"] {
        assert!(same("ollama", "x:latest", asked) && !same("openai", "x", asked), "{asked}");
    }
    for other in ["", "latest", ":latest", "me/x", "library/", "é", "x:latest:latest"] {
        assert!(!same("ollama", "x:latest", other), "{other}");
    }
}

#[test]
fn an_address_is_base_path_rest_and_query() {
    let openai = site("/v1", None);
    assert_eq!(address("openai", &openai, "/v1/chat/completions", None, None), "/v1/chat/completions");
    assert_eq!(
        address("openai", &openai, "/v1/responses", Some("beta=true"), None),
        "/v1/responses?beta=true"
    );
    let query = Some("api-version=2024-10-21&x=1");
    assert_eq!(
        address("openai", &openai, "/openai/deployments/d/embeddings", query, None),
        "/v1/embeddings?x=1"
    );
    assert_eq!(
        address("groq", &site("/openai/v1", None), "/v1/chat/completions", None, None),
        "/openai/v1/chat/completions"
    );
}

#[test]
fn a_deployment_stands_in_the_classic_address() {
    let classic = site("", Some("2024-10-21"));
    let chat = address("azure", &classic, "/v1/chat/completions", None, Some("gpt4o"));
    assert_eq!(chat, "/openai/deployments/gpt4o/chat/completions?api-version=2024-10-21");
    assert_eq!(address("azure", &classic, "/v1/files", None, None), "/openai/files?api-version=2024-10-21");
    let v1 = site("/openai/v1", Some("v1"));
    assert_eq!(
        address("azure", &v1, "/v1/chat/completions", None, Some("gpt4o")),
        "/openai/v1/chat/completions"
    );
}

#[test]
fn a_transcription_finds_the_one_endpoint_of_a_local_server() {
    assert_eq!(address("whisper.cpp", &site("", None), "/v1/audio/transcriptions", None, None), "/inference");
}

#[test]
fn each_credential_goes_where_its_vendor_looks() {
    let mut head = HeaderMap::new();
    find("azure").unwrap().sign(&mut head, &Secret::new("k")).unwrap();
    find("openai").unwrap().sign(&mut head, &Secret::new("k")).unwrap();
    assert_eq!(
        (&head["api-key"], &head["authorization"]),
        (&"k".parse().unwrap(), &"Bearer k".parse().unwrap())
    );
    assert!(find("openai").unwrap().sign(&mut head, &Secret::new("a\nb")).is_err());
}

#[test]
fn an_answer_is_gone_on_with_as_its_vendor_wants_it() {
    let of = |vendor: &str| find(vendor).unwrap().prefill();
    assert_eq!((of("openai"), of("azure")), (Prefill::Never, Prefill::Never));
    assert_eq!((of("mistral"), of("vllm")), (Prefill::Prefix, Prefill::Final));
    assert_eq!((of("groq"), of("openai-compatible")), (Prefill::Message, Prefill::Unknown));
}

#[test]
fn only_who_understands_it_is_asked_for_counts() {
    let counts = |vendor: &str, site: &Site| find(vendor).unwrap().habits_at(site).counts_streams;
    let plain = site("/v1", None);
    assert!(counts("openai", &plain) && counts("openai-compatible", &plain) && counts("vllm", &plain));
    assert!(!counts("mistral", &plain) && !counts("perplexity", &plain) && !counts("speaches", &plain));
    assert!(
        counts("azure", &site("", Some("2024-10-21"))) && !counts("azure", &site("", Some("2024-06-01")))
    );
    assert!(find("deepseek").unwrap().habits_at(&plain).thoughts_back);
}

#[test]
fn limits_of_words_go_to_those_whose_documents_name_them() {
    let of = |vendor: &str| find(vendor).unwrap().habits();
    for vendor in ["vllm", "sglang", "llama.cpp", "openrouter", "together", "fireworks"] {
        assert!(of(vendor).top_k && of(vendor).min_p, "{vendor}");
    }
    assert!(of("lmstudio").top_k && !of("lmstudio").min_p);
    for vendor in ["openai", "azure", "openai-compatible", "mistral", "groq", "cerebras"] {
        assert!(!of(vendor).top_k && !of(vendor).min_p, "{vendor}");
    }
}

#[test]
fn every_vendor_of_the_table_is_whole() {
    let names: Vec<&str> = all().map(Vendor::name).collect();
    assert!(names.len() >= 24, "{names:?}");
    let operations: Vec<&str> =
        operation::ROWS.iter().map(|row| row.operation.name()).chain(["other"]).collect();
    for name in [
        "ollama",
        "lmstudio",
        "llama.cpp",
        "vllm",
        "sglang",
        "localai",
        "tgi",
        "huggingface",
        "openrouter",
        "groq",
        "mistral",
        "deepseek",
        "together",
        "fireworks",
        "xai",
        "perplexity",
        "cerebras",
        "whisper.cpp",
        "kokoro",
        "speaches",
    ] {
        let vendor = find(name).unwrap_or_else(|| panic!("{name} is missing"));
        assert!(vendor.home().is_some(), "{name} has a usual place");
        assert!(vendor.local() || !vendor.key_variables().is_empty(), "{name} says where its key is");
    }
    for vendor in compatible::all() {
        for operation in vendor.named_operations() {
            assert!(
                operations.contains(&operation),
                "{} does {operation:?}, which is no operation",
                vendor.name()
            );
        }
    }
}

#[test]
fn a_model_of_a_project_stands_below_its_publisher() {
    let place = site("/v1/projects/p/locations/europe-west1", None);
    let below = "/v1/projects/p/locations/europe-west1";
    let vertex = find("vertex").unwrap();
    let said = |model, streams| vertex.conversation(&place, model, streams);
    assert_eq!(
        said("gemini-2.5-flash", false),
        format!("{below}/publishers/google/models/gemini-2.5-flash:generateContent")
    );
    assert_eq!(
        said("models/gemini-2.5-flash", true),
        format!("{below}/publishers/google/models/gemini-2.5-flash:streamGenerateContent?alt=sse")
    );
    assert_eq!(said("endpoints/123", false), format!("{below}/endpoints/123:generateContent"));
    assert_eq!(
        said("publishers/meta/models/a b", false),
        format!("{below}/publishers/meta/models/a%20b:generateContent")
    );
    // In straight passage, from either of the paths a caller may know.
    let path = "/v1beta/models/gemini-2.5-flash:streamGenerateContent";
    assert_eq!(
        address("vertex", &place, path, Some("alt=sse&key=AIza"), Some("gemini-2.5-flash")),
        format!("{below}/publishers/google/models/gemini-2.5-flash:streamGenerateContent?alt=sse")
    );
    let path = "/v1/models/gemini-2.5-flash:countTokens";
    assert_eq!(
        address("vertex", &place, path, None, Some("gemini-2.5-flash")),
        format!("{below}/publishers/google/models/gemini-2.5-flash:countTokens")
    );
}

#[test]
fn no_vendor_makes_a_path_of_a_name_that_leads_out_of_it_unseen() {
    let names = [
        "..",
        ".",
        "%2E%2E",
        "%252e.",
        "a/../b",
        "../../x",
        "publishers/../x",
        "endpoints/./x",
        "..\\x",
        "..;/x",
    ];
    for vendor in all() {
        let place = site("/base", Some("2024-10-21"));
        for name in names {
            let other = vendor.of_model(name).unwrap_or(vendor);
            for address in [
                other.conversation(&place, name, false),
                other.conversation(&place, name, true),
                other.embedding(&place, name),
                other.ranking(&place, name),
            ] {
                // Decoded until nothing is left to decode, as the least careful server does.
                let mut path = address.split('?').next().unwrap().replace('\\', "/");
                for _ in 0..4 {
                    for (code, sign) in
                        [("%25", "%"), ("%2E", "."), ("%2e", "."), ("%2F", "/"), ("%5C", "/"), ("%3B", ";")]
                    {
                        path = path.replace(code, sign);
                    }
                }
                let leads =
                    path.split('/').any(|segment| matches!(segment.split(';').next(), Some("." | "..")));
                assert_eq!(climbs(&address), leads, "{} {name}: {address}", vendor.name());
            }
        }
    }
    for plain in [
        "/v1/models/gpt-4.1/x",
        "/v1/a..b/c%2e",
        "/v1/x?a=/../b",
        "/model/a%3A1.0/converse",
        "/...",
        "/.well-known",
    ] {
        assert!(!climbs(plain), "{plain}");
    }
}

#[test]
fn who_we_are_says_where_a_service_lives() {
    use identity::{Aws, Google, Login, Source, sigv4::Keys};
    let keys = Keys { id: "A".to_owned(), secret: Secret::new("s"), session: None };
    let aws = |region: &str| {
        Identity::Aws(Aws {
            region: region.to_owned(),
            source: Source::Keys(keys.clone()),
            role: None,
            sts: String::new(),
        })
    };
    let bedrock = find("bedrock").unwrap();
    assert_eq!(
        bedrock.home_of(&aws("eu-central-1")).as_deref(),
        Some("https://bedrock-runtime.eu-central-1.amazonaws.com")
    );
    assert!(bedrock.home_of(&aws("cn-north-1")).unwrap().ends_with("amazonaws.com.cn"));
    let google = |location: &str| {
        let login = Login::Machine { root: String::new() };
        Identity::Google(Google { login, project: Some("p".to_owned()), location: Some(location.to_owned()) })
    };
    let vertex = find("vertex").unwrap();
    assert_eq!(
        vertex.home_of(&google("us-central1")).as_deref(),
        Some("https://us-central1-aiplatform.googleapis.com/v1/projects/p/locations/us-central1")
    );
    assert_eq!(
        vertex.home_of(&google("global")).as_deref(),
        Some("https://aiplatform.googleapis.com/v1/projects/p/locations/global")
    );
    assert_eq!(vertex.home_of(&aws("us-east-1")), None);
}

#[test]
fn claude_stands_at_its_publisher_and_is_spoken_to_in_its_own_language() {
    let place = site("/v1/projects/p/locations/global", None);
    let claude = find("vertex").unwrap().of_model("claude-sonnet-4-5@20250929").unwrap();
    assert_eq!((claude.name(), claude.wire()), ("vertex", Some(Wire::Messages)));
    assert_eq!(
        claude.conversation(&place, "claude-sonnet-4-5@20250929", true),
        "/v1/projects/p/locations/global/publishers/anthropic/models/claude-sonnet-4-5%4020250929:streamRawPredict"
    );
    assert!(find("vertex").unwrap().of_model("gemini-2.5-pro").is_none());
    for model in ["claude-sonnet-4-5@20250929", "publishers/anthropic/models/claude-sonnet-4-5@20250929"] {
        let (there, name) = claude.counting(&place, model).unwrap();
        assert_eq!(
            there,
            "/v1/projects/p/locations/global/publishers/anthropic/models/count-tokens:rawPredict"
        );
        assert_eq!(name, "claude-sonnet-4-5@20250929");
    }
}
