//! `init`: a configuration file from what is found here.

use config::Given;

use crate::exit::Failure;
use crate::talk::Talk;

/// Offers to write an example where there is no file yet; then the flags that name it.
///
/// # Errors
/// When it cannot be written.
pub(super) fn offer_example(_talk: &Talk, _given: &Given) -> Result<Vec<String>, Failure> {
    Ok(Vec::new())
}
