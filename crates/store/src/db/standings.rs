//! What was decided about providers by hand, in a database.

use super::Db;
use crate::problem::StoreProblem;
use crate::text;

impl Db {
    /// Keeps what was decided about a provider, in the place of what was before; `None`: until it is taken away.
    ///
    /// # Errors
    /// When the database is away, or a text does not come back as it is.
    pub async fn keep_standing(
        &self,
        provider: &str,
        text: &str,
        until_us: Option<u64>,
    ) -> Result<(), StoreProblem> {
        text::kept_as_it_is(provider)?;
        text::kept_as_it_is(text)?;
        let one = (provider.to_owned(), text.to_owned(), until_us);
        ask!(self, write, |memory| memory.keep_standing(one), |sql, on| sql::standings::keep(on, &one))
    }

    /// What is in force at this time: a provider, what was decided, and until when; by provider. What is over is deleted.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn standings(&self, now_us: u64) -> Result<Vec<(String, String, Option<u64>)>, StoreProblem> {
        let mut all = ask!(self, read, |memory| memory.standings(), |sql, on| sql::standings::all(on))?;
        let count = all.len();
        all.retain(|(_, _, until_us)| until_us.is_none_or(|until| until > now_us));
        if all.len() < count {
            // What is in force is known without that, too.
            let _ =
                ask!(self, write, |memory| memory.tidy_standings(now_us), |sql, on| sql::standings::tidy(
                    on, now_us
                ));
        }
        Ok(all)
    }

    /// Takes away what was decided about a provider; whether there was something.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn remove_standing(&self, provider: &str) -> Result<bool, StoreProblem> {
        let provider = provider.to_owned();
        ask!(self, write, |memory| memory.remove_standing(&provider), |sql, on| sql::standings::remove(
            on, &provider
        ))
    }
}
