//! What stands beside the file: `conf.d`, the file of an environment, `.env`; and who wins.

#![expect(clippy::unwrap_used, reason = "a test that cannot write its own files has failed")]

use std::path::{Path, PathBuf};

use config::snapshot::{Credential, Level};
use config::{Given, Loaded, load};

/// A folder with these files, and what is read when its first file is named.
fn given(name: &str, files: &[(&str, &str)], variables: &[(&str, &str)]) -> Given {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("layers").join(name);
    let _ = std::fs::remove_dir_all(&folder);
    for (file, text) in files {
        let path = folder.join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let environment =
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Given { file: Some(folder.join(files[0].0)), environment, ..Given::default() }
}

fn body(loaded: &Loaded) -> u64 {
    loaded.snapshot.server.limits.body >> 20
}

/// Problems and notes, without the folder.
fn told(given: &Given) -> String {
    let folder = given.file.as_deref().and_then(Path::parent).map(PathBuf::from).unwrap();
    let told = match load(given) {
        Ok(loaded) => loaded.notes.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
        Err(problems) => problems.to_string(),
    };
    told.replace(&format!("{}/", folder.display()), "")
}

const FILE: (&str, &str) =
    ("openai-proxy.yaml", "providers: {mock: {priority: 1}}\nserver: {limits: {body: 1MiB}}\n");

#[test]
fn each_layer_wins_over_those_before_it() {
    let files = [
        FILE,
        ("conf.d/10.yaml", "server: {limits: {body: 2MiB}}\n"),
        ("conf.d/20.yaml", "server: {limits: {body: 3MiB}}\n"),
        ("openai-proxy.production.yaml", "server: {limits: {body: 4MiB}}\n"),
    ];
    let production = ("ENVIRONMENT", "production");
    let variable = ("OPENAI_PROXY__SERVER__LIMITS__BODY", "5MiB");
    let mut all = given("each", &files, &[production, variable]);
    all.overrides.push(("server.limits.body".into(), "6MiB".into()));
    assert_eq!(body(&load(&all).unwrap()), 6);
    assert_eq!(body(&load(&given("each", &files, &[production, variable])).unwrap()), 5);
    assert_eq!(body(&load(&given("each", &files, &[production])).unwrap()), 4);
    assert_eq!(body(&load(&given("each", &files, &[])).unwrap()), 3);
    assert_eq!(body(&load(&given("each", &files[..2], &[])).unwrap()), 2);
    assert_eq!(body(&load(&given("each", &files[..1], &[production])).unwrap()), 1);
}

#[test]
fn maps_merge_lists_replace_and_null_deletes() {
    let files = [
        (
            "openai-proxy.yaml",
            "providers:\n  a: {base_url: http://localhost:1, models: [x, y], priority: 3}\n  b: http://localhost:2\nmodels: {m: a}\n",
        ),
        (
            "conf.d/1.yaml",
            "providers:\n  a: {models: [z]}\n  b: null\n  c:\n    base_url: http://localhost:3\nmodels: {m: null}\n",
        ),
    ];
    let loaded = load(&given("merge", &files, &[])).unwrap();
    let providers = &loaded.snapshot.providers;
    assert_eq!(providers.iter().map(|provider| provider.name.as_str()).collect::<Vec<_>>(), ["a", "c"]);
    assert_eq!((providers[0].priority, providers[0].models.len()), (3, 1));
    assert!(loaded.snapshot.models.find("m").is_none());
}

#[test]
fn include_says_which_files_and_a_missing_one_is_a_mistake() {
    let more = ("more/x.yaml", "server: {limits: {body: 7MiB}}\n");
    let unread = ("conf.d/1.yaml", "server: {limits: {body: 9MiB}}\n");
    let main = ("openai-proxy.yaml", "include: [more/*.yaml, none/*.yaml]\nproviders: {mock: {}}\n");
    assert_eq!(body(&load(&given("include", &[main, more, unread], &[])).unwrap()), 7);
    let missing = ("openai-proxy.yaml", "include:\n  - more/y.yaml\n  - a*/y.yaml\nproviders: {mock: {}}\n");
    let told = told(&given("missing", &[missing, more], &[]));
    assert!(
        told.starts_with("openai-proxy.yaml:2: `include[0]` names more/y.yaml, which is not there."),
        "{told}"
    );
    assert!(
        told.contains("openai-proxy.yaml:3: `include[1]` has `a*/y.yaml`, with a `*` in a folder"),
        "{told}"
    );
}

#[test]
fn problems_of_all_files_are_told_at_once_with_their_own_place() {
    let files = [
        FILE,
        ("conf.d/1.yaml", "\nserver: {limts: {}}\n"),
        ("openai-proxy.test.yaml", "\n\nproviders: {mock: {priority: high}}\n"),
    ];
    let told = told(&given("places", &files, &[("ENVIRONMENT", "test")]));
    assert_eq!(
        told,
        "conf.d/1.yaml:2: `limts` is not a setting of the server. Did you mean `limits`?\n\
         openai-proxy.test.yaml:3: `providers.mock.priority` is `high`, which is not a whole number. Write digits only."
    );
    let broken = [FILE, ("conf.d/1.yaml", "a: [\n"), ("conf.d/2.yaml", "- list\n")];
    let told = self::told(&given("broken", &broken, &[]));
    assert!(told.contains("conf.d/1.yaml:2: This is not YAML"), "{told}");
    assert!(told.contains("conf.d/2.yaml:1: The file holds a list, not a map of settings."), "{told}");
}

#[test]
fn a_file_of_variables_fills_values_and_the_environment_wins() {
    let main = (
        "openai-proxy.yaml",
        "providers:\n  openai: {}\n  a: {base_url: http://localhost:1, api_key: \"${A}\"}\n",
    );
    let dotenv = (".env", "OPENAI_API_KEY=sk-file\nA=from-file\nOPENAI_PROXY__LOGGING__LEVEL=debug\n");
    let keys = |variables: &[(&str, &str)]| {
        let loaded = load(&given("dotenv", &[main, dotenv], variables)).unwrap();
        assert_eq!(loaded.snapshot.logging.levels.default, Level::Info, "settings are not read from it");
        let key = |provider: &std::sync::Arc<config::snapshot::Provider>| match &provider.credential {
            Credential::Stored(key) => key.expose().to_owned(),
            other => format!("{other:?}"),
        };
        loaded.snapshot.providers.iter().map(key).collect::<Vec<_>>()
    };
    assert_eq!(keys(&[]), ["sk-file", "from-file"]);
    assert_eq!(keys(&[("A", "real")]), ["sk-file", "real"]);
}

#[test]
fn the_file_of_variables_may_choose_the_environment_and_every_place_is_named() {
    let files = [
        FILE,
        (".env", "ENVIRONMENT=test\n"),
        ("openai-proxy.test.yaml", "server: {limits: {body: 8MiB}}\n"),
    ];
    let chosen = given("chosen", &files, &[]);
    assert_eq!(body(&load(&chosen).unwrap()), 8);
    let places = |given: &Given| {
        let short = |looked: config::Looked| {
            let name = looked.place.rsplit('/').next().unwrap_or_default().to_owned();
            format!("{} {name} {}", looked.what, looked.outcome.name())
        };
        config::looked(given).into_iter().map(short).collect::<Vec<_>>()
    };
    let environment = "environment file openai-proxy.test.yaml taken";
    assert_eq!(places(&chosen), ["file openai-proxy.yaml taken", environment, ".env .env taken"]);
    let other =
        given("other", &files[..1], &[("ENVIRONMENT", "test"), ("PORT", "1"), ("OPENAI_PROXY__NAME", "x")]);
    assert_eq!(
        places(&other),
        [
            "usual variable PORT taken",
            "file openai-proxy.yaml taken",
            "environment file openai-proxy.test.yaml not there",
            ".env .env not there",
            "variable OPENAI_PROXY__NAME taken"
        ]
    );
}

#[test]
fn an_older_file_has_its_environment_beside_it() {
    let files = [
        ("base.yaml", "port: 3010\ninstances:\n  - {name: a, api_base: http://localhost:1, priority: 1}\n"),
        ("production.yaml", "port: 3011\ninstances:\n  - {name: a, priority: 9}\n"),
    ];
    let loaded = load(&given("older", &files, &[("ENVIRONMENT", "production"), ("PORT", "9")])).unwrap();
    assert_eq!(
        loaded.snapshot.server.listen,
        [config::snapshot::Door::Tcp("127.0.0.1:3011".parse().unwrap())]
    );
    assert_eq!(loaded.snapshot.providers[0].priority, 9);
}

#[test]
fn an_environment_without_a_proper_name_reads_nothing_and_says_so() {
    let told = told(&given("odd", &[FILE], &[("ENVIRONMENT", "../up")]));
    assert!(told.starts_with("ENVIRONMENT: The environment is not called by a name"), "{told}");
}

#[test]
fn variables_of_older_programs_are_read_and_named_where_nothing_follows_from_them() {
    let variables = [
        ("INSTANCE_MANAGER_DB_PATH", "/x.db"),
        ("INSTANCE_MANAGER_STATE_FILE", "/s.json"),
        ("ADMIN_API_KEY", "canary-canary-canary"),
        ("FEISHU_WEBHOOK_URL", "https://hook.example/canary"),
    ];
    let given = given("variables", &[FILE], &variables);
    let loaded = config::load(&given).unwrap().snapshot;
    let keys: Vec<_> = loaded.admin.keys.iter().map(|key| (key.secret.expose(), key.role)).collect();
    assert_eq!(keys, [("canary-canary-canary", config::snapshot::Role::Admin)]);
    assert_eq!(loaded.storage.database, config::snapshot::Database::File("/x.db".into()));
    assert_eq!(
        told(&given),
        "INSTANCE_MANAGER_STATE_FILE: This is an older program's state; it is not read at every start. \
         Take over what it holds: openai-proxy import azure-proxy"
    );
    let apart = Given { set_apart: vec!["INSTANCE_MANAGER_DB_PATH".to_owned()], ..given };
    let database = config::load(&apart).unwrap().snapshot.storage;
    assert!(!database.written, "another program's file is none of ours: {database:?}");
    assert!(told(&apart).contains("INSTANCE_MANAGER_DB_PATH: This is a database of another program"));
}

/// What `sources` says about one setting: everybody who spoke, strongest first.
fn spoken(given: &Given, path: &str) -> Vec<String> {
    let folder = given.file.as_deref().and_then(Path::parent).map(PathBuf::from).unwrap_or_default();
    let sources = config::sources(given).unwrap();
    let leaf = sources.below(path).next().unwrap();
    let line = |said: &config::Said| {
        let place = said.origin.place.to_string().replace(&format!("{}/", folder.display()), "");
        let through = said.through.as_deref().map(|path| format!(" through {path}")).unwrap_or_default();
        format!("{} {} {place}{through}", said.value.as_deref().unwrap_or("-"), said.origin.layer.name())
    };
    leaf.said.iter().rev().map(line).collect()
}

#[test]
fn everybody_who_spoke_is_named_with_file_and_line() {
    let files = [
        (
            "openai-proxy.yaml",
            "providers:\n  openai:\n    timeouts: {connect: 1s}\nserver:\n  limits: {body: 1MiB}\n",
        ),
        (
            "conf.d/a.yaml",
            "server: {limits: {body: 2MiB}}\nprovider_defaults: {timeouts: {connect: 3s, total: 4m}}\n",
        ),
        ("openai-proxy.test.yaml", "\nserver: {limits: null}\n"),
    ];
    let mut given = given("spoken", &files, &[("ENVIRONMENT", "test"), ("OPENAI_API_KEY", "sk-canary")]);
    assert_eq!(
        spoken(&given, "providers.openai.timeouts.connect"),
        [
            "1s file openai-proxy.yaml:3",
            "3s conf.d conf.d/a.yaml:2 through provider_defaults.timeouts.connect",
            "5s built-in built in"
        ]
    );
    assert_eq!(
        spoken(&given, "providers.openai.timeouts.total")[0],
        "4m conf.d conf.d/a.yaml:2 through provider_defaults.timeouts.total"
    );
    assert_eq!(
        spoken(&given, "providers.openai.api_key"),
        ["${OPENAI_API_KEY} usual variable OPENAI_API_KEY"]
    );
    assert_eq!(
        spoken(&given, "server.limits"),
        [
            "- environment file openai-proxy.test.yaml:2",
            "{body: 2MiB} conf.d conf.d/a.yaml:1",
            "{body: 1MiB} file openai-proxy.yaml:5",
            "{headers: 32KiB, body: 64MiB, upload: 1GiB, connections: 10000} built-in built in"
        ]
    );
    given.overrides.push(("server.limits.body".into(), "9MiB".into()));
    given.environment.insert("OPENAI_PROXY__SERVER__LIMITS__BODY".into(), "8MiB".into());
    let said = spoken(&given, "server.limits.body");
    assert_eq!(
        said[..2],
        ["9MiB flag flag server.limits.body", "8MiB variable OPENAI_PROXY__SERVER__LIMITS__BODY"]
    );
    assert_eq!(said.len(), 6, "{said:?}");
}

#[test]
fn a_flag_finds_names_with_dots_and_variables_find_names_with_dashes() {
    let text = "providers:\n  llama.cpp: http://localhost:1\n  my-place: http://localhost:2\nmodels: {gpt-3.5-turbo: my-place}\n";
    let mut given = given(
        "dots",
        &[("openai-proxy.yaml", text)],
        &[("OPENAI_PROXY__PROVIDERS__MY_PLACE__PRIORITY", "4")],
    );
    given.overrides = [
        ("providers.llama.cpp.priority", "9"),
        ("models.gpt-3.5-turbo", "llama.cpp"),
        ("server.limits.body", "3MiB"),
    ]
    .map(|(path, value)| (path.to_owned(), value.to_owned()))
    .to_vec();
    let loaded = load(&given).unwrap();
    let providers: Vec<_> =
        loaded.snapshot.providers.iter().map(|one| (one.name.as_str(), one.priority)).collect();
    assert_eq!(providers, [("llama.cpp", 9), ("my-place", 4)]);
    assert_eq!(loaded.snapshot.models.find("gpt-3.5-turbo").unwrap().places[0].provider, 0);
    assert_eq!(body(&loaded), 3);
    assert_eq!(spoken(&given, "models.gpt-3.5-turbo")[0], "llama.cpp flag flag models.gpt-3.5-turbo");
}

#[test]
fn what_is_stored_stands_between_files_and_variables_with_its_author_and_time() {
    let mut given = given("stored", &[FILE, ("conf.d/a.yaml", "server: {limits: {body: 2MiB}}\n")], &[]);
    let time = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_800_000_000);
    let stored = |layer, path: &str, value: &str, place: &str| config::Stored {
        layer,
        path: path.split('.').map(str::to_owned).collect(),
        value: value.to_owned(),
        alone: false,
        place: place.to_owned(),
        author: Some("ada".to_owned()),
        time: Some(time),
    };
    given.stored = vec![
        stored(config::Layer::Database, "server.limits.body", "4MiB", "revision 7"),
        stored(config::Layer::Imported, "server.limits.body", "3MiB", "state.json"),
        stored(
            config::Layer::Imported,
            "providers.late",
            "{base_url: \"http://localhost:9\", priority: 5}",
            "state.json",
        ),
    ];
    let loaded = load(&given).unwrap();
    assert_eq!(body(&loaded), 4);
    assert_eq!(loaded.snapshot.providers[0].name, "late");
    let said = spoken(&given, "server.limits.body");
    assert_eq!(
        said[..3],
        ["4MiB database revision 7", "3MiB imported state state.json", "2MiB conf.d conf.d/a.yaml:1"]
    );
    let sources = config::sources(&given).unwrap();
    let origin = &sources.below("server.limits.body").next().and_then(config::Leaf::winner).unwrap().origin;
    assert_eq!((origin.author.as_deref(), origin.time), (Some("ada"), Some(time)));
    given.environment.insert("OPENAI_PROXY__SERVER__LIMITS__BODY".into(), "5MiB".into());
    assert_eq!(body(&load(&given).unwrap()), 5);
    given.stored = vec![stored(config::Layer::Database, "server.limits", "{bdy: 1", "revision 8")];
    let told = told(&given);
    assert!(told.starts_with("revision 8: This is not YAML"), "{told}");
}

