//! llm: a list of further models in its own folder.

use serde_json::json;

use super::{Aim, BLANK, Change, Format, Settings, Step, Temporary, Told, Tool};

/// llm. It speaks chat.
pub(super) const TOOL: Tool = Tool {
    word: "llm",
    name: "llm",
    program: Some("llm"),
    install: "pip install llm",
    variables: |aim| {
        let model = ("LLM_MODEL", aim.model.clone());
        aim.key.iter().map(|key| ("OPENAI_API_KEY", key.clone())).chain([model]).collect()
    },
    temporary: Some(Temporary {
        name: NAME,
        told: Told::Folder("LLM_USER_PATH"),
        format: Format::Yaml,
        changes,
        needed: true,
        strict: false,
        stands_for: FOLDER,
    }),
    files: &[Settings { folder: FOLDER, names: &[NAME], format: Format::Yaml, changes }],
    notes: &[
        "The model is asked for by name: llm -m MODEL. Other models and the log stay as they are.",
        "With a key: llm keys set openai-proxy.",
    ],
    ..BLANK
};

const NAME: &str = "extra-openai-models.yaml";

const FOLDER: &[(&str, &str)] = if cfg!(target_os = "macos") {
    &[("LLM_USER_PATH", ""), ("HOME", "Library/Application Support/io.datasette.llm")]
} else {
    &[("LLM_USER_PATH", ""), ("XDG_CONFIG_HOME", "io.datasette.llm"), ("HOME", ".config/io.datasette.llm")]
};

fn changes(aim: &Aim) -> Vec<Change> {
    let mut model = json!({"model_id": aim.model, "model_name": aim.model, "api_base": aim.base()});
    // Without a name it asks for no key. With one it looks there, then in OPENAI_API_KEY.
    if aim.key.is_some() {
        model["api_key_name"] = "openai-proxy".into();
    }
    vec![Change::at(vec![Step::item("model_id", &aim.model)], model)]
}
