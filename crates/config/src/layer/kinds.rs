//! The few kinds of service that configuration treats by name.

use protocol::vendor::{Vendor, find};

/// What a provider is taken for when nothing says otherwise.
pub(crate) const COMPATIBLE: &str = "openai-compatible";
/// The service inside this process.
pub(crate) const INSIDE: &str = "mock";
/// Kinds people will ask for and that have no file in `protocol::vendor` yet.
pub(crate) const NOT_SPOKEN: &[&str] = &["anthropic-compatible", "http"];
/// Settings of a provider that are nothing but a header.
pub(crate) const ACCOUNT_HEADERS: &[(&str, &str)] =
    &[("organization", "openai-organization"), ("project", "openai-project")];

/// The kind a provider of this name has when it names none: a known word, or the compatible one.
pub(crate) fn by_name(name: &str) -> Option<&'static dyn Vendor> {
    find(name).or_else(|| find(COMPATIBLE))
}

/// The path of an address.
pub(crate) fn path(url: &str) -> &str {
    url.split_once("://").and_then(|(_, rest)| rest.find('/').map(|at| &rest[at..])).unwrap_or("")
}

/// The path of a base URL that names none: that of the vendor's own address, or the one everybody uses.
pub(crate) fn usual_path(vendor: &dyn Vendor) -> &str {
    match vendor.home() {
        Some(home) => path(home),
        None if vendor.name() == COMPATIBLE => "/v1",
        None => "",
    }
}
