//! Frames, whole, cut and broken.

use super::*;

/// The example of AWS' own documents of the encoding: no headers, no payload.
const EMPTY: [u8; 16] = [0, 0, 0, 0x10, 0, 0, 0, 0, 0x05, 0xc2, 0x48, 0xeb, 0x7d, 0x98, 0xc8, 0xff];

fn all(bytes: &[u8], cuts: usize) -> Result<Vec<Frame>, Malformed> {
    let (mut frames, mut found) = (Frames::default(), Vec::new());
    for piece in bytes.chunks(cuts) {
        frames.push(piece);
        while let Some(frame) = frames.take()? {
            found.push(frame);
        }
    }
    Ok(found)
}

fn written() -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out, &[(":event-type", "one"), (":message-type", "event")], b"{\"text\":\"\xc3\xa9\"}");
    write(&mut out, &[], b"");
    write(&mut out, &[(":exception-type", "two")], b"{}");
    out
}

#[test]
fn frames_are_what_was_written_wherever_they_are_cut() {
    let bytes = written();
    for cuts in 1..bytes.len() {
        let found = all(&bytes, cuts).unwrap();
        assert_eq!(found.len(), 3, "pieces of {cuts}");
        assert_eq!(found[0].header(":event-type"), Some("one"));
        assert_eq!(found[0].header(":message-type"), Some("event"));
        assert_eq!(found[0].payload, "{\"text\":\"é\"}".as_bytes());
        assert_eq!(found[1], Frame::default());
        assert_eq!(found[2].header(":exception-type"), Some("two"));
    }
}

#[test]
fn the_empty_frame_is_that_of_the_documents() {
    let mut out = Vec::new();
    write(&mut out, &[], b"");
    assert_eq!(out, EMPTY);
}

#[test]
fn a_changed_bit_is_found_wherever_it_is() {
    let bytes = written();
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 0x40;
        assert!(all(&changed, 7).is_err(), "byte {at}");
    }
}

#[test]
fn lengths_beyond_the_limits_are_not_waited_for() {
    for (total, headers) in
        [(15_u32, 0_u32), (16, 1), (16 + 131_073, 131_073), (17 + 8 * 1024 * 1024, 0), (u32::MAX, 0)]
    {
        let mut prelude = [total.to_be_bytes(), headers.to_be_bytes()].concat();
        prelude.extend_from_slice(&crc32fast::hash(&prelude).to_be_bytes());
        assert_eq!(all(&prelude, 12), Err(Malformed::Length), "{total} {headers}");
    }
}

#[test]
fn headers_of_every_kind_are_passed_over_and_broken_ones_refused() {
    let frame = |head: &[u8]| {
        let mut out = [(16 + head.len()) as u32, head.len() as u32].map(u32::to_be_bytes).concat();
        checksum(&mut out, 0);
        out.extend_from_slice(head);
        checksum(&mut out, 0);
        out
    };
    let mut head = Vec::new();
    for (kind, length) in [(0, 0), (1, 0), (2, 1), (3, 2), (4, 4), (5, 8), (8, 8), (9, 16)] {
        head.extend_from_slice(&[1, b'x', kind]);
        head.extend(std::iter::repeat_n(0xff, length));
    }
    head.extend_from_slice(b"\x01y\x06\x00\x02\xff\xff\x01z\x07\x00\x02ok");
    let found = all(&frame(&head), 5).unwrap();
    assert_eq!((found[0].header("z"), found[0].header("y"), found[0].header("x")), (Some("ok"), None, None));
    for broken in [
        &b"\x05ab"[..],
        b"\x01a",
        b"\x01a\x0a",
        b"\x01a\x07\x00",
        b"\x01a\x07\x00\x05ab",
        b"\x01a\x07\x00\x01\xff",
    ] {
        assert_eq!(all(&frame(broken), 64), Err(Malformed::Headers), "{broken:?}");
    }
}

#[test]
fn what_is_too_long_for_a_header_is_cut() {
    let mut out = Vec::new();
    write(&mut out, &[(&"n".repeat(300), &"v".repeat(70_000))], b"");
    let found = all(&out, out.len()).unwrap();
    assert_eq!(found[0].header(&"n".repeat(255)).map(str::len), Some(65_535));
}
