//! How providers stand, in a database: what was decided by hand, and what was learnt.

use super::Db;
use crate::problem::StoreProblem;
use crate::text;

/// Where it is known from.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Whence {
    /// Somebody has decided it.
    ByHand,
    /// A gateway has learnt it by itself.
    Learnt,
}

impl Db {
    /// Keeps how a provider stands, in the place of what was before; `None`: until it is taken away.
    ///
    /// # Errors
    /// When the database is away, or a text does not come back as it is.
    pub async fn keep_standing(
        &self,
        whence: Whence,
        provider: &str,
        text: &str,
        until_us: Option<u64>,
    ) -> Result<(), StoreProblem> {
        text::kept_as_it_is(provider)?;
        text::kept_as_it_is(text)?;
        let one = (provider.to_owned(), text.to_owned(), until_us);
        ask!(self, write, |memory| memory.keep_standing(whence, one), |sql, on| sql::standings::keep(
            on, whence, &one
        ))
    }

    /// What holds at this time: a provider, how it stands, and until when; by provider. What is over is deleted.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn standings(
        &self,
        whence: Whence,
        now_us: u64,
    ) -> Result<Vec<(String, String, Option<u64>)>, StoreProblem> {
        let mut all =
            ask!(self, read, |memory| memory.standings(whence), |sql, on| sql::standings::all(on, whence))?;
        let count = all.len();
        all.retain(|(_, _, until_us)| until_us.is_none_or(|until| until > now_us));
        if all.len() < count {
            // What holds is known without that, too.
            let _ = ask!(self, write, |memory| memory.tidy_standings(whence, now_us), |sql, on| {
                sql::standings::tidy(on, whence, now_us)
            });
        }
        Ok(all)
    }

    /// Takes away how a provider stands; whether there was something.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn remove_standing(&self, whence: Whence, provider: &str) -> Result<bool, StoreProblem> {
        let provider = provider.to_owned();
        ask!(self, write, |memory| memory.remove_standing(whence, &provider), |sql, on| {
            sql::standings::remove(on, whence, &provider)
        })
    }
}
