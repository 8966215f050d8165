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
    // What is hardly ever called lies apart from what is, and so is not in memory with it (docs/adr/0027). Linkers that do not
    // know of it say so and go on.
    if given("CARGO_CFG_TARGET_OS").is_some_and(|system| system == "linux") {
        println!("cargo::rustc-link-arg-bins=-Wl,-z,keep-text-section-prefix");
    }
    println!("cargo::rerun-if-changed=build.rs");
}
