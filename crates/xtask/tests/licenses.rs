//! The list of foreign code inside the binary is the one Cargo.lock leads to.

use std::path::Path;

use anyhow::{Result, ensure};
use xtask::licenses;

#[test]
fn what_is_in_the_binary_is_listed_with_its_licence() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let page = std::fs::read_to_string(root.join(licenses::PLACE))?;
    let stale = licenses::stale(&root, &page).map_err(anyhow::Error::msg)?;
    ensure!(stale.is_empty(), "run `cargo xtask licenses`:\n{}", stale.join("\n"));
    ensure!(licenses::listed(&page).len() > 80);
    Ok(())
}

#[test]
fn a_list_that_lacks_one_or_names_one_too_many_is_stale() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let page = std::fs::read_to_string(root.join(licenses::PLACE))?;
    let without: String = page
        .lines()
        .filter(|line| !line.starts_with("tokio "))
        .fold(String::new(), |all, line| all + line + "\n");
    let stale = licenses::stale(&root, &without).map_err(anyhow::Error::msg)?;
    ensure!(stale.len() == 1 && stale[0].starts_with("tokio "), "{stale:?}");
    let stale =
        licenses::stale(&root, &format!("nobody 9.9.9 | MIT | 1\n{page}")).map_err(anyhow::Error::msg)?;
    ensure!(stale == ["nobody 9.9.9 is listed and not in Cargo.lock"], "{stale:?}");
    Ok(())
}
