//! Streams of every wire, bent at random: no reader panics, hangs or takes a broken stream for a whole one, and how a stream is cut into
//! pieces changes nothing. Two seconds a run; `OPENAI_PROXY_FUZZ_SECONDS=3600 cargo test --release -p protocol --test fuzz` goes on for an hour.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed, and says where")]

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use protocol::codec;
use protocol::dialect::Wire;
use protocol::frame::aws_event;
use protocol::hub::Delta;

/// Random numbers that are the same for the same seed (xorshift, Marsaglia 2003).
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, most: usize) -> usize {
        usize::try_from(self.roll() % most.max(1) as u64).unwrap()
    }
}

/// The golden streams of a wire, as they are on it.
fn streams(wire: Wire) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/stream").join(wire.name());
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let cases = files.filter(|path| path.extension().is_some_and(|extension| extension != "snap"));
    cases.map(|path| on_the_wire(wire, &fs::read(path).unwrap())).collect()
}

/// Frames are written as lines in the files.
fn on_the_wire(wire: Wire, bytes: &[u8]) -> Vec<u8> {
    if wire != Wire::Converse {
        return bytes.to_vec();
    }
    let mut out = Vec::new();
    for line in bytes.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
        let line: serde_json::Value = serde_json::from_slice(line).unwrap();
        let kind = line["type"].as_str().unwrap();
        aws_event::write(
            &mut out,
            &[(":message-type", "event"), (":event-type", kind)],
            line["payload"].to_string().as_bytes(),
        );
    }
    out
}

/// What a model, a proxy or a bad line may do to a stream.
fn bend(bytes: &mut Vec<u8>, dice: &mut Dice) {
    const WORDS: [&[u8]; 12] = [
        b"null",
        b"{}",
        b"[]",
        b"\"\"",
        b"-1",
        b"1e999",
        b"\n\n",
        b"\r",
        b"data: ",
        b"\\ud83d",
        b"\xff",
        b"18446744073709551616",
    ];
    for _ in 0..=dice.below(4) {
        let at = dice.below(bytes.len());
        match dice.below(6) {
            0 => bytes.truncate(at),
            1 if !bytes.is_empty() => bytes[at] ^= 1 << dice.below(8),
            2 => {
                let end = (at + dice.below(40)).min(bytes.len());
                bytes.drain(at..end);
            }
            3 => {
                let end = (at + dice.below(200)).min(bytes.len());
                let again = bytes[at..end].to_vec();
                bytes.splice(at..at, again);
            }
            _ => {
                bytes.splice(at..at, WORDS[dice.below(WORDS.len())].iter().copied());
            }
        }
    }
}

/// What is heard, and whether it ended; `None`: it was refused.
fn heard(wire: Wire, bytes: &[u8], step: usize) -> Option<(Vec<Delta>, bool)> {
    let (mut reader, mut deltas) = (codec::of(wire).reader(), Vec::new());
    for piece in bytes.chunks(step.max(1)) {
        reader.read(piece, &mut deltas).ok()?;
    }
    let ended = reader.end(&mut deltas);
    Some((deltas, ended))
}

#[test]
fn a_bent_stream_harms_no_reader() {
    let seconds = std::env::var_os("OPENAI_PROXY_FUZZ_SECONDS").and_then(|text| text.to_str()?.parse().ok());
    let until = Instant::now() + Duration::from_secs(seconds.unwrap_or(2));
    let mut dice = Dice(0x9E37_79B9_7F4A_7C15);
    let all: Vec<(Wire, Vec<Vec<u8>>)> = Wire::ALL.iter().map(|&wire| (wire, streams(wire))).collect();
    let mut runs = 0_u64;
    while Instant::now() < until {
        for (wire, streams) in &all {
            let seed = dice.0;
            let mut bytes = streams[dice.below(streams.len())].clone();
            bend(&mut bytes, &mut dice);
            let whole = heard(*wire, &bytes, usize::MAX);
            let pieces = heard(*wire, &bytes, 1 + dice.below(64));
            if let (Some(whole), Some(pieces)) = (&whole, &pieces) {
                assert_eq!(whole, pieces, "{wire}, seed {seed:#x}: other words in other pieces");
            } else {
                assert_eq!(
                    whole.is_some(),
                    pieces.is_some(),
                    "{wire}, seed {seed:#x}: refused in pieces or whole only"
                );
            }
            if let Some((deltas, true)) = &whole {
                assert!(
                    deltas.iter().any(|delta| matches!(delta, Delta::Stop(_) | Delta::Fault(_))),
                    "{wire}, seed {seed:#x}: looks complete"
                );
                let opened = deltas.iter().filter(|delta| matches!(delta, Delta::Open(..))).count();
                let mut numbers: Vec<usize> = deltas
                    .iter()
                    .filter_map(|delta| if let Delta::Open(number, _) = delta { Some(*number) } else { None })
                    .collect();
                numbers.sort_unstable();
                numbers.dedup();
                assert_eq!(numbers.len(), opened, "{wire}, seed {seed:#x}: a part was opened twice");
            }
            runs += 1;
        }
    }
    eprintln!("{runs} bent streams");
}
