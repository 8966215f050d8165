//! How the upstream behaves, as a query says it: `delay_us=20000&chunks=100&pace_us=10000`.

use anyhow::{Context, Result, bail, ensure};

/// How the upstream behaves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Behaviour {
    /// Microseconds from the request's last byte to the answer's first.
    pub(crate) delay_us: u64,
    /// Chunks of a stream, those at its end not counted.
    pub(crate) chunks: u64,
    /// Microseconds from chunk to chunk; 0 is as fast as they are taken.
    pub(crate) pace_us: u64,
    /// The share of calls that is answered with 500.
    pub(crate) broken: f64,
    /// The share of calls that is answered with 429.
    pub(crate) busy: f64,
    /// The share of answers that is cut off in the middle, with the connection.
    pub(crate) cut: f64,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self { delay_us: 0, chunks: 100, pace_us: 10_000, broken: 0.0, busy: 0.0, cut: 0.0 }
    }
}

impl Behaviour {
    /// Reads a query; what it does not name is as by default.
    pub(crate) fn read(query: &str) -> Result<Self> {
        let mut read = Self::default();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let whole = || value.parse().with_context(|| format!("`{name}` wants a whole number"));
            let share = || value.parse().with_context(|| format!("`{name}` wants a share, from 0 to 1"));
            match name {
                "delay_us" => read.delay_us = whole()?,
                "chunks" => read.chunks = whole()?,
                "pace_us" => read.pace_us = whole()?,
                "broken" => read.broken = share()?,
                "busy" => read.busy = share()?,
                "cut" => read.cut = share()?,
                _ => bail!("the upstream knows no `{name}`: delay_us, chunks, pace_us, broken, busy, cut"),
            }
        }
        ensure!(read.chunks > 0, "a stream has one of the `chunks` at least");
        Ok(read)
    }

    /// The same as a query.
    pub(crate) fn query(&self) -> String {
        let Self { delay_us, chunks, pace_us, broken, busy, cut } = self;
        format!("delay_us={delay_us}&chunks={chunks}&pace_us={pace_us}&broken={broken}&busy={busy}&cut={cut}")
    }
}

#[cfg(test)]
mod tests {
    use super::Behaviour;

    #[test]
    fn a_behaviour_reads_what_it_writes() {
        let asked = Behaviour { delay_us: 20_000, chunks: 7, cut: 0.25, ..Behaviour::default() };
        assert_eq!(Behaviour::read(&asked.query()).expect("its own words"), asked);
        assert!(Behaviour::read("dealy_us=1").is_err());
        assert!(Behaviour::read("chunks=0").is_err());
    }
}
