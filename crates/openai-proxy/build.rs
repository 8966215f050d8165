//! What only the compiler's own environment knows, for `version --verbose`: the compiler, the target and the profile. And how
//! the program is laid out in its file.

use std::process::Command;

fn main() {
    let given = |name: &str| std::env::var_os(name).and_then(|value| value.into_string().ok());
    let compiler = given("RUSTC").unwrap_or_else(|| "rustc".to_owned());
    let output = Command::new(compiler).arg("--version").output();
    let version = output.ok().and_then(|output| String::from_utf8(output.stdout).ok()).unwrap_or_default();
    println!("cargo::rustc-env=BUILT_BY={}", version.trim());
    println!("cargo::rustc-env=BUILT_FOR={}", given("TARGET").unwrap_or_default());
    println!("cargo::rustc-env=BUILT_AS={}", given("PROFILE").unwrap_or_default());
    if given("CARGO_CFG_TARGET_OS").is_some_and(|system| system == "linux") {
        // What is hardly ever called lies apart from what is, and so is not in memory with it (docs/adr/0027). Linkers that do
        // not know of it say so and go on.
        println!("cargo::rustc-link-arg-bins=-Wl,-z,keep-text-section-prefix");
        // And what a gateway in use calls lies together. Somebody's own linker may not take the script, and is not given it; and
        // who makes it anew wants a program without (bench/run.sh).
        let own_linker = given("RUSTC_LINKER").is_some()
            || given("CARGO_ENCODED_RUSTFLAGS").is_some_and(|flags| flags.contains("link"));
        let released = given("PROFILE").is_some_and(|profile| profile == "release");
        if released && !own_linker && given("WITHOUT_LAYOUT").is_none() {
            let folder = given("CARGO_MANIFEST_DIR").unwrap_or_default();
            println!("cargo::rustc-link-arg-bins=-Wl,-T,{folder}/layout.ld");
        }
    }
    println!("cargo::rerun-if-env-changed=WITHOUT_LAYOUT");
    println!("cargo::rerun-if-changed=layout.ld");
    println!("cargo::rerun-if-changed=build.rs");
}
