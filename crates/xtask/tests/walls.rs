//! Every wall of `tidy`, broken on purpose: a small house stands, one thing in it is changed, and tidy names the line.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;
use xtask::tidy;

/// A house in which all walls stand, with a word of everything that is allowed.
const HOUSE: &[(&str, &str)] = &[
    (
        "Cargo.toml",
        "[workspace]\nmembers = [\"crates/*\"]\n\n[workspace.dependencies]\n\
         protocol = { path = \"crates/protocol\" }\nbytes = \"1\"\nhyper = \"1\"\nstrsim = \"0.11\"\n",
    ),
    (
        "crates/protocol/Cargo.toml",
        "[lints]\nworkspace = true\n\n[dependencies]\n# bodies\nbytes.workspace = true\n",
    ),
    ("crates/protocol/src/lib.rs", "//! Protocol.\nmod a;\nmod b;\nmod vendor;\n"),
    ("crates/protocol/src/a.rs", "//! A.\nuse crate::b::B;\n"),
    (
        "crates/protocol/src/b.rs",
        "//! B, which quotes `use crate::a::A;`.\n// use crate::a::A;\npub struct B;\n",
    ),
    (
        "crates/protocol/src/vendor/mod.rs",
        "//! Vendors.\nmod openai;\npub use openai::OpenAi;\npub trait Vendor {}\n",
    ),
    ("crates/protocol/src/vendor/openai.rs", "//! One.\nuse super::Vendor;\npub struct OpenAi;\n"),
    ("crates/config/Cargo.toml", "[lints]\nworkspace = true\n\n[dependencies]\nprotocol.workspace = true\n"),
    ("crates/config/src/lib.rs", "//! Config.\nconst NAME: &str = \"openai-proxy\";\n"),
    (
        "crates/gateway/Cargo.toml",
        "[lints]\nworkspace = true\n\n[dependencies]\nconfig.workspace = true\n# the engine\n\
         bytes.workspace = true\nhyper.workspace = true\n\n[dev-dependencies]\ntestkit.workspace = true\n\
         # near misses\nstrsim.workspace = true\n",
    ),
    ("crates/gateway/src/lib.rs", "//! Gateway.\npub struct Gateway;\n"),
    ("crates/gateway/src/serve.rs", "//! The line.\nuse crate::{intake, relay};\n"),
    ("crates/gateway/src/error.rs", "//! Errors.\npub struct ApiError;\n"),
    ("crates/gateway/src/listen/mod.rs", "//! Doors.\nuse crate::serve::serve;\n"),
    ("crates/gateway/src/hook/mod.rs", "//! Hooks.\nuse crate::intake::Call;\n"),
    (
        "crates/gateway/src/intake/mod.rs",
        "//! Intake.\nuse crate::{Gateway, error::ApiError};\npub struct Call;\n",
    ),
    (
        "crates/gateway/src/relay/mod.rs",
        "//! Relay.\nuse super::intake::Call;\nuse crate::hook;\nconst D: Dialect = Dialect::OpenAiChat;\n\
         /* Anthropic may be named here. */\n#[cfg(test)]\nmod tests {\n    const V: &str = \"ollama\";\n}\n",
    ),
    ("crates/testkit/Cargo.toml", "[lints]\nworkspace = true\n"),
    ("crates/testkit/src/lib.rs", "//! Testkit.\nconst FAKE: &str = \"openai\";\n"),
];

/// What tidy says of the house after these files were written over it.
fn tidy_with(changes: &[(&str, &str)]) -> Result<Vec<String>> {
    let house = TempDir::new()?;
    for (path, text) in HOUSE.iter().chain(changes) {
        let path = house.path().join(path);
        fs::create_dir_all(path.parent().context("a file has a folder")?)?;
        fs::write(path, text)?;
    }
    Ok(tidy::check(house.path()).iter().map(ToString::to_string).collect())
}

/// Writes one file over the house; tidy must complain once, with this beginning.
fn broken_by(path: &str, text: &str, complaint: &str) -> Result<()> {
    let said = tidy_with(&[(path, text)])?;
    let names_it = said.len() == 1 && said[0].starts_with(complaint);
    ensure!(
        names_it,
        "wanted one line beginning with\n  {complaint}\nbut tidy said\n  {}",
        said.join("\n  ")
    );
    Ok(())
}

/// The manifest of a crate with these dependencies.
fn manifest(dependencies: &str) -> String {
    format!("[lints]\nworkspace = true\n\n[dependencies]\n{dependencies}")
}

