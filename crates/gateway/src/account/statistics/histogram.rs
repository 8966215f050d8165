//! How long things took, in cells that grow with the time: any quantile within 7 % of the truth, in little memory.

/// Cells an octave is cut into, as a power of two.
const FINE: u32 = 3;
/// Below a millisecond (1,024 microseconds) all times are one.
const FIRST: u32 = 10;
/// From 2^30 microseconds (18 minutes) on, too.
const LAST: u32 = 30;
/// One below, eight an octave, one above.
const CELLS: usize = ((LAST - FIRST) << FINE) as usize + 2;

/// Counts of times.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Histogram {
    cells: [u32; CELLS],
    /// How many, and all of them together in microseconds: exact, for the mean.
    pub(super) count: u64,
    sum_us: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { cells: [0; CELLS], count: 0, sum_us: 0 }
    }
}

impl Histogram {
    /// Takes a time in.
    pub(super) fn take(&mut self, time_us: u64) {
        let cell = &mut self.cells[cell(time_us)];
        *cell = cell.saturating_add(1);
        self.count += 1;
        self.sum_us = self.sum_us.saturating_add(time_us);
    }

    /// Adds what another one counted.
    pub(super) fn add(&mut self, other: &Self) {
        for (own, other) in self.cells.iter_mut().zip(&other.cells) {
            *own = own.saturating_add(*other);
        }
        self.count += other.count;
        self.sum_us = self.sum_us.saturating_add(other.sum_us);
    }

    /// The mean in milliseconds; none of nothing.
    pub(super) fn mean_ms(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum_us as f64 / self.count as f64 / 1000.0)
    }

    /// The time in milliseconds that this share of all did not exceed: the middle of the cell it lies in.
    pub(super) fn quantile_ms(&self, share: f64) -> Option<f64> {
        let counted: u64 = self.cells.iter().copied().map(u64::from).sum();
        let rank = (counted as f64 * share).ceil().max(1.0);
        let mut seen = 0;
        let reaches = |count: &u32| {
            seen += u64::from(*count);
            seen as f64 >= rank
        };
        let cell = self.cells.iter().position(reaches)?;
        let (from, to) = (begin(cell), begin(cell + 1));
        Some((from + to) as f64 / 2.0 / 1000.0)
    }
}

/// The cell of a time.
fn cell(time_us: u64) -> usize {
    let octave = time_us.max(1).ilog2();
    if octave < FIRST {
        return 0;
    }
    if octave >= LAST {
        return CELLS - 1;
    }
    let inside = (time_us >> (octave - FINE)) as usize & ((1 << FINE) - 1);
    1 + (((octave - FIRST) << FINE) as usize) + inside
}

/// The first microsecond of a cell; the last one is as long as an eighth of its octave, too.
fn begin(cell: usize) -> u64 {
    let Some(above) = cell.checked_sub(1) else { return 0 };
    let (octave, inside) = (FIRST + (above >> FINE) as u32, (above & ((1 << FINE) - 1)) as u64);
    ((1 << FINE) + inside) << (octave - FINE)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_time_lies_in_its_cell(time_us in 0u64..1 << 30) {
            let cell = cell(time_us);
            prop_assert!(begin(cell) <= time_us && time_us < begin(cell + 1), "{time_us} in {cell}");
        }

        #[test]
        fn quantiles_are_within_seven_percent_of_the_sorted_list(
            mut times in prop::collection::vec(1_024u64..1 << 30, 1..400),
            share in prop::sample::select(vec![0.5, 0.95, 0.99]),
        ) {
            let mut histogram = Histogram::default();
            times.iter().for_each(|time| histogram.take(*time));
            times.sort_unstable();
            let rank = (times.len() as f64 * share).ceil().max(1.0) as usize;
            let truth = times[rank - 1] as f64 / 1000.0;
            let told = histogram.quantile_ms(share).unwrap();
            prop_assert!((told - truth).abs() <= truth * 0.07, "{told} for {truth}");
        }
    }

    #[test]
    fn nothing_has_no_mean_and_the_longest_time_has_a_cell() {
        let mut histogram = Histogram::default();
        assert_eq!((histogram.mean_ms(), histogram.quantile_ms(0.5)), (None, None));
        histogram.take(u64::MAX);
        histogram.take(0);
        assert!(histogram.quantile_ms(0.99).is_some_and(|told| told >= 1_073_741.0));
        assert!(histogram.quantile_ms(0.5).is_some_and(|told| told < 1.1));
    }
}
