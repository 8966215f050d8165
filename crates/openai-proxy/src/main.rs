//! The program. Everything it does is in the library beside it.

use std::process::ExitCode;

/// A call takes pieces of memory on a worker's thread, and most are given back on others: what glibc does then costs a tenth of a call's
/// time (docs/adr/0027). How it behaves is set in `.cargo/config.toml`. Not on ARM, whose kernels have pages of several sizes: it is
/// built for one.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    openai_proxy::run()
}
