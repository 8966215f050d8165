//! How long each step of the line takes, on its own: `cargo bench -p bench --bench steps`.

mod table;

use std::time::{Duration, Instant};

use anyhow::Result;
use criterion::{Criterion, Throughput};

/// So many times a step is made before what it piles up is cleared away, off the clock.
const AT_ONCE: u64 = 10_000;

fn main() -> Result<()> {
    let mut criterion = Criterion::default().configure_from_args();
    for mut step in table::steps()? {
        let mut group = criterion.benchmark_group("steps");
        if let Some(bytes) = step.bytes {
            group.throughput(Throughput::Bytes(bytes as u64));
        }
        group.bench_function(step.name, |bencher| bencher.iter_custom(|times| timed(&mut step, times)));
        group.finish();
    }
    criterion.final_summary();
    Ok(())
}

fn timed(step: &mut table::Step, times: u64) -> Duration {
    let mut total = Duration::ZERO;
    let mut left = times;
    while left > 0 {
        let now = left.min(AT_ONCE);
        let began = Instant::now();
        for _ in 0..now {
            (step.make)();
        }
        total += began.elapsed();
        (step.clear)();
        left -= now;
    }
    total
}
