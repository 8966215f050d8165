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
        let flags = given("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
        let own_linker = given("RUSTC_LINKER").is_some() || flags.contains("link");
        let released = given("PROFILE").is_some_and(|profile| profile == "release");
        let wanted = released && !own_linker && given("WITHOUT_LAYOUT").is_none();
        match given("CARGO_MANIFEST_DIR").filter(|_| wanted) {
            Some(_) if !flags.contains("symbol-mangling-version=v0") => {
                println!(
                    "cargo::warning=Functions lie as they come, which takes some megabytes more memory when idle: rustflags of your \
                     own stand in place of those in .cargo/config.toml. Add `-C symbol-mangling-version=v0` to them."
                );
            }
            Some(folder) => println!("cargo::rustc-link-arg-bins=-T{folder}/layout.ld"),
            None => {}
        }
    }
    println!("cargo::rerun-if-env-changed=WITHOUT_LAYOUT");
    println!("cargo::rerun-if-changed=layout.ld");
    println!("cargo::rerun-if-changed=build.rs");
}