#[test]
fn no_secret_is_shown_wherever_it_was_written() {
    let text = "\
name: plain
providers:
  a: {base_url: \"https://canary0:canary1@h/v1?key=canary2\", api_key: canary3, headers: {x-y: canary4}, api_kee: canary5}
  b: {base_url: \"${B_URL}\", api_key: \"${B_KEY}\", organization: \"${B_ORG}\"}
  c: canary6
  d: {base_url: http://localhost:1, keys: {main: {key: canary7}}, proxy: \"http://canary8:canary9@p:1\"}
keys: {laptop: {key: canary10, hash: canary11}}
admin: {api_key: \"${NOT_SET:-canary12}\"}
storage: {database: \"postgres://u:canary13@h/d\", redis: \"redis://:canary14@h:1\", encryption_key: canary15}
alerts: {to: {slack: \"https://hooks.example/canary16\", webhook: {url: \"https://h/canary17\", secret: canary18}}}
telemetry: {sentry: \"https://canary19@s/1\"}
guardrails: {any: {thing: canary20}}
x-free: canary21
";
    let variables =
        [("B_URL", "canary22"), ("B_KEY", "canary23"), ("B_ORG", "canary24"), ("ADMIN_API_KEY", "canary25")];
    let mut given = given("hidden", &[("openai-proxy.yaml", text)], &variables);
    given.overrides.push(("providers.a.api_key".into(), "canary26".into()));
    given.environment.insert("OPENAI_PROXY__PROVIDERS__A__HEADERS__X_Z".into(), "canary27".into());
    let sources = format!("{:?}", config::sources(&given).unwrap());
    let shown = config::effective(&given).unwrap().to_string();
    for told in [&sources, &shown] {
        assert!(!told.contains("canary"), "{told}");
        for kept in ["https://***@h/v1?***", "${B_KEY}", "http://***@p:1", "plain"] {
            assert!(told.contains(kept), "{kept}: {told}");
        }
    }
}

#[test]
fn an_older_files_one_time_for_all_holds_where_a_provider_says_none_and_is_named() {
    let files = [
        (
            "openai-proxy.yaml",
            "providers:\n  a: http://localhost:1\n  b: {base_url: \"http://localhost:2\", timeouts: {first_byte: 7s}}\nrouting: {timeout: 60}\n",
        ),
        ("conf.d/a.yaml", "providers: {a: {priority: 3}}\n"),
    ];
    let mut given = given("patience", &files, &[]);
    let patience = |given: &Given| -> Vec<_> {
        load(given).unwrap().snapshot.providers.iter().map(|one| one.timeouts.first_byte.as_secs()).collect()
    };
    assert_eq!(patience(&given), [60, 7]);
    assert_eq!(
        spoken(&given, "providers.a.timeouts.first_byte"),
        ["60 file openai-proxy.yaml:4 through provider_defaults.timeouts.first_byte", "2m built-in built in"]
    );
    given.environment.insert("OPENAI_PROXY__ROUTING__TIMEOUT".into(), "50s".into());
    assert_eq!(patience(&given), [50, 7]);
    given.stored = vec![config::Stored {
        layer: config::Layer::Database,
        path: vec!["routing".to_owned(), "timeout".to_owned()],
        value: "40".to_owned(),
        alone: false,
        place: "revision 7".to_owned(),
        author: None,
        time: None,
    }];
    given.environment.clear();
    assert_eq!(patience(&given), [40, 7], "kept by an older version of this program");
}

#[test]
fn a_key_of_several_says_where_it_comes_from_and_the_vendors_variable_stands_back() {
    let text = "providers: {openai: {keys: {main: {key: \"${KEY_A}\", weight: 2}}}}\n";
    let given = given(
        "several-keys",
        &[
            ("openai-proxy.yaml", text),
            ("conf.d/a.yaml", "providers: {openai: {keys: {main: {weight: 3}}}}\n"),
        ],
        &[("KEY_A", "canary-a"), ("OPENAI_API_KEY", "canary-b")],
    );
    let provider = load(&given).unwrap().snapshot.providers[0].clone();
    let keys: Vec<_> = provider.keys.iter().map(|key| (key.secret.expose(), key.weight)).collect();
    assert_eq!(keys, [("canary-a", 3)]);
    let first = config::snapshot::Credential::Stored(provider.keys[0].secret.clone());
    assert_eq!(provider.credential, first);
    assert_eq!(
        spoken(&given, "providers.openai.keys.main.weight"),
        ["3 conf.d conf.d/a.yaml:1", "2 file openai-proxy.yaml:1"]
    );
    assert_eq!(spoken(&given, "providers.openai.keys.main.key"), ["${KEY_A} file openai-proxy.yaml:1"]);
    assert!(!config::effective(&given).unwrap().to_string().contains("OPENAI_API_KEY"));
    assert!(told(&given).contains("the key in OPENAI_API_KEY is none of them and is not used"));
}

#[test]
fn a_stand_in_says_who_wrote_it() {
    let text = "providers: {a: {base_url: \"http://localhost:1\", models: [x, y]}}\nrouting:\n  fallbacks:\n    x: [y]\n";
    let given = given(
        "stand-in",
        &[
            ("openai-proxy.yaml", text),
            ("conf.d/a.yaml", "routing: {fallbacks: {x: {to: y, on: context_length}}}\n"),
        ],
        &[("OPENAI_PROXY__ROUTING__RETRIES", "5")],
    );
    assert_eq!(
        spoken(&given, "routing.fallbacks.x.to"),
        ["y conf.d conf.d/a.yaml:1", "[y] file openai-proxy.yaml:4"]
    );
    assert_eq!(
        spoken(&given, "routing.retries"),
        ["5 variable OPENAI_PROXY__ROUTING__RETRIES", "2 built-in built in"]
    );
    let json = given_by("stand-in-json", "{\"x\": {\"to\": [\"y\"], \"on\": \"context_length\"}}");
    assert_eq!(load(&json).unwrap().snapshot.routing, load(&given).unwrap().snapshot.routing);
}

/// The same fallbacks as one variable that holds JSON.
fn given_by(name: &str, fallbacks: &str) -> Given {
    let text = "providers: {a: {base_url: \"http://localhost:1\", models: [x, y]}}\n";
    let variables =
        [("OPENAI_PROXY__ROUTING__FALLBACKS", fallbacks), ("OPENAI_PROXY__ROUTING__RETRIES", "5")];
    given(name, &[("openai-proxy.yaml", text)], &variables)
}