#[test]
fn the_real_house_stands() -> Result<()> {
    let said = tidy::check(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."));
    let lines: Vec<String> = said.iter().map(ToString::to_string).collect();
    ensure!(lines.is_empty(), "{}", lines.join("\n"));
    Ok(())
}

#[test]
fn the_small_house_stands() -> Result<()> {
    let said = tidy_with(&[])?;
    ensure!(said.is_empty(), "{}", said.join("\n"));
    Ok(())
}

#[test]
fn a_line_names_place_fault_and_cure() -> Result<()> {
    let said = tidy_with(&[("crates/config/src/merge.rs", "")])?;
    let wanted =
        "crates/config/src/merge.rs:1: the file has no `//!` head; say in its first line what it is for";
    ensure!(said == [wanted], "{said:?}");
    Ok(())
}

// ---- layers ---------------------------------------------------------------------------------------

#[test]
fn a_crate_may_not_import_upwards() -> Result<()> {
    let text = manifest("gateway.workspace = true\n");
    broken_by("crates/config/Cargo.toml", &text, "crates/config/Cargo.toml:5: `config` imports `gateway`; ")
}

#[test]
fn a_test_may_not_import_upwards_either() -> Result<()> {
    let text = "[lints]\nworkspace = true\n\n[dev-dependencies]\ngateway.workspace = true\n";
    broken_by(
        "crates/protocol/Cargo.toml",
        text,
        "crates/protocol/Cargo.toml:5: `protocol` imports `gateway`; ",
    )
}

#[test]
fn testkit_is_for_tests_alone() -> Result<()> {
    let text = manifest("testkit.workspace = true\n");
    broken_by(
        "crates/gateway/Cargo.toml",
        &text,
        "crates/gateway/Cargo.toml:5: `gateway` imports `testkit`; ",
    )
}

#[test]
fn testkit_imports_nobody_of_ours() -> Result<()> {
    let text = manifest("protocol.workspace = true\n");
    broken_by(
        "crates/testkit/Cargo.toml",
        &text,
        "crates/testkit/Cargo.toml:5: `testkit` imports `protocol`; ",
    )
}

#[test]
fn a_new_crate_needs_a_floor() -> Result<()> {
    let path = "crates/commons/Cargo.toml";
    broken_by(path, &manifest(""), "crates/commons/Cargo.toml:1: the crate `commons` stands on no floor; ")
}

#[test]
fn a_stage_may_not_import_a_later_one() -> Result<()> {
    let path = "crates/gateway/src/intake/mod.rs";
    let complaint =
        "crates/gateway/src/intake/mod.rs:2: the stage `intake` imports the later stage `admit`; ";
    broken_by(path, "//! Intake.\nuse crate::admit::Permit;\n", complaint)?;
    broken_by(path, "//! Intake.\nuse crate::{\n    error::ApiError, admit::Permit as P};\n", complaint)?;
    broken_by(path, "//! Intake.\nuse super::admit::Permit;\n", complaint)?;
    broken_by(path, "//! Intake.\nfn f() { crate::admit::ask() }\n", complaint)?;
    let deep = "crates/gateway/src/intake/call.rs";
    let complaint =
        "crates/gateway/src/intake/call.rs:2: the stage `intake` imports the later stage `admit`; ";
    broken_by(deep, "//! Call.\nuse super::super::admit::Permit;\n", complaint)
}

#[test]
fn a_name_passed_on_hides_no_import() -> Result<()> {
    let said = tidy_with(&[
        ("crates/gateway/src/lib.rs", "//! Gateway.\npub use admit::Permit;\n"),
        ("crates/gateway/src/admit/mod.rs", "//! Admit.\npub use permit::Permit;\n"),
        ("crates/gateway/src/admit/permit.rs", "//! Permit.\npub struct Permit;\n"),
        ("crates/gateway/src/intake/mod.rs", "//! Intake.\nuse crate::Permit;\n"),
    ])?;
    let complaint =
        "crates/gateway/src/intake/mod.rs:2: the stage `intake` imports the later stage `admit`; ";
    ensure!(said.len() == 1 && said[0].starts_with(complaint), "{said:?}");
    Ok(())
}

#[test]
fn a_side_room_sees_of_the_stages_only_the_call() -> Result<()> {
    let path = "crates/gateway/src/hook/mod.rs";
    let complaint = "crates/gateway/src/hook/mod.rs:2: the side room `hook` imports the stage `intake`; ";
    broken_by(path, "//! Hooks.\nuse crate::intake::Body;\n", complaint)
}

#[test]
fn nobody_below_the_line_imports_it() -> Result<()> {
    let path = "crates/gateway/src/admit/mod.rs";
    let complaint = "crates/gateway/src/admit/mod.rs:2: `admit` imports `serve`; ";
    broken_by(path, "//! Admit.\nuse crate::serve::serve;\n", complaint)?;
    let complaint = "crates/gateway/src/admit/mod.rs:2: `admit` imports `listen`; ";
    broken_by(path, "//! Admit.\nuse crate::listen::drain::Tasks;\n", complaint)
}

#[test]
fn a_new_module_needs_a_place_in_the_line() -> Result<()> {
    let complaint = "crates/gateway/src/balance.rs:1: the module `balance` has no place in the line; ";
    broken_by("crates/gateway/src/balance.rs", "//! Balance.\n", complaint)
}

// ---- cycles ---------------------------------------------------------------------------------------

#[test]
fn two_modules_may_not_import_each_other() -> Result<()> {
    let complaint = "crates/protocol/src/a.rs:2: modules import each other: \
                     a -> b (crates/protocol/src/a.rs:2) -> a (crates/protocol/src/b.rs:2); ";
    broken_by("crates/protocol/src/b.rs", "//! B.\nuse crate::a::A;\n", complaint)
}

#[test]
fn three_modules_may_not_make_a_ring() -> Result<()> {
    let said = tidy_with(&[
        ("crates/protocol/src/b.rs", "//! B.\nuse crate::vendor::Vendor;\n"),
        ("crates/protocol/src/vendor/openai.rs", "//! One.\nuse crate::a::A;\n"),
    ])?;
    ensure!(said.len() == 1 && said[0].contains("a -> b (") && said[0].contains("-> vendor ("), "{said:?}");
    Ok(())
}

#[test]
fn siblings_in_a_folder_may_not_import_each_other() -> Result<()> {
    let said = tidy_with(&[
        ("crates/protocol/src/vendor/openai.rs", "//! One.\nuse super::azure::Azure;\n"),
        ("crates/protocol/src/vendor/azure.rs", "//! Two.\nuse super::openai::OpenAi;\n"),
    ])?;
    ensure!(said.len() == 1 && said[0].contains("azure -> openai ("), "{said:?}");
    Ok(())
}

// ---- heads and attributes -------------------------------------------------------------------------

#[test]
fn a_file_needs_a_head() -> Result<()> {
    let complaint = "crates/config/tests/layers.rs:1: the file has no `//!` head; ";
    broken_by("crates/config/tests/layers.rs", "// Layers.\n", complaint)
}

#[test]
fn a_crate_takes_the_lints() -> Result<()> {
    let complaint = "crates/testkit/Cargo.toml:1: the crate does not take the lints of the workspace; ";
    broken_by("crates/testkit/Cargo.toml", "[dependencies]\n", complaint)
}

#[test]
fn an_exemption_has_a_reason() -> Result<()> {
    let path = "crates/config/src/lib.rs";
    let complaint = "crates/config/src/lib.rs:2: a lint is left out without a reason; ";
    broken_by(path, "//! Config.\n#[allow(dead_code)]\nfn f() {}\n", complaint)?;
    broken_by(path, "//! Config.\n#![expect(\n    dead_code,\n)]\n", complaint)?;
    let said = tidy_with(&[(path, "//! Config.\n#[allow(dead_code, reason = \"[later]\")]\nfn f() {}\n")])?;
    ensure!(said.is_empty(), "{said:?}");
    Ok(())
}

#[test]
fn a_skipped_test_has_a_reason() -> Result<()> {
    let path = "crates/config/tests/layers.rs";
    let complaint = "crates/config/tests/layers.rs:2: a test is skipped without a reason; ";
    broken_by(path, "//! Layers.\n#[ignore]\nfn f() {}\n", complaint)?;
    let said = tidy_with(&[(path, "//! Layers.\n#[ignore = \"needs Postgres\"]\nfn f() {}\n")])?;
    ensure!(said.is_empty(), "{said:?}");
    Ok(())
}

// ---- words ----------------------------------------------------------------------------------------

#[test]
fn a_vendor_is_named_in_its_own_place_only() -> Result<()> {
    let path = "crates/config/src/check.rs";
    let complaint = "crates/config/src/check.rs:2: the vendor `azure` is named; ";
    broken_by(path, "//! Check.\nfn is_azure() {}\n", complaint)?;
    broken_by(path, "//! Check.\nconst HOST: &str = \"x.azure.com\";\n", complaint)?;
    broken_by(path, "//! Check.\nstruct AzureKey;\n", complaint)?;
    let fine =
        "//! Check, but not of Azure.\nfn coherent() { let x_openai_proxy_id = \"X-OpenAI-Proxy-Route\"; }\n";
    let said = tidy_with(&[(path, fine)])?;
    ensure!(said.is_empty(), "{said:?}");
    Ok(())
}

#[test]
fn an_exception_holds_for_its_file_alone() -> Result<()> {
    let text = "//! Paths.\nconst PREFIX: &str = \"/openai/v1\";\n";
    let said = tidy_with(&[("crates/protocol/src/operation/spelling.rs", text)])?;
    ensure!(said.is_empty(), "{said:?}");
    let complaint = "crates/protocol/src/envelope.rs:2: the vendor `openai` is named; ";
    broken_by("crates/protocol/src/envelope.rs", text, complaint)
}

#[test]
fn a_type_keeps_to_the_glossary() -> Result<()> {
    let path = "crates/config/src/check.rs";
    let complaint = "crates/config/src/check.rs:2: the type `KeyManager` uses the word `Manager`; ";
    broken_by(path, "//! Check.\npub struct KeyManager;\n", complaint)?;
    let complaint = "crates/config/src/check.rs:2: the type `VendorChannel` uses the word `Channel`; ";
    broken_by(path, "//! Check.\ntype VendorChannel = ();\n", complaint)?;
    let said = tidy_with(&[(path, "//! Check.\nenum ChannelClosed {}\nstruct Utilisation;\n")])?;
    ensure!(said.is_empty(), "{said:?}");
    Ok(())
}

#[test]
fn a_file_is_named_after_what_lives_in_it() -> Result<()> {
    let complaint = "crates/config/src/utils.rs:1: `utils` names no one thing; ";
    broken_by("crates/config/src/utils.rs", "//! Things.\n", complaint)?;
    let complaint = "crates/config/tests/helpers/mod.rs:1: `helpers` names no one thing; ";
    broken_by("crates/config/tests/helpers/mod.rs", "//! Things.\n", complaint)
}

// ---- owners ---------------------------------------------------------------------------------------

#[test]
fn a_library_has_one_owner() -> Result<()> {
    let text = manifest("# the engine\nhyper.workspace = true\n");
    let complaint = "crates/config/Cargo.toml:6: `config` may not ship `hyper`; ask its owner (gateway)";
    broken_by("crates/config/Cargo.toml", &text, complaint)
}

#[test]
fn a_library_for_tests_is_not_shipped() -> Result<()> {
    let text = manifest("# random input\nproptest.workspace = true\n");
    let complaint = "crates/config/Cargo.toml:6: `config` may not ship `proptest`; only tests may use it";
    broken_by("crates/config/Cargo.toml", &text, complaint)
}

#[test]
fn the_bench_is_judged_as_a_crate_is() -> Result<()> {
    let complaint = "bench/Cargo.toml:6: `bench` may not ship `hyper`; ask its owner (gateway)";
    broken_by("bench/Cargo.toml", &manifest("# a load\nhyper.workspace = true\n"), complaint)
}

#[test]
fn a_new_library_needs_an_owner() -> Result<()> {
    let text = "[workspace.dependencies]\nreqwest = \"0.12\"\n";
    broken_by("Cargo.toml", text, "Cargo.toml:2: the library `reqwest` has no owner; ")
}

#[test]
fn a_version_stands_in_the_root_manifest_only() -> Result<()> {
    let complaint = "crates/config/Cargo.toml:6: `strsim` does not come from the root manifest; ";
    broken_by("crates/config/Cargo.toml", &manifest("# near misses\nstrsim = \"0.11\"\n"), complaint)
}

#[test]
fn a_library_is_taken_with_a_word_why() -> Result<()> {
    let path = "crates/config/Cargo.toml";
    let complaint = "crates/config/Cargo.toml:5: `strsim` is taken without a word why; ";
    broken_by(path, &manifest("strsim.workspace = true\n"), complaint)?;
    let complaint = "crates/config/Cargo.toml:8: `strsim` is taken without a word why; ";
    broken_by(path, &manifest("# bodies\nbytes.workspace = true\n\nstrsim.workspace = true\n"), complaint)
}

#[test]
fn a_manifest_that_is_no_toml_is_told() -> Result<()> {
    let complaint = "crates/control/Cargo.toml:2: cannot be parsed (";
    broken_by("crates/control/Cargo.toml", "[lints]\nworkspace = = true\n", complaint)
}

// ---- report ---------------------------------------------------------------------------------------

#[test]
fn the_report_shows_sizes_and_fails_nothing() -> Result<()> {
    let page = tidy::report(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."));
    ensure!(page.contains("largest files") && page.contains("crates/"), "{page}");
    ensure!(page.contains("longest functions"), "{page}");
    Ok(())
}

// ---- lock -----------------------------------------------------------------------------------------

#[test]
fn no_second_version_of_what_carries_bytes() -> Result<()> {
    let text = "[[package]]\nname = \"hyper\"\n\n[[package]]\nname = \"hyper\"\n";
    broken_by("Cargo.lock", text, "Cargo.lock:5: there is a second version of `hyper`; ")
}

#[test]
fn no_banned_library() -> Result<()> {
    broken_by(
        "Cargo.lock",
        "[[package]]\nname = \"openssl\"\n",
        "Cargo.lock:2: the library `openssl` is in the tree; ",
    )
}
